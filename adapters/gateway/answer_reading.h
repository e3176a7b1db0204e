// Follows the answer to one login until it says what came of it: its status and fields, or, where a row of the endpoint's
// table asks for that, its body too. One implementation for whoever passes answers on and whoever only sees them.
//
//   ReadHead TakeBody* EndBody?      the first call that gives an outcome is the last that does anything
//
// Keeps at most the head and `answer_bytes` of the body, and only where the body is asked for. One thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapters/gateway/login_exchange.h"
#include "adapters/http/http_message.h"

namespace stockade {

class AnswerReading {
 public:
  // `logins` outlives it.
  AnswerReading(const LoginExchange& logins, int endpoint) : logins_(logins), endpoint_(endpoint) {}

  // The answer's head. `head`: its bytes, kept while the body is awaited.
  std::optional<Outcome> ReadHead(const ResponseView& answer, std::string_view head, bool has_body);
  bool wants_body() const noexcept { return wants_body_; }
  // A run of the body's data.
  std::optional<Outcome> TakeBody(std::string_view data);
  // No more comes of it: what came still says something.
  std::optional<Outcome> EndBody();
  // Nobody can say what the body held: a row that did not see it must not speak for one that would have.
  void LoseBody() noexcept { wants_body_ = false; }

  int status() const noexcept { return status_; }
  size_t bytes() const noexcept { return head_.size() + body_.size(); }  // kept

 private:
  const LoginExchange& logins_;
  const int endpoint_;
  int status_ = 0;
  bool wants_body_ = false;
  std::string head_, body_;
};

}  // namespace stockade
