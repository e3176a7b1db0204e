// What a login shows of certificates, in whichever way, becomes the one status that the gate acts on.
//
// A certificate can come with the connection (our own TLS, or the fields of a listed proxy), in a signature of the login,
// and bare, where the endpoint says so; the first of these that is there is the one that is judged. What else is there
// must hold too, and be the same certificate: a login that shows two is malformed, as is one whose signature does not
// hold, whoever owns the connection.
//
// A signature is used up when its certificate is found valid for the account, whatever the gate then says of the login:
// who was asked to wait or to prove something signs again, with a new nonce.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/nonce_memory.h"
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
};

// Whether logins of this endpoint may show a certificate in themselves.
bool ShowsCertificates(const EndpointSettings& endpoint) noexcept;

// `connection`: of the connection, or kNone. Any thread; costs what the verifier and, with one, the signature cost.
CertificateStatus JudgeCertificates(const CertificateVerifier& verifier, CertificateEvidence connection,
                                    const EndpointSettings& endpoint, const LoginClaim& claim, absl::Time now,
                                    CertificateMemory* memory);

}  // namespace stockade
