#include "adapters/certificate/certificate_path.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/certificate/certificate_text.h"
#include "adapters/certificate/path_policies.h"
#include "adapters/certificate/path_watch.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kAnchorsKey = "gateway.certificates.anchors";
constexpr std::string_view kIntermediatesKey = "gateway.certificates.intermediates";

using Status = CertificateStatus;

Status StatusOf(int error) noexcept {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Status::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Status::kNotYetValid;
    case X509_V_ERR_INVALID_PURPOSE:
      return Status::kWrongUse;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
      return Status::kBadSignature;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return Status::kNotAuthority;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return Status::kPathTooLong;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
      return Status::kNameNotPermitted;
    case X509_V_ERR_NO_EXPLICIT_POLICY:
    case X509_V_ERR_INVALID_POLICY_EXTENSION:
      return Status::kPolicyNotMet;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return Status::kUnknownExtension;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
      return Status::kWeak;
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA:
    case X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN:
    case X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA:
    case X509_V_ERR_ISSUER_NAME_EMPTY:
    case X509_V_ERR_SUBJECT_NAME_EMPTY:
    case X509_V_ERR_EMPTY_SUBJECT_ALT_NAME:
    case X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL:
    case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
    case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
    case X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL:
    case X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
    case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
    case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
    case X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3:
      return Status::kMalformed;
    // What we know of nothing, our own failures among it, is not trusted.
    default:
      return Status::kUntrusted;
  }
}

PathAnswer OutOfMemory() {
  return {Status::kUntrusted, "OpenSSL could not start verifying: out of memory", {}, 0, 0};
}

// "CN=alice" or "CN=alice, by CN=Inter": whose fault it is.
std::string Place(const X509* leaf, int depth, const X509* at) {
  std::string text = SubjectOf(leaf);
  if (depth > 0 && at != nullptr) Append(&text, ", by ", SubjectOf(at));
  return text;
}

PathAnswer Refused(const X509* leaf, X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  const X509* at = X509_STORE_CTX_get_current_cert(context);
  PathAnswer answer;
  answer.status = StatusOf(error);
  answer.text = Place(leaf, X509_STORE_CTX_get_error_depth(context), at);
  Append(&answer.text, ": ", std::string_view(X509_verify_cert_error_string(error)));
  if (at != nullptr && answer.status == Status::kExpired)
    Append(&answer.text, ", valid until ", TimeText(X509_get0_notAfter(at)));
  if (at != nullptr && answer.status == Status::kNotYetValid)
    Append(&answer.text, ", valid from ", TimeText(X509_get0_notBefore(at)));
  return answer;
}

bool IsStrangelyLarge(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  return key == nullptr || EVP_PKEY_get_bits(key) > kRsaBitsMax;
}

bool IsNamesake(const X509* one, const X509* other) {
  return X509_NAME_cmp(X509_get_subject_name(one), X509_get_subject_name(other)) == 0 &&
         X509_cmp(one, other) != 0;
}

// Lower case, without a dot in front.
std::string DnsText(const ASN1_IA5STRING* name) {
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                   static_cast<size_t>(ASN1_STRING_length(name)));
  if (text.starts_with('.')) text.erase(0, 1);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

