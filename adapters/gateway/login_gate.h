// A login that the proxy holds: asked about at the desk before it goes on, and told of afterwards.
//
//   ReadLogin ─► FindCertificate ─► (it is judged) ─► AskGate ─► forward ─► (LoginWatch reads the answer) ─► Observe | Abandon
//          └──────────────────────────────────────────────┴─► answer: what the client is told instead
//
// Threads: any; a LoginWatch is one exchange's. Cost: the desk's, and reading the claim.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/gateway/answer_reading.h"
#include "adapters/gateway/proxy_counts.h"
#include "adapters/gateway/proxy_state.h"
#include "adapters/gateway/tls_print.h"

namespace stockade {

struct GateQuestion {
  int endpoint = 0;
  const RequestView& request;
  std::string_view body;  // without chunks
  Address client;
  bool peer_is_listed = false;
  const CertificateEvidence& shown;
  const ClientFingerprint& fingerprint;  // of this very connection; empty on a plain one
};

// False: it cannot be read, and `answer` is what the client is told.
bool ReadLogin(const ProxyState& state, const GateQuestion& question, bool keep_open, LiveCounts* counts,
               LoginClaim* claim, std::string* answer);

CertificateFinding FindCertificate(const ProxyState& state, const GateQuestion& question,
                                   const LoginClaim& claim);

struct GateReply {
  bool forward = false;
  std::string answer;  // the bytes to send instead
  uint64_t ticket = 0;
};
// `question.body` is not looked at any more.
GateReply AskGate(const ProxyState& state, const GateQuestion& question, const LoginClaim& claim,
                  CertificateStatus certificate, bool keep_open, LiveCounts* counts);

// Follows the answer to one login that went on. Tells the desk exactly once; one that goes away untold abandons.
class LoginWatch {
 public:
  LoginWatch(std::shared_ptr<const ProxyState> state, int endpoint, uint64_t ticket, LiveCounts* counts)
      : state_(std::move(state)),
        endpoint_(endpoint),
        ticket_(ticket),
        counts_(counts),
        reading_(*state_->parts.logins, endpoint) {}
  ~LoginWatch();
  LoginWatch(const LoginWatch&) = delete;
  LoginWatch& operator=(const LoginWatch&) = delete;

  // The answer's head. `head`: its bytes, kept while the body is awaited.
  void ReadHead(const ResponseView& answer, std::string_view head, bool has_body);
  bool wants_body() const noexcept { return reading_.wants_body(); }
  // A run of the body's data.
  void TakeBody(std::string_view data) { Observe(reading_.TakeBody(data)); }
  // No more comes of it.
  void EndBody() { Observe(reading_.EndBody()); }

 private:
  void Observe(std::optional<Outcome> outcome);

  std::shared_ptr<const ProxyState> state_;
  int endpoint_;
  uint64_t ticket_;  // 0: told, or nothing to tell
  LiveCounts* counts_;
  AnswerReading reading_;
};

}  // namespace stockade
