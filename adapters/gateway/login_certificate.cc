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
  if (first.key_der.empty()) first.key_der = std::move(second.key_der);
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

// Of a login that is over.
void CountLogin(CertificateStatus status, const CertificateEvidence& evidence, bool is_accepted_unknown,
                CertificateMemory* memory) {
  ++memory->statuses[static_cast<size_t>(status)];
  if (is_accepted_unknown && status == CertificateStatus::kValid) ++memory->accepted_unknown;
  ++memory->shown[static_cast<size_t>(evidence.from)];
  if (evidence.fault != Fault::kNone) ++memory->faults[static_cast<size_t>(evidence.fault)];
}

}  // namespace

bool ShowsCertificates(const EndpointSettings& endpoint) noexcept {
  return endpoint.signature.has_value() || !endpoint.bare_certificate.empty();
}

ShownCertificate::ShownCertificate(CertificateEvidence connection, const EndpointSettings& endpoint,
                                   const LoginClaim& claim, absl::Time now)
    : evidence_(std::move(connection)), came_(now) {
  if (endpoint.signature && claim.signature) {
    signature_ = claim.signature;
    within_ = endpoint.signature->within;
  }
  if (!endpoint.bare_certificate.empty()) bare_ = claim.bare_certificate;
  if (claim.has_account) account_ = claim.account;
}

CertificateVerdict ShownCertificate::Look(const CertificateVerifier& verifier, absl::Time now,
                                          CertificateMemory* memory) {
  if (signature_) {
    absl::Time until;
    CertificateEvidence of_login = ReadSignedLogin(*signature_, within_, came_, &until);
    // A login may wait in our own queue for longer than it is fresh; a copy of it waits no longer. So its nonce is kept for
    // that much more.
    if (of_login.from == From::kSigned) fresh_until_ = until + LongestJudgement(kCertificateWaitMax);
    nonce_ = std::move(signature_->nonce);
    signature_.reset();
    evidence_ = Together(std::move(evidence_), std::move(of_login));
  }
  if (bare_) {
    evidence_ = Together(std::move(evidence_), ReadBareCertificate(*bare_));
    bare_.reset();
  }
  CertificateVerdict verdict = verifier.Verify(evidence_, account_, now);
  is_accepted_unknown_ = verdict.revocation_unknown.has_value();
  // Who is only unconfirmed may get as far as the password too, by another proof; nor may his signature come twice then.
  const bool may_pass =
      verdict.status == CertificateStatus::kValid || verdict.status == CertificateStatus::kUnconfirmed;
  if (may_pass && fresh_until_) {
    const Fault fault = FaultOf(memory->nonces.Note(evidence_.key_der, nonce_, *fresh_until_, now));
    fresh_until_.reset();
    if (fault != Fault::kNone) {
      is_accepted_unknown_ = false;
      evidence_ = Faulty(fault);
      return verifier.Verify(evidence_, account_, now);
    }
  }
  if (verdict.status == CertificateStatus::kValid) memory->known.Note(evidence_);
  return verdict;
}

void ShownCertificate::Count(CertificateStatus status, CertificateMemory* memory) const {
  CountLogin(status, evidence_, is_accepted_unknown_, memory);
}

std::optional<CertificateStatus> JudgeAtOnce(const CertificateVerifier& verifier,
                                             const CertificateEvidence& connection,
                                             const EndpointSettings& endpoint, const LoginClaim& claim,
                                             absl::Time now, CertificateMemory* memory) {
  if (endpoint.signature && claim.signature) return std::nullopt;
  const CertificateEvidence* evidence = &connection;
  CertificateEvidence together;
  if (!endpoint.bare_certificate.empty() && claim.bare_certificate) {
    together = Together(connection, ReadBareCertificate(*claim.bare_certificate));
    evidence = &together;
  }
  const std::optional<CertificateVerdict> verdict = verifier.VerifyKnown(
      *evidence, claim.has_account ? std::string_view(claim.account) : std::string_view(), now);
  if (!verdict) {
    ++memory->cache_misses;
    return std::nullopt;
  }
  if (!evidence->leaf_der.empty()) ++memory->cache_hits;
  CountLogin(verdict->status, *evidence, verdict->revocation_unknown.has_value(), memory);
  return verdict->status;
}

}  // namespace stockade
