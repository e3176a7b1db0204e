// The languages in which a proxy can ask for the verdict on a login before it passes it on, and in which an application
// tells what came of it: one table, one gate behind all.
//
//   request in a dialect ─► the login it asks about ─► LoginExchange ─► GateDesk ─► reply in the same dialect
//
//   auth-request   /auth-request            nginx auth_request: no body; the original in X-Original-Method and
//                                           X-Original-URI. 204, or 401 where the answer set for the verdict is 401, else
//                                           403: nginx takes nothing else for a denial. What the client may be told is in
//                                           X-Stockade-Verdict, -Kind, -Reason and Retry-After.
//   forward-auth   /forward-auth            Traefik ForwardAuth, Caddy forward_auth: X-Forwarded-Method, -Uri, -Host, and
//                                           the body where Traefik forwards it. 204, or the answer that is set, whole.
//   ext-authz      /ext-authz/…             Envoy ext_authz over HTTP with path_prefix /ext-authz: method, path, Host and
//                                           body are the original's. 200, or the answer that is set, but never 5xx, which
//                                           Envoy takes for our failure.
//   appsec         X-Crowdsec-Appsec-*      CrowdSec's AppSec protocol, at any path: 200 {"action":"allow"}, 403
//                                           {"action":"ban"|"captcha","http_status":403}, 401 bad key, 500 unreadable.
//                                           A captcha is a human test: nobody is asked for his identity here.
//   assess         POST /v1/assess          our own: JSON with ECS names, and `password`, hashed at once; and what the
//                                           login shows of a certificate, to be judged here: tls.client.certificate, or
//                                           login.signature with login.timestamp and login.nonce (verdict_api.cc).
//                                           `login.can_ask`, neither, human, identity or both: what the caller can show.
//                                           {"verdict":"allow","reaches":true,"ticket":17}
//   outcome        POST /v1/outcome         {"ticket":17,"outcome":"bad_password"} → 204
//   challenge      POST /v1/challenge       {"kind":"human","account":"alice","source":"192.0.2.7","device":"d"} → 204
//
// A new dialect is a row of the table in verdict_dialects.cc: how it says what is asked, how it is answered, and, by its way in
// login_way.h, what it can ask a person for: an attempt is asked about with that, so that no verdict is one that cannot be said.
//
// Requests that are no login (LoginExchange::Find) are allowed without asking. Where a login is let through the reply
// names its ticket (X-Stockade-Ticket), by which /v1/outcome tells what came of it; one that nobody tells is unknown
// after EngineDesk::kTicketTime. Where a dialect carries no body, a login without a readable account is asked about by
// its address; else the endpoint's on_unreadable decides.
//
// Who may ask: /v1 and AppSec with the token; without one set, and for the other dialects, from this machine or from a
// listed proxy. Whoever else asks is told 403 and nothing of anybody. X-Forwarded-For counts from these only, as
// client_address.h walks it; in AppSec the address is X-Crowdsec-Appsec-Ip, and X-Forwarded-For is never looked at.
//
// A login whose certificate needs a signature checked is answered later, by the thread that judged it; what is asked about
// is held until then.
//
// Immutable; any thread. Cost: that of LoginExchange and desk, some microseconds.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/certificate/evidence.h"
#include "adapters/gateway/certificate_finding.h"
#include "adapters/gateway/client_address.h"
#include "adapters/gateway/gate_desk.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/login_way.h"
#include "adapters/gateway/settings.h"
#include "adapters/http/service_message.h"