// "*.example.com" is not within bar.example.com, and stands for it: RFC 5280 does not know wildcards, and OpenSSL compares
// the name as it is written.
bool HasWildcardInto(const X509* certificate, const STACK_OF(GENERAL_SUBTREE) * excluded) {
  if (sk_GENERAL_SUBTREE_num(excluded) <= 0) return false;
  const std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const std::string text = DnsText(name->d.dNSName);
    if (!text.starts_with("*.")) continue;
    const std::string_view under = std::string_view(text).substr(1);
    for (int j = 0; j < sk_GENERAL_SUBTREE_num(excluded); ++j) {
      const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(excluded, j)->base;
      if (base->type == GEN_DNS && DnsText(base->d.dNSName).ends_with(under)) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CertificatePaths>> CertificatePaths::Create(
    const std::vector<std::string>& anchor_files, const std::vector<std::string>& intermediate_files,
    CertificatePathOptions options) {
  const ClearErrorsAtEnd clear;
  if (anchor_files.empty()) {
    return absl::InvalidArgumentError(
        Concat(kAnchorsKey, ": no file is listed; without an anchor no certificate can be good"));
  }
  std::unique_ptr<CertificatePaths> paths(new CertificatePaths(std::move(options)));
  RETURN_IF_ERROR(paths->Start());
  RETURN_IF_ERROR(paths->AddFiles(anchor_files, kAnchorsKey, true));
  RETURN_IF_ERROR(paths->AddFiles(intermediate_files, kIntermediatesKey, false));
  return paths;
}

absl::StatusOr<std::unique_ptr<CertificatePaths>> CertificatePaths::CreateFromDer(
    const std::vector<std::string>& anchors, const std::vector<std::string>& intermediates,
    CertificatePathOptions options) {
  const ClearErrorsAtEnd clear;
  std::unique_ptr<CertificatePaths> paths(new CertificatePaths(std::move(options)));
  RETURN_IF_ERROR(paths->Start());
  std::string why;
  const auto add = [&](const std::vector<std::string>& all, std::string_view key,
                       bool anchor) -> absl::Status {
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string place = Concat(key, ": certificate ", i + 1);
      OwnedX509 certificate = ReadCertificate(all[i], &why);
      if (certificate == nullptr) return absl::InvalidArgumentError(Concat(place, " ", why));
      RETURN_IF_ERROR(paths->Add(std::move(certificate), place, anchor));
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(add(anchors, kAnchorsKey, true));
  RETURN_IF_ERROR(add(intermediates, kIntermediatesKey, false));
  return paths;
}

absl::Status CertificatePaths::Start() {
  store_.reset(X509_STORE_new());
  param_.reset(X509_VERIFY_PARAM_new());
  if (store_ == nullptr || param_ == nullptr) return absl::ResourceExhaustedError("OpenSSL: out of memory");
  PathWatch::PutInto(store_.get());
  X509_VERIFY_PARAM* param = param_.get();
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT | X509_V_FLAG_POLICY_CHECK;
  if (options_.explicit_policy) flags |= X509_V_FLAG_EXPLICIT_POLICY;
  if (options_.inhibit_policy_mapping) flags |= X509_V_FLAG_INHIBIT_MAP;
  if (options_.inhibit_any_policy) flags |= X509_V_FLAG_INHIBIT_ANY;
  X509_VERIFY_PARAM_set_flags(param, flags);
  if (options_.purpose != CertificatePurpose::kAny) {
    X509_VERIFY_PARAM_set_purpose(param, options_.purpose == CertificatePurpose::kClientAuth
                                             ? X509_PURPOSE_SSL_CLIENT
                                             : X509_PURPOSE_SSL_SERVER);
  }
  // Floors are ours: path_floors.h.
  X509_VERIFY_PARAM_set_auth_level(param, 0);
  // OpenSSL counts what stands between the leaf and the anchor.
  X509_VERIFY_PARAM_set_depth(param, kCertificatePathMax - 2);
  if (const std::string* bad = SetPolicies(options_.policies, param)) {
    return absl::InvalidArgumentError(Concat("gateway.certificates.policies: \"", PrintableText(*bad),
                                             "\" is no object identifier; write it as 1.2.840.113549"));
  }
  return absl::OkStatus();
}

absl::Status CertificatePaths::AddFiles(const std::vector<std::string>& files, std::string_view key,
                                        bool anchors) {
  for (const std::string& file : files) {
    const std::string place = Concat(key, ": ", PrintableLine(file), ": ");
    const auto refused = [&](std::string_view what) {
      return absl::InvalidArgumentError(Concat(place, what));
    };
    const OwnedBio bio(BIO_new_file(file.c_str(), "rb"));
    if (bio == nullptr) return refused(Concat("cannot be read: ", LastOpensslError()));
    for (int count = 0;; ++count) {
      OwnedX509 certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
      if (certificate == nullptr) {
        const unsigned long error = ERR_peek_last_error();
        if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
          return refused(Concat("certificate ", count + 1, " cannot be read: ", LastOpensslError()));
        ERR_clear_error();
        if (count == 0) return refused("holds no certificate in PEM");
        break;
      }
      RETURN_IF_ERROR(Add(std::move(certificate), Concat(place, "certificate ", count + 1), anchors));
    }
  }
  return absl::OkStatus();
}

absl::Status CertificatePaths::Add(OwnedX509 certificate, std::string_view place, bool anchor) {
  // Reads the extensions now, once, and finds what no path could end in.
  if (X509_check_purpose(certificate.get(), -1, 0) != 1) {
    return absl::InvalidArgumentError(
        Concat(place, " (", SubjectOf(certificate.get()), ") has extensions that cannot be read"));
  }
  if (anchor && X509_STORE_add_cert(store_.get(), certificate.get()) != 1)
    return absl::InvalidArgumentError(Concat(place, ": ", LastOpensslError()));
  (anchor ? anchors_ : intermediates_).push_back(std::move(certificate));
  return absl::OkStatus();
}

PathAnswer CertificatePaths::Verify(X509* leaf, const std::vector<OwnedX509>& sent,
                                    const RevocationSources& revocation, std::time_t now_s) const {
  // Those of the pool are owned elsewhere.
  const std::unique_ptr<STACK_OF(X509), FreeBy<[](STACK_OF(X509) * pool) { sk_X509_free(pool); }>> pool(
      sk_X509_new_null());
  if (pool == nullptr) return OutOfMemory();
  for (const auto* part : {&sent, &intermediates_}) {
    for (const OwnedX509& certificate : *part) {
      if (IsStrangelyLarge(certificate.get())) continue;
      if (sk_X509_push(pool.get(), certificate.get()) <= 0) return OutOfMemory();
    }
  }
  if (IsStrangelyLarge(leaf)) {
    return {Status::kWeak,
            Concat(SubjectOf(leaf), ": has a key that cannot be read or is above ", kRsaBitsMax, " bits"),
            {},
            0,
            0};
  }
  PathAnswer first;
  for (int tries = 0; tries < kPathTriesMax; ++tries) {
    X509* replaceable = nullptr;
    PathAnswer answer = Try(leaf, pool.get(), revocation, now_s, nullptr, &replaceable);
    if (answer.status == Status::kValid) return answer;
    // The first path is the one an operator would think of.
    if (tries == 0) first = std::move(answer);
    if (replaceable == nullptr) break;
    // Fewer to choose from never makes a path that there was not before.
    sk_X509_delete_ptr(pool.get(), replaceable);
  }
  return first;
}

PathAnswer CertificatePaths::Try(X509* leaf, STACK_OF(X509) * pool, const RevocationSources& revocation,
                                 std::time_t now_s, const X509* narrowed_by, X509** replaceable) const {
  const OwnedX509StoreContext context(X509_STORE_CTX_new());
  if (context == nullptr || X509_STORE_CTX_init(context.get(), store_.get(), leaf, pool) != 1)
    return OutOfMemory();
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  if (X509_VERIFY_PARAM_set1(param, param_.get()) != 1) return OutOfMemory();
  X509_VERIFY_PARAM_set_time(param, now_s);
  if (narrowed_by != nullptr && !NarrowPolicies(*narrowed_by, options_.policies, param)) return OutOfMemory();
  if (revocation.crls != nullptr) {
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
                                           X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS);
  }
  PathWatch watch(revocation.crls, now_s, {options_.whole_profile, options_.bare_anchors});
  watch.Attach(context.get());

  const bool built = X509_verify_cert(context.get()) == 1;
  STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context.get());
  PathAnswer answer = built ? Judge(leaf, path) : Refused(leaf, context.get());
  if (!built && (answer.status == Status::kExpired || answer.status == Status::kNotYetValid)) {
    // Dates are the last that OpenSSL looks at. What no renewal would mend is said first.
    PathAnswer judged = Judge(leaf, path);
    if (judged.status != Status::kValid) answer = std::move(judged);
  }
  if (answer.status == Status::kValid && narrowed_by == nullptr && !options_.bare_anchors) {
    // OpenSSL's policies begin below the anchor, whose own are known only now.
    const X509* anchor = sk_X509_value(path, sk_X509_num(path) - 1);
    if (sk_X509_num(path) > 1 && SaysPolicies(anchor))
      return Try(leaf, pool, revocation, now_s, anchor, replaceable);
  }
  if (revocation.any() && (answer.status == Status::kValid || answer.status == Status::kExpired)) {
    RevocationSources sources = revocation;
    // What is brought with it is not remembered.
    if (answer.status == Status::kExpired) sources.brought = {};
    ApplyRevocation(leaf, path, LookUpRevocation(path, watch, sources, options_.floors, now_s), &answer);
    // What comes later is not asked about earlier times.
    answer.from_s = std::max<int64_t>(answer.from_s, now_s);
  }
  if (answer.status == Status::kValid) return answer;

  for (int i = 1; i < sk_X509_num(path) && *replaceable == nullptr; ++i) {
    X509* certificate = sk_X509_value(path, i);
    if (sk_X509_find(pool, certificate) < 0) continue;
    bool has_other = false;
    for (int j = 0; j < sk_X509_num(pool); ++j)
      has_other = has_other || IsNamesake(sk_X509_value(pool, j), certificate);
    for (const OwnedX509& anchor : anchors_) has_other = has_other || IsNamesake(anchor.get(), certificate);
    if (has_other) *replaceable = certificate;
  }
  return answer;
}

void CertificatePaths::ApplyRevocation(X509* leaf, const STACK_OF(X509) * path, PathRevocation known,
                                       PathAnswer* answer) const {
  if (!known.revoked.empty()) {
    // A certificate that is revoked and has expired is not one to renew.
    answer->status = Status::kRevoked;
    const auto& [depth, why] = known.revoked.front();
    answer->text = Concat(Place(leaf, depth, sk_X509_value(path, depth)), ": has been revoked",
                          why.empty() ? "" : ": its responder says: ", why);
    answer->ask = std::move(known.ask);
    return;
  }
  // Nobody is asked about one that has expired.
  if (answer->status != Status::kValid) return;
  answer->ask = std::move(known.ask);
  answer->until_s = std::min(answer->until_s, known.until_s);
  if (known.unknown.empty()) return;
  answer->revocation_unknown = RevocationUnknown::kAccept;
  for (const auto& [depth, why] : known.unknown) {
    const X509* at = sk_X509_value(path, depth);
    const auto set = options_.revocation_unknown_by_issuer.find(NameText(X509_get_issuer_name(at)));
    const RevocationUnknown policy =
        set == options_.revocation_unknown_by_issuer.end() ? options_.revocation_unknown : set->second;
    if (answer->text.empty() || policy > *answer->revocation_unknown)
      answer->text = Concat(Place(leaf, depth, at), ": revocation unknown: ", why);
    answer->revocation_unknown = std::max(*answer->revocation_unknown, policy);
  }
  if (*answer->revocation_unknown == RevocationUnknown::kRefuse) answer->status = Status::kRevocationUnknown;
  if (*answer->revocation_unknown == RevocationUnknown::kChallenge) answer->status = Status::kUnconfirmed;
}

PathAnswer CertificatePaths::Judge(X509* leaf, STACK_OF(X509) * path) const {
  PathAnswer answer;
  answer.from_s = std::numeric_limits<int64_t>::min();
  answer.until_s = std::numeric_limits<int64_t>::max();
  const int anchor_depth = sk_X509_num(path) - 1;
  for (int depth = 0; depth <= anchor_depth; ++depth) {
    X509* certificate = sk_X509_value(path, depth);
    std::optional<PathFault> fault =
        CheckFloors(certificate, options_.floors, depth == anchor_depth && depth > 0);
    if (!fault) fault = CheckUse(certificate, depth, anchor_depth);
    if (!fault && depth > 0) fault = CheckConstraints(certificate, path, depth);
    const bool bare = options_.bare_anchors && depth == anchor_depth && depth > 0;
    const auto from = SecondsOf(X509_get0_notBefore(certificate));
    const auto until = SecondsOf(X509_get0_notAfter(certificate));
    if (!fault && (!from || !until)) fault = PathFault{Status::kMalformed, "has a time that cannot be read"};
    if (fault) {
      answer.status = fault->status;
      answer.text = Concat(Place(leaf, depth, certificate), ": ", fault->text);
      return answer;
    }
    if (bare) continue;
    answer.from_s = std::max(answer.from_s, *from);
    answer.until_s = std::min(answer.until_s, *until);
  }
  answer.status = Status::kValid;
  return answer;
}

std::optional<PathFault> CertificatePaths::CheckUse(X509* certificate, int depth, int anchor_depth) const {
  if (options_.purpose == CertificatePurpose::kAny) return std::nullopt;
  if (depth == anchor_depth && depth > 0) return std::nullopt;
  if (depth == 0 ? !options_.leaf_says_purpose : !options_.authorities_say_purpose) return std::nullopt;
  // UINT32_MAX where the extension is absent.
  const uint32_t usage = X509_get_extended_key_usage(certificate);
  const uint32_t asked =
      options_.purpose == CertificatePurpose::kClientAuth ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
  if (usage != UINT32_MAX && (usage & asked) != 0) {
    if (depth > 0 || (usage & (XKU_OCSP_SIGN | XKU_CODE_SIGN)) == 0) return std::nullopt;
    return PathFault{Status::kWrongUse, "signs code or answers of a responder besides"};
  }
  return PathFault{Status::kWrongUse, "does not say in its extended key usage that it is for this use"};
}

std::optional<PathFault> CertificatePaths::CheckConstraints(X509* authority, STACK_OF(X509) * path,
                                                            int depth) const {
  int critical = 0;
  const std::unique_ptr<NAME_CONSTRAINTS, FreeBy<NAME_CONSTRAINTS_free>> constraints(
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(authority, NID_name_constraints, &critical, nullptr)));
  if (constraints == nullptr) return std::nullopt;
  if (options_.whole_profile && critical == 0)
    return PathFault{Status::kMalformed, "has name constraints that are not critical"};
  for (int below = 0; below < depth; ++below) {
    if (HasWildcardInto(sk_X509_value(path, below), constraints->excludedSubtrees))
      return PathFault{Status::kNameNotPermitted, "excludes names that a wildcard below it stands for"};
  }
  return std::nullopt;
}

}  // namespace stockade
