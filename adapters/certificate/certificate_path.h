// Whether there is a path from a certificate to an anchor, and what is wrong where there is none: RFC 5280 §6, by OpenSSL 3
// where it does it and by ourselves where it does not.
//
// By OpenSSL: signatures, names, basic constraints, path length, name constraints, certificate policies (always worked
// out, so that a CA's requireExplicitPolicy holds also where no policy is asked for), key usage, critical extensions.
// Ours: strict DER of every certificate (strict_der.h), the last second of notAfter (§4.1.2.5: inclusive), floors and serial
// numbers (path_floors.h), extended key usage that must be said, revocation that can be *unknown*, and other paths: where the
// first one fails and one of its intermediates has a namesake, that is tried too (cross-signed authorities), kPathTriesMax
// paths in all.
//
// Deviations from RFC 5280: an anchor is a certificate, of which dates, constraints and extensions hold as those of any
// other (§6.2 leaves that open; policies as RFC 5937 §3.2 has it), unless `bare_anchors` is set. An anchor need not sign
// itself. Unless `whole_profile` is set, form that only an issuer is bound to and that changes no decision is let pass: key
// identifiers that are absent, critical or of no use, a CA without key usage, basic or name constraints that are not
// critical. Many private authorities issue so.
//
// A wildcard among the DNS names of a certificate stands for names that an authority above may exclude: then the path is
// refused (RFC 5280 does not know wildcards; CVE-2025-61727).
//
// Extended key usage restricts every certificate above, too (as OpenSSL and the Web PKI have it): an authority that says
// serverAuth only cannot make clients. anyExtendedKeyUsage alone is not enough anywhere.
//
// Revocation is looked up of all certificates below the anchor, in one set of CRLs (crl_set.h):
//   listed, in a CRL that is right but perhaps stale                       revoked
//   no CRL, none for these reasons, a wrong signature, scope, time or
//   critical extension, a signer that may not sign CRLs or is not trusted  unknown, with OpenSSL's word for why
// and, where that is unknown, among the answers of responders (path_revocation.h). What unknown means in the end is a policy
// for each issuer, the strictest in the path holds; it never passes unsaid: it is in the answer whatever the policy.
//
// Immutable; any thread at once. About what X509_verify_cert costs (bench/certificate_bench.cc), and with CRLs a signature more
// for each, over all of its bytes each time: a CRL of 100,000 entries adds some 2 ms. Bounded by kCertificateBytesMax, kCertificateChainMax, kCertificatePathMax and
// kPathTriesMax, and OpenSSL's own bounds on policies and name constraints.
// Oracles: tests/corpus/boringssl_pki_test.cc (with NIST PKITS), tests/corpus/x509_limbo_test.cc.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/path_floors.h"
#include "adapters/certificate/path_revocation.h"

namespace stockade {

// Certificates from the leaf to the anchor, both counted. Public PKIs have three, private ones rarely four.
inline constexpr int kCertificatePathMax = 8;
// Paths that are tried for one certificate.
inline constexpr int kPathTriesMax = 4;

enum class CertificatePurpose : unsigned char { kClientAuth, kServerAuth, kAny };

// What becomes of a certificate of whose revocation nobody knows.
enum class RevocationUnknown : unsigned char { kAccept, kChallenge, kRefuse };

struct CertificatePathOptions {
  CertificatePurpose purpose = CertificatePurpose::kClientAuth;
  // The leaf (the authorities below the anchor) must say the purpose; otherwise no extended key usage is every usage.
  // Such a leaf must not be one for signing code or OCSP, either: two kinds of keys in one hand.
  bool leaf_says_purpose = false;
  bool authorities_say_purpose = false;
  bool whole_profile = false;
  // An anchor is a name and a key and nothing else (RFC 5280 §6.1.1 (d)): its dates, its use and its right to issue are
  // not looked at. Whoever lists a client's own certificate as an anchor makes that client an authority.
  bool bare_anchors = false;
  PathFloors floors;
  // RFC 5280 §6.1.1 (c), (e), (f), (g). OIDs in dots; none: any policy.
  std::vector<std::string> policies;
  bool explicit_policy = false;
  bool inhibit_policy_mapping = false;
  bool inhibit_any_policy = false;
  // By the issuer of the certificate that is unknown, spelled as NameText does; else the default.
  RevocationUnknown revocation_unknown = RevocationUnknown::kRefuse;
  std::unordered_map<std::string, RevocationUnknown> revocation_unknown_by_issuer;
};

struct PathAnswer {
  CertificateStatus status = CertificateStatus::kUntrusted;
  std::string
      text;  // printable; where the status is kValid it is empty, or says what revocation is unknown for
  // What was asked and not known, whatever the status. With kRefuse the status is kRevocationUnknown, with kChallenge
  // kUnconfirmed.
  std::optional<RevocationUnknown> revocation_unknown;
  // Where the status is kValid or kUnconfirmed: seconds since 1970, both inclusive, between which the answer is the same, unless somebody
  // asks what is in `ask`.
  int64_t from_s = 0;
  int64_t until_s = 0;
  std::vector<OcspQuestion> ask{};  // what responders could still be asked, whatever the status
};

class CertificatePaths {
 public:
  // Each certificate of the anchor files is an anchor; those of the intermediate files are known and not trusted, as if
  // every client had sent them. PEM, at least one certificate each. Errors name the key of the settings and the file.
  static absl::StatusOr<std::unique_ptr<CertificatePaths>> Create(
      const std::vector<std::string>& anchor_files, const std::vector<std::string>& intermediate_files,
      CertificatePathOptions options);
  // The same of certificates in DER.
  static absl::StatusOr<std::unique_ptr<CertificatePaths>> CreateFromDer(
      const std::vector<std::string>& anchors, const std::vector<std::string>& intermediates,
      CertificatePathOptions options);

  // `revocation`: of nothing, nobody asks for it. Whatever was sent that no path needs costs its reading only, but must be
  // readable.
  PathAnswer Verify(X509* leaf, const std::vector<OwnedX509>& sent, const RevocationSources& revocation,
                    std::time_t now_s) const;

  const CertificatePathOptions& options() const noexcept { return options_; }

 private:
  explicit CertificatePaths(CertificatePathOptions options) : options_(std::move(options)) {}
  absl::Status Start();
  absl::Status AddFiles(const std::vector<std::string>& files, std::string_view key, bool anchors);
  absl::Status Add(OwnedX509 certificate, std::string_view place, bool anchor);
  PathAnswer Try(X509* leaf, STACK_OF(X509) * pool, const RevocationSources& revocation, std::time_t now_s,
                 const X509* narrowed_by, X509** replaceable) const;
  void ApplyRevocation(X509* leaf, const STACK_OF(X509) * path, PathRevocation known,
                       PathAnswer* answer) const;
  PathAnswer Judge(X509* leaf, STACK_OF(X509) * path) const;
  std::optional<PathFault> CheckUse(X509* certificate, int depth, int anchor_depth) const;
  std::optional<PathFault> CheckConstraints(X509* authority, STACK_OF(X509) * path, int depth) const;

  CertificatePathOptions options_;
  OwnedX509Store store_;
  std::vector<OwnedX509> anchors_;
  std::vector<OwnedX509> intermediates_;
  std::unique_ptr<X509_VERIFY_PARAM, FreeBy<X509_VERIFY_PARAM_free>> param_;
};

}  // namespace stockade
