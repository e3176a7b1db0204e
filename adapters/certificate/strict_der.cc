#include "adapters/certificate/strict_der.h"

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>
#include <iterator>
#include <optional>
#include <vector>

#include "adapters/certificate/certificate_text.h"
#include "adapters/certificate/der_form.h"
#include "engine/text.h"

namespace stockade {
namespace {

// What OPENSSL_malloc gave.
class OwnedBytes {
 public:
  OwnedBytes() = default;
  OwnedBytes(const OwnedBytes&) = delete;
  OwnedBytes& operator=(const OwnedBytes&) = delete;
  ~OwnedBytes() { OPENSSL_free(bytes_); }
  unsigned char** out() noexcept { return &bytes_; }
  std::string_view view(int size) const noexcept {
    return size <= 0 ? std::string_view()
                     : std::string_view(reinterpret_cast<const char*>(bytes_), static_cast<size_t>(size));
  }

 private:
  unsigned char* bytes_ = nullptr;
};

const unsigned char* Bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}
std::string_view View(const ASN1_STRING* text) noexcept {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

// What is inside of the first element, or nothing; `*whole` is the element with its head.
std::optional<std::string_view> Inside(std::string_view der, std::string_view* whole) noexcept {
  const unsigned char* at = Bytes(der);
  long size = 0;
  int tag = 0;
  int kind = 0;
  if ((ASN1_get_object(&at, &size, &tag, &kind, static_cast<long>(der.size())) & 0x80) != 0)
    return std::nullopt;
  const auto head = static_cast<size_t>(at - Bytes(der));
  *whole = der.substr(0, head + static_cast<size_t>(size));
  return der.substr(head, static_cast<size_t>(size));
}

// The signed part of a certificate or a CRL: the first element inside, with its head.
std::string_view SignedPart(std::string_view der) noexcept {
  std::string_view all;
  std::string_view signed_part;
  const auto inside = Inside(der, &all);
  if (!inside || !Inside(*inside, &signed_part)) return {};
  return signed_part;
}

// The element at the front.
std::string_view FirstOf(std::string_view der) noexcept {
  std::string_view first;
  return Inside(der, &first) ? first : std::string_view();
}

bool IsStrictTime(const ASN1_TIME* time) noexcept {
  if (time == nullptr) return false;
  const std::string_view text = View(time);
  const int type = ASN1_STRING_type(time);
  if (text.size() != (type == V_ASN1_UTCTIME ? 13u : 15u) || text.back() != 'Z') return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::all_of(text.begin(), text.end() - 1, digit) && SecondsOf(time).has_value();
}

bool IsPrintableStringByte(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos;
}
bool IsAscii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool IsStrictName(const X509_NAME* name) noexcept {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
    const std::string_view text = View(value);
    switch (ASN1_STRING_type(value)) {
      case V_ASN1_PRINTABLESTRING:
        if (!std::all_of(text.begin(), text.end(), IsPrintableStringByte)) return false;
        break;
      case V_ASN1_IA5STRING:
        if (!IsAscii(text)) return false;
        break;
      case V_ASN1_UTF8STRING: {
        OwnedBytes utf8;
        if (ASN1_STRING_to_UTF8(utf8.out(), value) < 0) return false;
        break;
      }
      default:
        break;
    }
  }
  return true;
}

// The preferred name syntax (RFC 1034 §3.5, RFC 1123 §2.1) that RFC 5280 §4.2.1.6 asks for, and in front perhaps "*.".
bool IsHostName(std::string_view text) noexcept {
  if (text.starts_with("*.")) text.remove_prefix(2);
  if (text.empty() || text.size() > 253) return false;
  const auto alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('.', at), text.size());
    const std::string_view label = text.substr(at, end - at);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label)
      if (!alphanumeric(c) && c != '-') return false;
    at = end + 1;
  }
  return true;
}

