// What a certificate says about a login: evidence, account and time become the status that the gate acts on.
//
// In this order, and the first that fails is the answer:
//   nothing shown                                                              kMissing
//   not DER of X.509, bytes behind it, larger or more than evidence.h allows   kMalformed
//   no path to an anchor, a broken signature, a key or digest below OpenSSL's
//   security level 2 (RSA 2048, EC 224, no SHA-1), a CA that is none           kUntrusted
//   not for authenticating a client (extended key usage, key usage)            kWrongUse
//   the leaf or a CA above it is not yet, or no more, valid at `now`           kNotYetValid, kExpired
//   the listed proxy that forwarded it refuses it                              kRevoked, kUntrusted
//   its account is not the one that is logging in (account_binding.h)          kMismatch
//   else                                                                       kValid
//
// Anchors: every certificate of the files is one, a root or an intermediate (X509_V_FLAG_PARTIAL_CHAIN). Intermediates
// that were sent are used, never trusted. Validity is from notBefore through notAfter, both inclusive and to the second
// (RFC 5280 §4.1.2.5; `openssl verify` ends a second earlier). Revocation is not asked here.
//
// Immutable but for what it remembers (verified_cache.h); any thread at once. A reload makes a new one, and the owner
// swaps it whole. Cost: below 2 µs for a certificate that was good before; 0.3 to 1 ms for a new or a bad one, by how many
// were sent with it, and while that runs nobody else waits.
// The text is for logs: printable, with names from the certificate, never with the account that was typed.
// Errors of Create: settings, naming the key or the file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/certificate/evidence.h"
#include "engine/event/outcome.h"

namespace stockade {

// Certificates from the leaf to the anchor, both counted. Public PKIs have three, private ones rarely four.
inline constexpr int kCertificatePathMax = 8;
// Customers that a sidecar sees within a day; 4 to 24 MiB, by how long their names are.
inline constexpr size_t kVerifiedCertificatesMax = 16384;

struct CertificateVerifierOptions {
  std::vector<std::string> anchor_files;  // gateway.certificates.anchors; PEM, at least one certificate each
  std::string account_from = "cn";        // gateway.certificates.account
  std::string account_pattern;            // gateway.certificates.account_pattern
};

struct CertificateVerdict {
  CertificateStatus status = CertificateStatus::kUnchecked;
  std::string explanation;
};

class CertificateVerifier {
 public:
  static absl::StatusOr<std::unique_ptr<CertificateVerifier>> Create(
      const CertificateVerifierOptions& options);
  virtual ~CertificateVerifier() = default;

  virtual CertificateVerdict Verify(const CertificateEvidence& evidence, std::string_view account,
                                    absl::Time now) const = 0;
  virtual size_t remembered() const = 0;
};

}  // namespace stockade
