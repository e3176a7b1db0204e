#include "adapters/gateway/login_certificate.h"

#include <optional>
#include <utility>

namespace stockade {
namespace {

using From = CertificateEvidence::From;
using Fault = CertificateEvidence::Fault;

// `first` counts; `second` must not contradict it.
CertificateEvidence Together(CertificateEvidence first, CertificateEvidence second) {
  if (first.from == From::kMalformed || second.from == From::kNone) return first;
  if (second.from == From::kMalformed || first.from == From::kNone) return second;
  if (first.leaf_der != second.leaf_der) return Faulty(Fault::kContradiction);
  // nginx forwards no intermediates; a path is built of what was sent, wherever.
  if (first.chain_der.empty()) first.chain_der = std::move(second.chain_der);
  if (first.ocsp_der.empty()) first.ocsp_der = std::move(second.ocsp_der);
  return first;
}

Fault FaultOf(NonceMemory::Answer answer) noexcept {
  switch (answer) {
    case NonceMemory::Answer::kNew:
      return Fault::kNone;
    case NonceMemory::Answer::kSeen:
      return Fault::kReplayed;
    case NonceMemory::Answer::kPast:
      return Fault::kStale;
    case NonceMemory::Answer::kFull:
    case NonceMemory::Answer::kTooMany:
      break;
  }
  return Fault::kTooManyNonces;
}

}  // namespace

bool ShowsCertificates(const EndpointSettings& endpoint) noexcept {
  return endpoint.signature.has_value() || !endpoint.bare_certificate.empty();
}

CertificateJudgement JudgeCertificates(const CertificateVerifier& verifier, CertificateEvidence connection,
                                       const EndpointSettings& endpoint, const LoginClaim& claim,
                                       Judging judging, absl::Time now, CertificateMemory* memory) {
  CertificateEvidence evidence = std::move(connection);
  std::optional<absl::Time> fresh_until;
  if (endpoint.signature && claim.signature) {
    absl::Time until;
    CertificateEvidence of_login = ReadSignedLogin(*claim.signature, endpoint.signature->within, now, &until);
    if (of_login.from == From::kSigned) fresh_until = until;
    evidence = Together(std::move(evidence), std::move(of_login));
  }
  if (!endpoint.bare_certificate.empty() && claim.bare_certificate)
    evidence = Together(std::move(evidence), ReadBareCertificate(*claim.bare_certificate));

  const std::string_view account = claim.has_account ? std::string_view(claim.account) : std::string_view();
  CertificateVerdict verdict = verifier.Verify(evidence, account, now);
  if (judging == Judging::kMayAsk && !verdict.ask.empty()) return {verdict.status, std::move(verdict.ask)};
  const bool good =
      verdict.status == CertificateStatus::kValid || verdict.status == CertificateStatus::kUnconfirmed;
  if (good && fresh_until) {
    const Fault fault =
        FaultOf(memory->nonces.Note(evidence.leaf_der, claim.signature->nonce, *fresh_until, now));
    if (fault != Fault::kNone) {
      evidence = Faulty(fault);
      verdict = verifier.Verify(evidence, account, now);
    }
  }
  ++memory->statuses[static_cast<size_t>(verdict.status)];
  if (verdict.status == CertificateStatus::kValid && verdict.revocation_unknown) ++memory->accepted_unknown;
  ++memory->shown[static_cast<size_t>(evidence.from)];
  if (evidence.fault != Fault::kNone) ++memory->faults[static_cast<size_t>(evidence.fault)];
  return {verdict.status, {}};
}

}  // namespace stockade
