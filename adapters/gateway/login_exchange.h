// A login over HTTP, read: which requests are logins, what they claim, and what the application's answer says came of it.
// One implementation for everybody who sees such logins: the proxy, the verdict service, and captures from the wire.
//
// Passwords: ReadRequest turns the password into login.password_id (SipHash-2-4-128 under the engine's hash key) while
// it reads and wipes every copy it made (OPENSSL_cleanse or explicit_bzero); no member of LoginClaim holds it.
//
// Immutable after Create; any thread at once. Cost, measured with one endpoint: Find 60 to 200 ns; ReadRequest 3 µs for
// a form or JSON with a browser's 13 fields; ReadOutcome 0.2 µs where a pattern for Location decides.
// Bad input: an enum, never text of the client's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/certificate/signed_login.h"
#include "adapters/gateway/found_value.h"
#include "adapters/gateway/settings.h"
#include "adapters/http/http_message.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/outcome.h"

namespace stockade {

// What a login request claims. Owns its text.
struct LoginClaim {
  bool has_account = false;
  std::string account;
  std::string password_id;  // 32 hexadecimal digits; empty: no password was there
  std::string device;
  std::string user_agent;
  std::string request_id;    // X-Request-Id where it is sane, else empty
  std::string header_order;  // hash of the order of field names, hex
  bool has_user_agent = false;
  // Where the endpoint says that logins are signed, and something stood there: as it was found, bounded, believed by
  // nobody yet.
  std::optional<SignedLogin> signature;
  // The same of a certificate that is only shown; empty: one that no certificate is as long as, or two.
  std::optional<std::string> bare_certificate;
};

class LoginExchange {
 public:
  // Errors: a pattern RE2 refuses, a text to be signed that could be two; naming endpoint and key.
  static absl::StatusOr<std::unique_ptr<LoginExchange>> Create(const std::vector<EndpointSettings>& endpoints,
                                                               const HashKey& hash_key);
  virtual ~LoginExchange() = default;

  static constexpr int kNoEndpoint = -1;
  // The endpoint of a request, or kNoEndpoint. Compares the path as the application will see it: percent-decoded,
  // dot segments removed, doubled slashes folded, so that /%6cogin and //x/../login are /login too; where applications
  // see several, with each (path_match.h). ASCII case of methods does not count: WSGI servers and Django raise it.
  virtual int Find(const RequestView& request) const noexcept = 0;
  virtual const EndpointSettings& endpoint(int index) const noexcept = 0;
  virtual int endpoint_count() const noexcept = 0;

  // Where several sources are set, the first that yields a value wins. A form's field that also stands in the query with
  // another value is kTwoValues: some applications read the one, some the other. Packed bodies (Content-Encoding) are
  // kUnknownType. The account is spelt as account_text.h says. What is wrong with a signature or a certificate is no error:
  // it is the claim's, and the gate answers it.
  virtual LoginReadError ReadRequest(int endpoint, const RequestView& request, std::string_view body,
                                     LoginClaim* claim) const = 0;

  // Whether the outcome of this endpoint depends on the answer's body at all, given its status and fields; if not,
  // the body need not be held.
  virtual bool NeedsBody(int endpoint, const ResponseView& answer) const noexcept = 0;
  // Whether some row of this endpoint looks at bodies: then the upstream should be asked for unpacked answers
  // (Accept-Encoding: identity), because packed ones fit no such row.
  virtual bool has_body_rows(int) const noexcept { return true; }
  // `body`: at most answer_bytes of it, decoded from chunks. `row`, if not null, is the row that held, or -1.
  virtual Outcome ReadOutcome(int endpoint, const ResponseView& answer, std::string_view body,
                              int* row = nullptr) const = 0;
};

}  // namespace stockade