bool AreStrictNames(const GENERAL_NAMES* names) noexcept {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    switch (name->type) {
      case GEN_IPADD: {
        const int size = ASN1_STRING_length(name->d.iPAddress);
        if (size != 4 && size != 16) return false;
        break;
      }
      case GEN_DNS:
        if (!IsHostName(View(name->d.dNSName))) return false;
        break;
      case GEN_EMAIL:
      case GEN_URI:
        if (!IsAscii(View(name->d.ia5)) || View(name->d.ia5).find('\0') != std::string_view::npos)
          return false;
        break;
      case GEN_DIRNAME:
        if (!IsStrictName(name->d.directoryName)) return false;
        break;
      default:
        break;
    }
  }
  return true;
}

// Real ones have ten. Each is looked for among the others.
constexpr int kExtensionsMax = 64;

// Lists that must have an entry, and the two that must say something (RFC 5280 §4.2.1, §5.2.5).
constexpr int kNeverEmpty[] = {
    NID_ext_key_usage,   NID_subject_alt_name,   NID_issuer_alt_name,  NID_certificate_policies,
    NID_policy_mappings, NID_policy_constraints, NID_name_constraints, NID_crl_distribution_points,
    NID_freshest_crl,    NID_info_access,        NID_sinfo_access,     NID_issuing_distribution_point};

// OpenSSL takes a path length that it cannot hold for none.
bool HasSensibleLength(const BASIC_CONSTRAINTS* constraints) noexcept {
  int64_t length = 0;
  return constraints->pathlen == nullptr ||
         (ASN1_INTEGER_get_int64(&length, constraints->pathlen) == 1 && length >= 0 && length <= INT_MAX);
}

bool AreStrictPolicies(const CERTIFICATEPOLICIES* policies) noexcept {
  for (int i = 0; i < sk_POLICYINFO_num(policies); ++i) {
    const POLICYINFO* policy = sk_POLICYINFO_value(policies, i);
    if (policy->qualifiers != nullptr && sk_POLICYQUALINFO_num(policy->qualifiers) == 0) return false;
  }
  return true;
}

// `critical` is TRUE, as DER writes it, or not there. OpenSSL keeps what it read.
bool HasStrictCritical(const X509_EXTENSION* extension) {
  OwnedBytes bytes;
  const int size = i2d_X509_EXTENSION(const_cast<X509_EXTENSION*>(extension), bytes.out());
  std::string_view whole;
  std::string_view object;
  const auto inside = Inside(bytes.view(size), &whole);
  if (!inside || !Inside(*inside, &object)) return false;
  const std::string_view behind = inside->substr(object.size());
  return !behind.starts_with('\x01') || behind.starts_with("\x01\x01\xff");
}

// Whole and DER, where OpenSSL knows how to read it.
bool IsStrictExtension(X509_EXTENSION* extension) {
  const std::string_view value = View(X509_EXTENSION_get_data(extension));
  const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
  const bool never_empty =
      std::find(std::begin(kNeverEmpty), std::end(kNeverEmpty), nid) != std::end(kNeverEmpty);
  if (never_empty && value.size() <= 2) return false;
  const X509V3_EXT_METHOD* method = X509V3_EXT_get(extension);
  if (method == nullptr || method->it == nullptr) return true;
  const ASN1_ITEM* item = ASN1_ITEM_ptr(method->it);
  const unsigned char* at = Bytes(value);
  ASN1_VALUE* read = ASN1_item_d2i(nullptr, &at, static_cast<long>(value.size()), item);
  if (read == nullptr) return false;
  OwnedBytes again;
  const int size = ASN1_item_i2d(read, again.out(), item);
  // "CA:FALSE" written out is against X.690 §11.5 and all over the world.
  constexpr std::string_view kNoAuthority("\x30\x03\x01\x01\x00", 5);
  bool strict = at == Bytes(value) + value.size() && (again.view(size) == value || value == kNoAuthority);
  if (strict && nid == NID_basic_constraints)
    strict = HasSensibleLength(reinterpret_cast<BASIC_CONSTRAINTS*>(read));
  if (strict && nid == NID_certificate_policies)
    strict = AreStrictPolicies(reinterpret_cast<CERTIFICATEPOLICIES*>(read));
  if (strict && nid == NID_subject_alt_name) strict = AreStrictNames(reinterpret_cast<GENERAL_NAMES*>(read));
  ASN1_item_free(read, item);
  return strict;
}

