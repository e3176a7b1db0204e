#include "adapters/certificate/verifier.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <optional>
#include <utility>

#include "adapters/certificate/account_binding.h"
#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/verified_cache.h"
#include "engine/event/printable_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// OpenSSL's level 2: at least 112 bits of security everywhere in the path.
constexpr int kSecurityLevel = 2;

std::string LastError() {
  char text[256];
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
  return text;
}

std::string SubjectOf(X509* certificate) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr) return "";
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return PrintableText(std::string_view(bytes, static_cast<size_t>(std::max(size, 0L))));
}

// DER and nothing behind it.
OwnedX509 ParseDer(const std::string& der) {
  if (der.empty() || der.size() > kCertificateBytesMax) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  OwnedX509 certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (at != end) return nullptr;
  return certificate;
}

// Seconds since 1970; nothing for a time that cannot be read.
std::optional<int64_t> SecondsOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<int64_t>(timegm(&parts));
}

std::string TimeText(const ASN1_TIME* time) {
  const auto seconds = SecondsOf(time);
  if (!seconds) return "an unreadable time";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(*seconds), absl::UTCTimeZone());
}

// Of every byte shown, each certificate under its length.
std::optional<VerifiedCache::Key> KeyOf(const CertificateEvidence& evidence) {
  const std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>> digest(EVP_MD_CTX_new());
  VerifiedCache::Key key;
  bool good = digest != nullptr && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1;
  const auto add = [&](const std::string& der) {
    const uint64_t size = der.size();
    good = good && EVP_DigestUpdate(digest.get(), &size, sizeof size) == 1 &&
           EVP_DigestUpdate(digest.get(), der.data(), der.size()) == 1;
  };
  add(evidence.leaf_der);
  for (const std::string& der : evidence.chain_der) add(der);
  if (!good || EVP_DigestFinal_ex(digest.get(), key.data(), nullptr) != 1) return std::nullopt;
  return key;
}

CertificateStatus StatusOf(int error) noexcept {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateStatus::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return CertificateStatus::kNotYetValid;
    case X509_V_ERR_CERT_REVOKED:
      return CertificateStatus::kRevoked;
    case X509_V_ERR_INVALID_PURPOSE:
      return CertificateStatus::kWrongUse;
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
      return CertificateStatus::kMalformed;
    // What we know of nothing, our own failures among it, is not trusted.
    default:
      return CertificateStatus::kUntrusted;
  }
}

// OpenSSL calls a certificate expired at its notAfter; it is valid through it.
int AllowLastSecond(int ok, X509_STORE_CTX* context) {
  if (ok != 0 || X509_STORE_CTX_get_error(context) != X509_V_ERR_CERT_HAS_EXPIRED) return ok;
  const std::time_t now = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(context));
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (certificate == nullptr || ASN1_TIME_cmp_time_t(X509_get0_notAfter(certificate), now) != 0) return 0;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

absl::Status AddAnchors(const std::string& file, X509_STORE* store) {
  const auto refused = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        Concat("gateway.certificates.anchors: ", PrintableLine(file), ": ", what));
  };
  const OwnedBio bio(BIO_new_file(file.c_str(), "rb"));
  if (bio == nullptr) return refused(Concat("cannot be read: ", LastError()));
  for (int count = 0;; ++count) {
    const OwnedX509 anchor(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (anchor == nullptr) {
      const unsigned long error = ERR_peek_last_error();
      if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
        return refused(Concat("certificate ", count + 1, " cannot be read: ", LastError()));
      ERR_clear_error();
      if (count == 0) return refused("holds no certificate in PEM");
      return absl::OkStatus();
    }
    // Reads the extensions now, once, and finds what no path could end in.
    if (X509_check_purpose(anchor.get(), -1, 0) != 1)
      return refused(Concat("certificate ", count + 1, " (", SubjectOf(anchor.get()),
                            ") has extensions that cannot be read"));
    if (X509_STORE_add_cert(store, anchor.get()) != 1) return refused(LastError());
  }
}

class OpensslVerifier final : public CertificateVerifier {
 public:
  OpensslVerifier(OwnedX509Store anchors, AccountBinding binding)
      : anchors_(std::move(anchors)), binding_(std::move(binding)), cache_(kVerifiedCertificatesMax) {}

  CertificateVerdict Verify(const CertificateEvidence& evidence, std::string_view account,
                            absl::Time now) const override {
    using From = CertificateEvidence::From;
    if (evidence.from == From::kNone) return {CertificateStatus::kMissing, "no certificate was shown"};
    if (evidence.from == From::kMalformed) {
      return {CertificateStatus::kMalformed, "what was shown as a certificate cannot be read"};
    }
    const ClearErrorsAtEnd clear;
    const std::time_t now_s = absl::ToTimeT(now);
    if (evidence.chain_der.size() > kCertificateChainMax) {
      return {CertificateStatus::kMalformed, "more certificates were sent than a path can hold"};
    }
    const std::optional<VerifiedCache::Key> key = KeyOf(evidence);
    std::optional<VerifiedCertificate> verified;
    if (key) verified = cache_.Find(*key, now_s);
    if (!verified) {
      VerifiedCertificate fresh;
      CertificateVerdict verdict = VerifyPath(evidence, now_s, &fresh);
      if (verdict.status != CertificateStatus::kValid) return verdict;
      if (key) cache_.Put(*key, fresh);
      verified = std::move(fresh);
    }
    if (!evidence.refused_by_front.empty()) {
      const bool revoked = evidence.refused_by_front == "certificate revoked";
      return {revoked ? CertificateStatus::kRevoked : CertificateStatus::kUntrusted,
              Concat(verified->subject,
                     ": the proxy in front refuses it: ", PrintableText(evidence.refused_by_front))};
    }
    if (verified->account.empty()) {
      return {CertificateStatus::kMismatch, Concat(verified->subject, ": ", verified->no_account)};
    }
    if (verified->account != FoldedAccount(account)) {
      return {CertificateStatus::kMismatch,
              Concat(verified->subject, ": speaks for \"", PrintableText(verified->account),
                     "\", not for this account")};
    }
    return {CertificateStatus::kValid, verified->subject};
  }