namespace stockade {

// What the service counts besides what the desk does; shared by the settings before and after a reload.
struct VerdictCounters {
  static constexpr size_t kDialects = 7;
  std::array<std::atomic<uint64_t>, kDialects> requests{};  // by row of the table
  std::atomic<uint64_t> not_login{0};
  std::atomic<uint64_t> unreadable{0};
  std::atomic<uint64_t> refused{0};  // asked by who may not
  std::atomic<uint64_t> misread{0};  // not what the dialect asks for
};
// "auth-request", …: the label of VerdictCounters::requests.
std::string_view DialectName(size_t row) noexcept;

// The certificate that a listed proxy says the client showed, or that the login shows itself, judged for its account;
// kUnchecked where nothing of this endpoint could show one. Null: nobody looks.
using AskedCertificate =
    std::function<CertificateFinding(std::span<const HeaderField> fields, const EndpointSettings& endpoint,
                                     const LoginClaim& claim, const Address& client)>;
// The same of what /v1/assess was handed: `shown` is kNone where only the claim shows something.
using AssessedCertificate =
    std::function<CertificateFinding(CertificateEvidence shown, const EndpointSettings& endpoint,
                                     const LoginClaim& claim, const Address& client)>;

struct VerdictParts {
  GateDesk* desk = nullptr;  // outlives all
  std::shared_ptr<const LoginExchange> exchange;
  AnswersSettings answers;
  std::vector<Prefix> trusted_proxies;
  ForwardingField client_address = ForwardingField::kXForwardedFor;
  std::string token;  // empty: none is asked for, and only this machine and listed proxies may ask
  TlsFingerprintSettings tls_fingerprint;
  HashKey hash_key;                // of passwords handed to /v1/assess
  bool fold_account_case = false;  // of accounts handed to /v1 (GatewaySettings)
  AskedCertificate certificate;
  AssessedCertificate assessed_certificate;
  CanAskByWay can_ask{};                // of CanAskByWays; as it is: nothing is said of it
  VerdictCounters* counters = nullptr;  // outlives all
};

class VerdictDialects : public std::enable_shared_from_this<VerdictDialects> {
 public:
  explicit VerdictDialects(VerdictParts parts);

  // The reply to any request at all; a path that no dialect has is 404. Nothing: it comes later, by `later`, and this lives
  // in a shared_ptr then. That happens only where a certificate of VerdictParts is found later.
  std::optional<ServiceReply> Reply(const ServiceRequest& request, const ServiceLater& later) const;

 private:
  struct Dialect;
  struct Asked;
  struct Decided;
  static const std::array<Dialect, VerdictCounters::kDialects> kDialects;

  const Dialect* FindDialect(const ServiceRequest& request) const noexcept;
  bool MayAsk(const Dialect& dialect, const ServiceRequest& request) const noexcept;
  Address ClientOf(const ServiceRequest& request) const noexcept;
  std::optional<ServiceReply> Decide(const Dialect& dialect, const Asked& asked,
                                     const ServiceLater& later) const;
  ServiceReply Judge(const Dialect& dialect, const Attempt& attempt, FailMode on_trouble,
                     std::string request_id) const;
  // Calls `answer` with the attempt and its certificate: now, or in another thread when `finding` has come.
  template <typename Answer>
  std::optional<ServiceReply> WithCertificate(const Attempt& attempt, const CertificateFinding& finding,
                                              const ServiceLater& later, Answer answer) const;

  bool ReadAuthRequest(const ServiceRequest& request, Asked* asked) const;
  bool ReadForwardAuth(const ServiceRequest& request, Asked* asked) const;
  bool ReadExtAuthz(const ServiceRequest& request, Asked* asked) const;
  bool ReadAppSec(const ServiceRequest& request, Asked* asked) const;

  ServiceReply ReplyStatusOnly(const Decided& decided) const;
  ServiceReply ReplyAnswer(const Decided& decided) const;
  ServiceReply ReplyExtAuthz(const Decided& decided) const;
  ServiceReply ReplyAppSec(const Decided& decided) const;

  // verdict_api.cc: our own.
  std::optional<ServiceReply> TakeAssess(const ServiceRequest& request, const ServiceLater& later) const;
  ServiceReply ReplyAssessed(const Attempt& attempt) const;
  std::optional<ServiceReply> TakeOutcome(const ServiceRequest& request, const ServiceLater& later) const;
  std::optional<ServiceReply> TakeChallenge(const ServiceRequest& request, const ServiceLater& later) const;

  const VerdictParts parts_;
  const ClientAddressReader client_;
};

template <typename Answer>
std::optional<ServiceReply> VerdictDialects::WithCertificate(const Attempt& attempt,
                                                             const CertificateFinding& finding,
                                                             const ServiceLater& later, Answer answer) const {
  const auto with = [](Attempt judged, CertificateStatus status) {
    judged.certificate = status;
    judged.certificate_present = status != CertificateStatus::kUnchecked;
    return judged;
  };
  if (!finding.later) return answer(with(attempt, finding.status));
  // What is asked about has to outlive the request, and whoever answers the settings that it was asked on.
  LoginEvent event;
  event.attempt = attempt;
  finding.later([self = shared_from_this(), held = std::make_shared<const OwnedEvent>(event), with,
                 answer = std::move(answer), reply_to = later()](CertificateStatus status) {
    reply_to(answer(with(held->event().attempt, status)));
  });
  return std::nullopt;
}

}  // namespace stockade