// Empty, or which of them is wrong and how.
std::string ExtensionFault(const STACK_OF(X509_EXTENSION) * extensions) {
  if (sk_X509_EXTENSION_num(extensions) > kExtensionsMax)
    return Concat("has more than ", kExtensionsMax, " extensions");
  std::vector<const ASN1_OBJECT*> seen;
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    const ASN1_OBJECT* const object = X509_EXTENSION_get_object(extension);
    char name[80];
    OBJ_obj2txt(name, sizeof name, object, 0);
    for (const ASN1_OBJECT* other : seen)
      if (OBJ_cmp(other, object) == 0) return Concat("has its extension ", name, " twice");
    seen.push_back(object);
    if (!HasStrictCritical(extension) || !IsStrictExtension(extension))
      return Concat("has an extension ", name, " that cannot be read");
  }
  return "";
}

bool HasEmptySubject(const X509* certificate) noexcept {
  return X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0;
}

std::string CertificateFault(std::string_view der, X509* certificate) {
  const std::string_view signed_part = SignedPart(der);
  std::string_view whole;
  const auto inside = Inside(signed_part, &whole);
  const long version = X509_get_version(certificate);
  const auto* extensions = X509_get0_extensions(certificate);
  // [0] before everything else is the version; 1 is the default and is not written.
  if (inside && inside->starts_with('\xa0') && version == X509_VERSION_1) return "writes version 1 out";
  if (version < X509_VERSION_1 || version > X509_VERSION_3) return "has a version above 3";
  if (extensions != nullptr && sk_X509_EXTENSION_num(extensions) == 0)
    return "has an empty list of extensions";
  if (extensions != nullptr && version != X509_VERSION_3) return "has extensions and is not of version 3";
  const X509_ALGOR* outside = nullptr;
  X509_get0_signature(nullptr, &outside, certificate);
  if (X509_ALGOR_cmp(outside, X509_get0_tbs_sigalg(certificate)) != 0)
    return "names two algorithms for its signature";
  if (!IsStrictTime(X509_get0_notBefore(certificate)) || !IsStrictTime(X509_get0_notAfter(certificate)))
    return "has a time that cannot be read";
  if (!IsStrictName(X509_get_issuer_name(certificate)) || !IsStrictName(X509_get_subject_name(certificate)))
    return "has a name with bytes that its type does not allow";
  if (X509_NAME_entry_count(X509_get_issuer_name(certificate)) == 0) return "has an issuer without a name";
  std::string fault = ExtensionFault(extensions);
  if (!fault.empty()) return fault;
  const int names = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
  if (HasEmptySubject(certificate) && names >= 0 &&
      X509_EXTENSION_get_critical(X509_get_ext(certificate, names)) == 0)
    return "has no subject, and a subjectAltName that is not critical";
  if (X509_get_ext_by_NID(certificate, NID_name_constraints, -1) >= 0 && X509_check_ca(certificate) == 0)
    return "has name constraints and is no authority";
  // Reads the extensions as path validation will, once, and keeps what it read.
  if (X509_check_purpose(certificate, -1, 0) != 1) return "has extensions that cannot be used";
  return "";
}

// What RFC 5280 §5.2.5 says of issuingDistributionPoint.
bool IsSensible(const ISSUING_DIST_POINT* point) noexcept {
  int kinds = 0;
  if (point->onlyuser > 0) ++kinds;
  if (point->onlyCA > 0) ++kinds;
  if (point->onlyattr > 0) ++kinds;
  return kinds <= 1;
}