  size_t remembered() const override { return cache_.size(); }

 private:
  CertificateVerdict VerifyPath(const CertificateEvidence& evidence, std::time_t now_s,
                                VerifiedCertificate* verified) const {
    const OwnedX509 leaf = ParseDer(evidence.leaf_der);
    if (leaf == nullptr) return {CertificateStatus::kMalformed, "the certificate is not X.509 in DER"};
    const OwnedCertificates sent(sk_X509_new_null());
    const OwnedX509StoreContext context(X509_STORE_CTX_new());
    if (sent == nullptr || context == nullptr) return OutOfMemory();
    for (const std::string& der : evidence.chain_der) {
      OwnedX509 certificate = ParseDer(der);
      if (certificate == nullptr) {
        return {CertificateStatus::kMalformed,
                Concat(SubjectOf(leaf.get()), ": sent with it was what is not X.509 in DER")};
      }
      if (sk_X509_push(sent.get(), certificate.get()) <= 0) return OutOfMemory();
      static_cast<void>(certificate.release());
    }
    if (X509_STORE_CTX_init(context.get(), anchors_.get(), leaf.get(), sent.get()) != 1) return OutOfMemory();
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, now_s);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
    // OpenSSL counts what stands between the leaf and the anchor.
    X509_VERIFY_PARAM_set_depth(param, kCertificatePathMax - 2);
    X509_STORE_CTX_set_verify_cb(context.get(), AllowLastSecond);

    if (X509_verify_cert(context.get()) != 1) return Refused(leaf.get(), context.get());
    verified->subject = SubjectOf(leaf.get());
    verified->from_s = std::numeric_limits<int64_t>::min();
    verified->until_s = std::numeric_limits<int64_t>::max();
    STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context.get());
    for (int i = 0; i < sk_X509_num(path); ++i) {
      const X509* certificate = sk_X509_value(path, i);
      const auto from = SecondsOf(X509_get0_notBefore(certificate));
      const auto until = SecondsOf(X509_get0_notAfter(certificate));
      if (!from || !until) {
        return {CertificateStatus::kMalformed, Concat(verified->subject, ": has a time that cannot be read")};
      }
      verified->from_s = std::max(verified->from_s, *from);
      verified->until_s = std::min(verified->until_s, *until);
    }
    verified->account = binding_.AccountOf(leaf.get(), &verified->no_account).value_or("");
    return {CertificateStatus::kValid, ""};
  }

  static CertificateVerdict OutOfMemory() {
    return {CertificateStatus::kUntrusted, "OpenSSL could not start verifying: out of memory"};
  }

  static CertificateVerdict Refused(X509* leaf, X509_STORE_CTX* context) {
    const int error = X509_STORE_CTX_get_error(context);
    const int depth = X509_STORE_CTX_get_error_depth(context);
    X509* at = X509_STORE_CTX_get_current_cert(context);
    const CertificateStatus status = StatusOf(error);
    std::string text = SubjectOf(leaf);
    if (depth > 0 && at != nullptr) Append(&text, ", by ", SubjectOf(at));
    Append(&text, ": ", std::string_view(X509_verify_cert_error_string(error)));
    if (at != nullptr && status == CertificateStatus::kExpired)
      Append(&text, ", valid until ", TimeText(X509_get0_notAfter(at)));
    if (at != nullptr && status == CertificateStatus::kNotYetValid)
      Append(&text, ", valid from ", TimeText(X509_get0_notBefore(at)));
    return {status, std::move(text)};
  }

  const OwnedX509Store anchors_;
  const AccountBinding binding_;
  mutable VerifiedCache cache_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateVerifier>> CertificateVerifier::Create(
    const CertificateVerifierOptions& options) {
  const ClearErrorsAtEnd clear;
  if (options.anchor_files.empty()) {
    return absl::InvalidArgumentError(
        "gateway.certificates.anchors: no file is listed; without an anchor no certificate can be good");
  }
  OwnedX509Store anchors(X509_STORE_new());
  if (anchors == nullptr) return absl::ResourceExhaustedError("gateway.certificates.anchors: out of memory");
  for (const std::string& file : options.anchor_files) RETURN_IF_ERROR(AddAnchors(file, anchors.get()));
  ASSIGN_OR_RETURN(AccountBinding binding,
                   AccountBinding::Create(options.account_from, options.account_pattern));
  return std::make_unique<OpensslVerifier>(std::move(anchors), std::move(binding));
}

}  // namespace stockade
