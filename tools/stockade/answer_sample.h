// Sample answers of an application, and what would be read from them: the check of an endpoint's outcome table before
// it meets a customer.
//
// A sample is a file with, as text, a request and behind it the answer to it, or the answer alone:
//
//   POST /login HTTP/1.1                         a head, an empty line, the body (which may be missing)
//   Content-Type: application/x-www-form-urlencoded
//
//   username=alice&password=x
//
//   HTTP/1.1 302 Found                           what curl -i prints: the first answer that is not 1xx
//   Location: /home
//
// Lines end with LF or CR LF, as an editor left them; a body is taken as it is, not unpacked. A request's body ends
// where its Content-Length says or, without one, in front of the line that begins the answer; line ends around it are
// not part of it. Bounded by kSampleBytesMax.
//
// What is shown of a request is its account and that a password was found, never the password. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/gateway/login_exchange.h"
#include "engine/rule/finding.h"

namespace stockade {

inline constexpr size_t kSampleBytesMax = size_t{16} << 20;

// Views into the text that was read, which must outlive it.
struct AnswerSample {
  bool has_request = false;
  std::string_view method;
  std::string_view target;
  std::vector<HeaderField> request_fields;
  std::string_view request_body;

  bool has_answer = false;
  int status = 0;
  std::vector<HeaderField> fields;
  std::string_view body;
};

// Errors: neither a request nor an answer; a line of a head that is no field.
absl::StatusOr<AnswerSample> ReadAnswerSample(std::string_view text);

// What is read from one sample.
struct SampleReading {
  std::string file;
  int endpoint = LoginExchange::kNoEndpoint;
  std::string endpoint_name;
  std::string request;  // "POST /login"; empty: there was none
  LoginReadError error = LoginReadError::kNone;
  LoginClaim claim;
  int status = 0;
  int row = -1;
  Outcome outcome = Outcome::kUnknown;
};

// Reads a sample as the sidecar would. An answer without a request is one of the only endpoint there is. What does not
// fit goes to `findings`, under `file`: no endpoint, a request that cannot be read, an outcome that is unknown.
SampleReading ReadSample(const LoginExchange& exchange, const AnswerSample& sample, const std::string& file,
                         Findings* findings);

// A row of an outcome table in words: "status 302, location ^/home".
std::string RowText(const OutcomeRule& rule);

}  // namespace stockade