std::string CrlFault(std::string_view der, X509_CRL* crl) {
  const std::string_view signed_part = SignedPart(der);
  std::string_view whole;
  const auto inside = Inside(signed_part, &whole);
  const long version = X509_CRL_get_version(crl);
  // A version that is written is 2 (RFC 5280 §5.1.2.1).
  if (!inside) return "is not DER";
  constexpr std::string_view kVersion2("\x02\x01\x01", 3);
  const bool written = inside->starts_with(kVersion2);
  if (written != (version == X509_CRL_VERSION_2) || (!written && inside->starts_with('\x02')))
    return "has a version that is not 2";
  const auto* extensions = X509_CRL_get0_extensions(crl);
  if (extensions != nullptr && sk_X509_EXTENSION_num(extensions) == 0)
    return "has an empty list of extensions";
  if (extensions != nullptr && version != X509_CRL_VERSION_2) return "has extensions and is not of version 2";
  // OpenSSL 3.0 shows nobody the algorithm inside.
  const std::string_view behind(
      signed_part.data() + signed_part.size(),
      static_cast<size_t>(der.data() + der.size() - signed_part.data()) - signed_part.size());
  if (FirstOf(written ? inside->substr(kVersion2.size()) : *inside) != FirstOf(behind))
    return "names two algorithms for its signature";
  if (!IsStrictName(X509_CRL_get_issuer(crl))) return "has an issuer with bytes that its type does not allow";
  if (X509_NAME_entry_count(X509_CRL_get_issuer(crl)) == 0) return "has an issuer without a name";
  if (!IsStrictTime(X509_CRL_get0_lastUpdate(crl))) return "has a thisUpdate that cannot be read";
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
  if (next != nullptr && !IsStrictTime(next)) return "has a nextUpdate that cannot be read";
  std::string fault = ExtensionFault(extensions);
  if (!fault.empty()) return fault;
  auto* point = static_cast<ISSUING_DIST_POINT*>(
      X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, nullptr, nullptr));
  const bool sensible = point == nullptr || IsSensible(point);
  ISSUING_DIST_POINT_free(point);
  if (!sensible) return "says that it holds only one kind of certificate, and names two kinds";
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  if (entries != nullptr && sk_X509_REVOKED_num(entries) == 0) return "has an empty list of certificates";
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    if (!IsStrictTime(X509_REVOKED_get0_revocationDate(entry)))
      return Concat("has an entry ", i + 1, " with a time that cannot be read");
    const auto* of_entry = X509_REVOKED_get0_extensions(entry);
    if (of_entry == nullptr) continue;
    if (version != X509_CRL_VERSION_2) return "has an entry with extensions and is not of version 2";
    fault = ExtensionFault(of_entry);
    if (!fault.empty()) return Concat("has an entry ", i + 1, " that ", fault);
  }
  return "";
}

// Bytes behind it make it none.
template <typename Owned, auto D2i>
Owned Parse(std::string_view der) noexcept {
  if (der.size() > LONG_MAX || !IsDer(der)) return nullptr;
  const unsigned char* at = Bytes(der);
  Owned read(D2i(nullptr, &at, static_cast<long>(der.size())));
  if (at != Bytes(der) + der.size()) return nullptr;
  return read;
}

}  // namespace

OwnedX509 ReadCertificate(std::string_view der, std::string* why) {
  *why = "is not X.509 in DER";
  OwnedX509 certificate = Parse<OwnedX509, d2i_X509>(der);
  if (certificate == nullptr) return nullptr;
  *why = CertificateFault(der, certificate.get());
  return why->empty() ? std::move(certificate) : nullptr;
}

OwnedCrl ReadCrl(std::string_view der, std::string* why) {
  *why = "is not a CRL in DER";
  OwnedCrl crl = Parse<OwnedCrl, d2i_X509_CRL>(der);
  if (crl == nullptr) return nullptr;
  *why = CrlFault(der, crl.get());
  return why->empty() ? std::move(crl) : nullptr;
}

}  // namespace stockade
