// What a login shows of certificates, in whichever way, becomes the one status that the gate acts on.
//
// A certificate can come with the connection (our own TLS, or the fields of a listed proxy), in a signature of the login,
// and bare, where the endpoint says so; the first of these that is there is the one that is judged. What else is there
// must hold too, and be the same certificate: a login that shows two is malformed, and one whose signature does not hold is
// refused for that, whoever owns the connection.
//
// A signature is used up when its certificate is found valid for the account, whatever the gate then says of the login:
// who was asked to wait or to prove something signs again, with a new nonce.
//
//   JudgeAtOnce ─┬► the status                                        where no signature must be checked
//                └► ShownCertificate: (Look | somebody is asked)+ ─► Count     on a thread that may wait
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/known_certificates.h"
#include "adapters/certificate/nonce_memory.h"
#include "adapters/certificate/verifier.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/settings.h"
#include "engine/event/outcome.h"

namespace stockade {

// What outlives reloads: used nonces, certificates that were good, and counts. Any thread.
struct CertificateMemory {
  NonceMemory nonces;
  KnownCertificates known;
  std::atomic<uint64_t> cache_hits{0};    // logins whose certificate was verified before
  std::atomic<uint64_t> cache_misses{0};  // logins that a thread had to look at for their certificate alone
  std::atomic<uint64_t> warmed{0};        // certificates of `known`, verified anew and still good
  std::atomic<uint64_t> warmed_bad{0};    // the same, and not good any more
  std::array<std::atomic<uint64_t>, kEvidenceFromCount> shown{};           // by CertificateEvidence::From
  std::array<std::atomic<uint64_t>, kEvidenceFaultCount> faults{};         // by Fault
  std::array<std::atomic<uint64_t>, kCertificateNames.size()> statuses{};  // by CertificateStatus
  std::atomic<uint64_t> accepted_unknown{0};  // valid because a policy accepts that revocation is unknown
};

// Whether logins of this endpoint may show a certificate in themselves.
bool ShowsCertificates(const EndpointSettings& endpoint) noexcept;

// What a login shows, held while it is judged. Owns all of it but the endpoint's settings.
class ShownCertificate {
 public:
  // `connection`: of the connection, or kNone.
  ShownCertificate(CertificateEvidence connection, const EndpointSettings& endpoint, const LoginClaim& claim,
                   absl::Time now);

  // Costs what the verifier and, the first time, a signature cost. May be called again when something more has become known
  // (an OCSP response): the signature counts as of the first time, and is used up once. One thread at a time.
  CertificateVerdict Look(const CertificateVerifier& verifier, absl::Time now, CertificateMemory* memory);
  // Of a login that is over: once.
  void Count(CertificateStatus status, CertificateMemory* memory) const;

 private:
  CertificateEvidence evidence_;
  std::optional<SignedLogin> signature_;  // not read yet
  std::optional<std::string> bare_;       // the same
  absl::Duration within_;
  std::string account_;
  const absl::Time came_;
  std::string nonce_;
  std::optional<absl::Time> fresh_until_;  // of a signature that is not used up yet
  bool is_accepted_unknown_ =
      false;  // the last look found it valid because a policy accepts what nobody knows
};

// The status where it takes no signature to be checked, counted; else nothing. Any thread, some microseconds.
std::optional<CertificateStatus> JudgeAtOnce(const CertificateVerifier& verifier,
                                             const CertificateEvidence& connection,
                                             const EndpointSettings& endpoint, const LoginClaim& claim,
                                             absl::Time now, CertificateMemory* memory);

}  // namespace stockade
