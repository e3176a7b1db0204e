// Posts JSON to somebody's URL, signed, and believes nothing that comes back but its status.
//
//   HttpPost post(options);   … post.Send({"POST", url, body, id}, deadline)
//
// Over http or https alone; certificates are verified, redirects not followed (they would carry what was signed for one to
// another), the environment's proxies not used. Whoever is slow, endless or silent costs at most the time of the options, and
// no more than kAnswerBytesMax are taken of any answer. Only a status from 200 to 299 counts as taken.
//
// The signature is one field, `Stockade-Signature: t=1764187200,v1=5257a8…`: v1 is the HMAC-SHA-256, in hex, of the decimal
// seconds in t, a point, and the body as sent, with the secret as key. A receiver computes it, compares in constant time, and
// refuses a t that is more than some minutes away. The secret is the content of a file without the white space at its end; it
// is read for each call, so that it may be changed. `Idempotency-Key` names what is sent: the same again is the same.
//
// Send blocks. Errors: kInvalidArgument for 413 and 422 (what was sent can never be taken as it is); FailedPrecondition
// (secret unreadable); Unavailable for everything else, with curl's or the receiver's word, made printable. URLs are named
// without their path and query, since the path of a chat's webhook is its secret. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stockade {

struct HttpPostOptions {
  std::string secret_file;       // secret: a file of at least 16 bytes; empty: not signed
  std::string ca_file;           // ca: PEM; empty: the system's
  std::string certificate_file;  // certificate: PEM, of a client; empty: none
  std::string key_file;          // key: PEM, of that certificate
  std::string proxy;             // proxy: http://host:port; empty: none
  std::string authorization;     // authorization: a file with this field's whole value; empty: none
  absl::Duration connect_time = absl::Seconds(3);  // connect_time: name look-up and TLS included
  absl::Duration answer_time = absl::Seconds(10);  // answer_time: for one whole exchange, at most 20s
};

// What Send is given. Views live during the call.
struct HttpMessage {
  std::string_view method = "POST";  // POST, PUT or PATCH
  std::string_view url;
  std::string_view body;
  std::string_view id;  // for Idempotency-Key: letters and digits
};

// Whether this may be posted to: http or https, a host, no user or password in it, no control characters.
absl::Status CheckPostUrl(std::string_view key, std::string_view url);
absl::Status CheckPostOptions(const HttpPostOptions& options);

// "t=…,v1=…" over a body.
std::string PostSignature(std::string_view secret, int64_t unix_seconds, std::string_view body);
// What a secret's file holds, without the white space at its end: from `bytes_min` to 4096 bytes. FailedPrecondition, naming
// `key` and the file, for anything else.
absl::StatusOr<std::string> ReadSecretFile(std::string_view key, const std::string& file, size_t bytes_min);
// Percent-encodes everything but unreserved characters (RFC 3986 §2.3), for a part of a URL.
std::string UrlPart(std::string_view text);

class HttpPost {
 public:
  static constexpr size_t kAnswerBytesMax = size_t{64} << 10;

  // `options` have passed CheckPostOptions.
  explicit HttpPost(HttpPostOptions options);
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  absl::Status Send(const HttpMessage& message, std::chrono::steady_clock::time_point deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Names for what is sent: a message that failed and comes again has the name and the time that it had; the same orders, sent
// anew after they were taken, have another: a receiver that drops what it knows must not drop a decision made twice. Not
// thread-safe.
class DeliveryNames {
 public:
  struct Name {
    std::string id;  // 32 hex digits
    int64_t time_ms = 0;
  };
  // Of a message with this content.
  const Name& Of(std::string_view content, int64_t now_ms);
  // It was taken.
  void Forget(std::string_view content);

 private:
  // Failed messages that are remembered; with more, all are forgotten, and receivers see some orders twice.
  static constexpr size_t kRememberedMax = 4096;
  absl::flat_hash_map<std::string, Name> by_digest_;
};

}  // namespace stockade
