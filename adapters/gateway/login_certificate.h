// What a login shows of certificates, in whichever way, becomes the one status that the gate acts on.
//
// A certificate can come with the connection (our own TLS, or the fields of a listed proxy), in a signature of the login,
// and bare, where the endpoint says so; the first of these that is there is the one that is judged. What else is there
// must hold too, and be the same certificate: a login that shows two is malformed, as is one whose signature does not
// hold, whoever owns the connection.
//
// A signature is used up when its certificate is found valid for the account, whatever the gate then says of the login:
// who was asked to wait or to prove something signs again, with a new nonce.
//
// What a responder could still say of revocation is asked in between, by whoever owns the login:
//
//   CertificateJudgement judged = JudgeCertificates(…, Judging::kMayAsk, …);
//   if (!judged.ask.empty()) client->Ask(std::move(judged.ask), [=] { … JudgeCertificates(…, Judging::kFinal, …) … });
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/nonce_memory.h"
#include "adapters/certificate/ocsp_question.h"
#include "adapters/certificate/verifier.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/settings.h"
#include "engine/event/outcome.h"

namespace stockade {

// What outlives reloads: used nonces, and counts. Any thread.
struct CertificateMemory {
  NonceMemory nonces;
  std::array<std::atomic<uint64_t>, kEvidenceFromCount> shown{};           // by CertificateEvidence::From
  std::array<std::atomic<uint64_t>, kEvidenceFaultCount> faults{};         // by Fault
  std::array<std::atomic<uint64_t>, kCertificateNames.size()> statuses{};  // by CertificateStatus
  std::atomic<uint64_t> accepted_unknown{0};  // valid because a policy accepts that revocation is unknown
};

enum class Judging : uint8_t {
  kMayAsk,  // where somebody should be asked first, the judgement is not given: nothing is counted, no signature used up
  kFinal,  // what is unknown is what the policy says
};

struct CertificateJudgement {
  CertificateStatus status =
      CertificateStatus::kUnchecked;  // where `ask` is not empty: what it would be without asking
  std::vector<OcspQuestion> ask;      // with kFinal: none
};

// Whether logins of this endpoint may show a certificate in themselves.
bool ShowsCertificates(const EndpointSettings& endpoint) noexcept;

// `connection`: of the connection, or kNone. `now`: of each judgement its own. Any thread; costs what the verifier and,
// with one, the signature cost.
CertificateJudgement JudgeCertificates(const CertificateVerifier& verifier, CertificateEvidence connection,
                                       const EndpointSettings& endpoint, const LoginClaim& claim,
                                       Judging judging, absl::Time now, CertificateMemory* memory);

}  // namespace stockade
