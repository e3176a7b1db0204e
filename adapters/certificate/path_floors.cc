#include "adapters/certificate/path_floors.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <string_view>

#include "adapters/certificate/openssl_owned.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int kSerialOctetsMax = 20;

std::optional<PathFault> Weak(std::string text) {
  return PathFault{CertificateStatus::kWeak, std::move(text)};
}

}  // namespace

bool HasLongExponent(const EVP_PKEY* key) noexcept {
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return true;
  const bool is_long = BN_num_bits(exponent) > kRsaExponentBitsMax;
  BN_free(exponent);
  return is_long;
}

namespace {

std::optional<PathFault> CheckKey(const X509* certificate, const PathFloors& floors) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return Weak("has a key that cannot be read");
  const int bits = EVP_PKEY_get_bits(key);
  const auto below = [bits](std::string_view kind, int floor) -> std::optional<PathFault> {
    if (bits >= floor) return std::nullopt;
    return Weak(Concat("has ", kind, " key of ", bits, " bits, below ", floor));
  };
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      if (HasLongExponent(key)) return Weak("has an RSA key whose exponent is out of all proportion");
      if (bits > kRsaBitsMax) return Weak(Concat("has an RSA key of ", bits, " bits, above ", kRsaBitsMax));
      return below("an RSA", floors.rsa_bits_min);
    case EVP_PKEY_EC:
      return below("an EC", floors.ec_bits_min);
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
      return std::nullopt;
    case EVP_PKEY_DSA:
      if (floors.dsa_bits_min > 0) return below("a DSA", floors.dsa_bits_min);
      return Weak("has a DSA key");
    default:
      return Weak("has a key of a kind that is not accepted");
  }
}

bool IsStrongDigest(int digest, const PathFloors& floors) noexcept {
  switch (digest) {
    case NID_sha224:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
    case NID_sha512_224:
    case NID_sha512_256:
    case NID_sha3_224:
    case NID_sha3_256:
    case NID_sha3_384:
    case NID_sha3_512:
      return true;
    case NID_sha1:
      return floors.sha1;
    default:
      return false;
  }
}

std::optional<PathFault> CheckSerial(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const auto bad = [](std::string text) { return PathFault{CertificateStatus::kBadSerial, std::move(text)}; };
  if ((ASN1_STRING_type(serial) & V_ASN1_NEG) != 0) return bad("has a negative serial number");
  const unsigned char* bytes = ASN1_STRING_get0_data(serial);
  const int size = ASN1_STRING_length(serial);
  if (size == 0 || (size == 1 && bytes[0] == 0)) return bad("has the serial number 0");
  // An octet of zeros stands in front of a high bit in DER; OpenSSL's copy is without it.
  const int octets = size + ((bytes[0] & 0x80) != 0 ? 1 : 0);
  if (octets > kSerialOctetsMax) return bad(Concat("has a serial number of ", octets, " octets"));
  return std::nullopt;
}

}  // namespace

bool IsStrongSignature(const X509_ALGOR* algorithm, const PathFloors& floors) {
  const ASN1_OBJECT* object = nullptr;
  int parameter_type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(&object, &parameter_type, &parameter, algorithm);
  int digest = NID_undef;
  int key = NID_undef;
  const int signature = OBJ_obj2nid(object);
  if (signature == NID_ED25519 || signature == NID_ED448) return true;
  if (signature == NID_rsassaPss) {
    if (parameter_type != V_ASN1_SEQUENCE) return floors.sha1;  // SHA-1 is what PSS is with nothing said
    const auto* text = static_cast<const ASN1_STRING*>(parameter);
    const unsigned char* at = ASN1_STRING_get0_data(text);
    const std::unique_ptr<RSA_PSS_PARAMS, FreeBy<RSA_PSS_PARAMS_free>> pss(
        d2i_RSA_PSS_PARAMS(nullptr, &at, ASN1_STRING_length(text)));
    if (pss == nullptr) return false;
    if (pss->hashAlgorithm == nullptr) return floors.sha1;
    X509_ALGOR_get0(&object, nullptr, nullptr, pss->hashAlgorithm);
    return IsStrongDigest(OBJ_obj2nid(object), floors);
  }
  if (OBJ_find_sigid_algs(signature, &digest, &key) != 1) return false;
  return IsStrongDigest(digest, floors);
}

std::optional<PathFault> CheckFloors(const X509* certificate, const PathFloors& floors, bool is_anchor) {
  if (auto fault = CheckKey(certificate, floors)) return fault;
  if (is_anchor) return std::nullopt;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, certificate);
  if (!IsStrongSignature(algorithm, floors)) {
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    char name[80];
    OBJ_obj2txt(name, sizeof name, object, 0);
    return Weak(Concat("is signed with ", std::string_view(name)));
  }
  if (floors.odd_serials) return std::nullopt;
  return CheckSerial(certificate);
}

}  // namespace stockade
