// What a client whose login is stopped is told: settings and verdict become the bytes of an HTTP/1.1 answer.
//
// Validate once, when settings are read; then MakeAnswer cannot fail. `{retry_after}` and `{request_id}` in header
// values, redirect and body become the seconds and the id; nothing a client sends reaches an answer but an id made of
// letters, digits and -_.:/+=@, so that neither a field nor a page can be forged.
//
// Always Cache-Control: no-store (a stopped login is nobody else's answer) and Content-Length; to HEAD the length of
// the body that is not sent. A 401 without WWW-Authenticate gets one (RFC 9110 §11.6.1), of a scheme that makes no
// browser ask for a password.
//
// Pure, any thread; about a microsecond.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "adapters/gateway/gate_desk.h"
#include "adapters/gateway/settings.h"

namespace stockade {

// Errors, naming the key within an answer: a status that ends no request or has no body beside a body; a header whose
// name is no token, whose value holds a control character, or that another key or the connection sets; a content type,
// or a redirect, that cannot stand in a field; an unknown {placeholder} is left as it is, braces are usual in JSON.
absl::Status ValidateAnswer(const AnswerSettings& settings);

// The answer of a verdict that does not reach the password check.
const AnswerSettings& ChooseAnswer(const AnswersSettings& answers, const GateAnswer& verdict) noexcept;

// For who sends it in another way than the proxy: a verdict service.
struct Answer {
  int status = 403;
  std::vector<std::pair<std::string, std::string>> headers;  // without Content-Length and Connection
  std::string body;
};
Answer MakeAnswer(const AnswerSettings& settings, std::string_view request_id);

// The bytes. `head_request`: the request's method was HEAD. `keep_open`: the connection serves another request.
std::string WriteAnswer(const Answer& answer, bool head_request, bool keep_open);

// The reason phrase of a status; "" for one that has no name.
std::string_view ReasonPhrase(int status) noexcept;

}  // namespace stockade
