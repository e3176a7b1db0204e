// What a certificate says about a login: evidence, account and time become the status that the gate acts on.
//
// In this order, and the first that fails is the answer:
//   nothing shown                                                              kMissing; kWithheld by an account that the
//                                                                              table of accounts has a certificate of
//   a signature of the login that is not over it, of another time, used before kBadSignature, kStale, kReplayed
//   not DER of X.509, bytes behind it, larger or more than evidence.h allows,
//   or against RFC 5280's form (strict_der.h)                                  kMalformed
//   no path to an anchor, or what is wrong on it (certificate_path.h)          kUntrusted, kBadSignature, kWeak,
//     kNotAuthority, kPathTooLong, kNameNotPermitted, kPolicyNotMet, kUnknownExtension, kBadSerial, kWrongUse,
//     kNotYetValid, kExpired
//   revoked, or nobody knows and the policy is to refuse that                  kRevoked, kRevocationUnknown
//   the listed proxy that forwarded it refuses it                              kRevoked, kUntrusted
//   it is not of the account that is logging in (account_table.h,              kMismatch
//     account_binding.h)
//   nobody knows whether it is revoked, and the policy is to ask for more      kUnconfirmed
//   else                                                                       kValid
//
// Anchors: every certificate of the files is one, a root or an intermediate (X509_V_FLAG_PARTIAL_CHAIN). Intermediates
// that were sent, or that the settings list, are used, never trusted. Validity is from notBefore through notAfter, both
// inclusive and to the second (RFC 5280 §4.1.2.5; `openssl verify` ends a second earlier). Revocation is looked up where CRLs
// or responders are given. The set of CRLs in force when Verify begins is the one it uses, and a new set makes it look anew;
// so does a certificate that a responder says is revoked.
//
// Nobody is asked, and nothing waited for: what a responder could still say is handed back, as questions. Whoever has them
// asked (ocsp_client.h) verifies again when they are; whoever does not has the answer that the policy gives.
//
// Immutable but for what it remembers (verified_cache.h); any thread at once. A reload makes a new one, and the owner
// swaps it whole. Cost: below 2 µs for a certificate that was good before; 0.3 to 1 ms for a new or a bad one, by how many
// were sent with it, and while that runs nobody else waits.
// The text is for logs: printable, with names from the certificate, never with the account that was typed.
// Errors of Create: settings, naming the key or the file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/certificate/account_table.h"
#include "adapters/certificate/certificate_path.h"
#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/ocsp_question.h"
#include "engine/event/outcome.h"

namespace stockade {

// Customers that a sidecar sees within a day; 4 to 24 MiB, by how long their names are.
inline constexpr size_t kVerifiedCertificatesMax = 16384;

struct CertificateVerifierOptions {
  std::vector<std::string> anchor_files;  // gateway.certificates.anchors; PEM, at least one certificate each
  std::string account_from = "cn";        // gateway.certificates.account
  std::string account_pattern;            // gateway.certificates.account_pattern
  std::string account_template{};         // gateway.certificates.account_template
  // gateway.certificates.accounts: goes before what the subject says; null: there is none.
  std::shared_ptr<const Current<AccountTable>> accounts{};
  std::vector<std::string> intermediate_files{};  // PEM, at least one certificate each; known, not trusted
  CertificatePathOptions path{};
  std::shared_ptr<const CurrentCrls> crls{};  // null: no lists
  std::optional<OcspSources> ocsp{};  // none: no responders. Without lists, too, revocation is not asked for
};

struct CertificateVerdict {
  CertificateStatus status = CertificateStatus::kUnchecked;
  std::string explanation;
  // Where revocation was asked for and nobody knows: what the policy of that issuer says. With kRefuse the status is
  // kRevocationUnknown; with kChallenge it may be kUnconfirmed and with kAccept kValid, and the explanation says what was not
  // known.
  std::optional<RevocationUnknown> revocation_unknown{};
  // What responders could still be asked about it; where the status is one that no answer would change, nothing.
  std::vector<OcspQuestion> ask{};
};

class CertificateVerifier {
 public:
  static absl::StatusOr<std::unique_ptr<CertificateVerifier>> Create(
      const CertificateVerifierOptions& options);
  virtual ~CertificateVerifier() = default;

  virtual CertificateVerdict Verify(const CertificateEvidence& evidence, std::string_view account,
                                    absl::Time now) const = 0;
  // The same where no signature has to be checked for it: nothing shown, nothing that can be read, or a certificate that
  // was good before. Nothing for any other. Below 2 µs: for threads that must not wait.
  virtual std::optional<CertificateVerdict> VerifyKnown(const CertificateEvidence& evidence,
                                                        std::string_view account, absl::Time now) const = 0;
  virtual size_t remembered() const = 0;
};

}  // namespace stockade
