// Certificates, lists and signatures made by the thousand with OpenSSL's library: for what the openssl program, one process
// a certificate, is too slow for (pki.h). Keys are P-256.
#pragma once

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/certificate/openssl_owned.h"
#include "adapters/certificate/strict_der.h"
#include "engine/status.h"

namespace stockade {

using OwnedKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using OwnedCms = std::unique_ptr<CMS_ContentInfo, FreeBy<CMS_ContentInfo_free>>;

inline OwnedKey MakeKey() {
  return OwnedKey(EVP_EC_gen("P-256"));
}

struct Holder {
  OwnedX509 certificate;
  OwnedKey key;
};

struct Issuing {
  std::string name;  // its CN
  long serial = 1;
  EVP_PKEY* key = nullptr;         // of the holder
  const X509* issuer = nullptr;    // null: itself
  EVP_PKEY* issuer_key = nullptr;  // null: its own
  enum class Kind { kAuthority, kClient, kServer } kind = Kind::kClient;
  int64_t from_s = 0, until_s = 0;
};

inline void AddExtension(X509* certificate, const X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  STOCKADE_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

inline OwnedX509 Issue(const Issuing& wish) {
  OwnedX509 certificate(X509_new());
  X509* const made = certificate.get();
  const X509* const by = wish.issuer == nullptr ? made : wish.issuer;
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), wish.serial);
  ASN1_TIME_set(X509_getm_notBefore(made), wish.from_s);
  ASN1_TIME_set(X509_getm_notAfter(made), wish.until_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(by));
  X509_set_pubkey(made, wish.key);
  const bool authority = wish.kind == Issuing::Kind::kAuthority;
  AddExtension(made, by, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(made, by, NID_key_usage,
               authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  AddExtension(made, by, NID_subject_key_identifier, "hash");
  AddExtension(made, by, NID_authority_key_identifier, "keyid");
  if (!authority)
    AddExtension(made, by, NID_ext_key_usage,
                 wish.kind == Issuing::Kind::kClient ? "clientAuth" : "serverAuth");
  STOCKADE_CHECK(X509_sign(made, wish.issuer_key == nullptr ? wish.key : wish.issuer_key, EVP_sha256()) > 0);
  return certificate;
}

inline OwnedCrl MakeCrl(const Holder& authority, const std::vector<long>& serials, int64_t from_s,
                        int64_t until_s) {
  OwnedCrl crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(authority.certificate.get()));
  ASN1_TIME* const time = ASN1_TIME_set(nullptr, from_s);
  X509_CRL_set1_lastUpdate(crl.get(), time);
  for (const long number : serials) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    ASN1_INTEGER* const serial = ASN1_INTEGER_new();
    ASN1_INTEGER_set(serial, number);
    X509_REVOKED_set_serialNumber(entry, serial);
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl.get(), entry);
    ASN1_INTEGER_free(serial);
  }
  ASN1_TIME_set(time, until_s);
  X509_CRL_set1_nextUpdate(crl.get(), time);
  ASN1_TIME_free(time);
  X509_CRL_sort(crl.get());
  STOCKADE_CHECK(X509_CRL_sign(crl.get(), authority.key.get(), EVP_sha256()) > 0);
  return crl;
}

// A detached signature over `text` in DER. `shown`: the certificate that goes with it; null: the signer's own.
inline std::string SignCms(X509* signer, EVP_PKEY* key, const std::string& text, X509* shown = nullptr) {
  const OwnedBio content(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const unsigned flags = CMS_DETACHED | CMS_BINARY | (shown == nullptr ? 0U : unsigned{CMS_NOCERTS});
  const OwnedCms cms(CMS_sign(signer, key, nullptr, content.get(), flags));
  STOCKADE_CHECK(cms != nullptr);
  if (shown != nullptr) STOCKADE_CHECK(CMS_add1_cert(cms.get(), shown) == 1);
  unsigned char* bytes = nullptr;
  const int size = i2d_CMS_ContentInfo(cms.get(), &bytes);
  STOCKADE_CHECK(size > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

template <typename Object>
std::string PemOf(const Object* object, int (*write)(BIO*, const Object*)) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  STOCKADE_CHECK(write(bio.get(), object) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}
inline std::string PemOf(const X509* certificate) {
  return PemOf<X509>(certificate, PEM_write_bio_X509);
}
inline std::string PemOf(const X509_CRL* crl) {
  return PemOf<X509_CRL>(crl, PEM_write_bio_X509_CRL);
}
inline std::string PemOf(const EVP_PKEY* key) {
  return PemOf<EVP_PKEY>(key, [](BIO* bio, const EVP_PKEY* one) {
    return PEM_write_bio_PrivateKey(bio, one, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace stockade
