#include "adapters/certificate/signed_login.h"

#include <openssl/cms.h>
#include <openssl/evp.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "adapters/certificate/certificate_encoding.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Fault = CertificateEvidence::Fault;
using OwnedCms = std::unique_ptr<CMS_ContentInfo, FreeBy<CMS_ContentInfo_free>>;

// Verifying costs with the square of the key, and whoever sends one has chosen it.
constexpr int kRsaBitsMax = 8192;

bool IsNonce(std::string_view text) noexcept {
  return text.size() >= kNonceBytesMin && text.size() <= kNonceBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool IsStrongDigest(int nid) noexcept {
  switch (nid) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
    case NID_sha512_256:
    case NID_sha3_256:
    case NID_sha3_384:
    case NID_sha3_512:
      return true;
    default:
      return false;
  }
}

bool EncodeKey(const EVP_PKEY* key, std::string* der) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  if (size <= 0) return false;
  der->assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return true;
}

bool IsKeyWeTake(const EVP_PKEY* key) noexcept {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return EVP_PKEY_get_bits(key) <= kRsaBitsMax && !HasLongExponent(key);
    case EVP_PKEY_EC:
      return true;
    default:
      return false;
  }
}

int DigestOf(const X509_ALGOR* algorithm) noexcept {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return OBJ_obj2nid(object);
}

OwnedCms ParseCms(const std::string& bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* const end = at + bytes.size();
  OwnedCms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(bytes.size())));
  if (cms == nullptr || at != end || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed ||
      OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_pkcs7_data) {
    return nullptr;
  }
  return cms;
}

// Takes the signer's certificate out of those inside, and leaves the others in `evidence`.
Fault TakeCertificates(CMS_ContentInfo* cms, const X509* signer, CertificateEvidence* evidence) {
  const OwnedCertificates inside(CMS_get1_certs(cms));
  if (inside == nullptr || !EncodeDer(signer, &evidence->leaf_der)) return Fault::kNoCertificate;
  if (static_cast<size_t>(sk_X509_num(inside.get())) > kCertificatesShownMax) return Fault::kUnreadable;
  for (int i = 0; i < sk_X509_num(inside.get()); ++i) {
    std::string der;
    if (!EncodeDer(sk_X509_value(inside.get(), i), &der) || der.size() > kCertificateBytesMax)
      return Fault::kUnreadable;
    if (der != evidence->leaf_der) evidence->chain_der.push_back(std::move(der));
  }
  return evidence->chain_der.size() <= kCertificateChainMax ? Fault::kNone : Fault::kUnreadable;
}

Fault VerifySignature(const std::string& bytes, const std::string& text, CertificateEvidence* evidence) {
  const OwnedCms cms = ParseCms(bytes);
  if (cms == nullptr) return Fault::kUnreadable;
  if (CMS_is_detached(cms.get()) != 1) return Fault::kAttached;
  STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms.get());
  if (signers == nullptr || sk_CMS_SignerInfo_num(signers) != 1) return Fault::kNotOneSigner;
  // Finds the certificate that the signer names among those inside.
  if (CMS_set1_signers_certs(cms.get(), nullptr, 0) != 1) return Fault::kNoCertificate;
  EVP_PKEY* key = nullptr;
  X509* signer = nullptr;
  X509_ALGOR* digest = nullptr;
  CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, 0), &key, &signer, &digest, nullptr);
  if (signer == nullptr) return Fault::kNoCertificate;
  if (const Fault fault = TakeCertificates(cms.get(), signer, evidence); fault != Fault::kNone) return fault;
  if (!IsStrongDigest(DigestOf(digest))) return Fault::kWeakDigest;
  if (key == nullptr || !IsKeyWeTake(key)) return Fault::kBadSignature;
  // Handed a BIO of memory itself, CMS_verify copies it, and loses the copy where the signature names a digest that
  // OpenSSL does not know (3.0, crypto/cms/cms_smime.c): 272 bytes for each that a stranger sends. A filter is not copied.
  const OwnedBio content(BIO_new(BIO_f_null()));
  OwnedBio memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (content == nullptr || memory == nullptr) return Fault::kBadSignature;
  BIO_push(content.get(), memory.release());
  // The chain is the verifier's; the certificate is the one above, since it is set.
  constexpr unsigned kFlags = CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY;
  const bool good =
      content != nullptr && CMS_verify(cms.get(), nullptr, nullptr, content.get(), nullptr, kFlags) == 1;
  return good && EncodeKey(key, &evidence->key_der) ? Fault::kNone : Fault::kBadSignature;
}

}  // namespace

std::optional<absl::Time> ParseSignedTime(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() > kTimestampBytesMax) return std::nullopt;
  if (std::all_of(text.begin(), text.end(), is_digit)) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(ToAbsl(text), &number)) return std::nullopt;
    if (text.size() == 10) return absl::FromUnixSeconds(number);
    if (text.size() == 13) return absl::FromUnixMillis(number);
    return std::nullopt;
  }
  // Abseil also reads years of any length, "infinite-future" and spaces around.
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kShape.size()) return std::nullopt;
  for (size_t i = 0; i < kShape.size(); ++i)
    if (kShape[i] == 'd' ? !is_digit(text[i]) : text[i] != kShape[i]) return std::nullopt;
  if (text.find_first_not_of("0123456789.+-:Z", kShape.size()) != std::string_view::npos) return std::nullopt;
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, nullptr)) return std::nullopt;
  return time;
}

CertificateEvidence ReadSignedLogin(const SignedLogin& shown, absl::Duration within, absl::Time now,
                                    absl::Time* fresh_until) {
  if (shown.fault != Fault::kNone) return Faulty(shown.fault);
  const std::optional<absl::Time> signed_at = ParseSignedTime(shown.timestamp);
  if (!signed_at || !IsNonce(shown.nonce)) return Faulty(Fault::kIncomplete);
  if (now - *signed_at > within || *signed_at - now > within) return Faulty(Fault::kStale);
  std::string bytes;
  if (!DecodeSentBase64(shown.signature, kSignatureBytesMax, &bytes)) return Faulty(Fault::kUnreadable);
  const ClearErrorsAtEnd clear;
  CertificateEvidence evidence;
  const Fault fault = VerifySignature(bytes, shown.text, &evidence);
  if (fault != Fault::kNone) return Faulty(fault);
  if (!DecodeSentBase64(shown.ocsp, kOcspResponseBytesMax, &evidence.ocsp_der)) evidence.ocsp_der.clear();
  evidence.from = CertificateEvidence::From::kSigned;
  *fresh_until = *signed_at + within;
  return evidence;
}

CertificateEvidence ReadBareCertificate(std::string_view text) {
  CertificateEvidence evidence;
  std::vector<std::string> pem;
  bool good = text.size() <= kBareCertificateTextBytesMax;
  if (good && text.starts_with("-----BEGIN")) {
    good = ReadPemCertificates(text, 1, &pem);
    if (good) evidence.leaf_der = std::move(pem.front());
  } else if (good) {
    good = DecodeSentBase64(text, kCertificateBytesMax, &evidence.leaf_der);
  }
  if (!good) return Faulty(Fault::kUnreadable);
  evidence.from = CertificateEvidence::From::kBare;
  return evidence;
}

}  // namespace stockade
