// How strong the keys and digests of a path must be, and what a serial number is: one table of floors, checked on every
// certificate of a path after OpenSSL has built it.
//
// Why not OpenSSL's security levels: level 2 takes EC keys of 224 bits and DSA, says "too weak" of nothing else, and cannot
// be asked for one without the other. What was decided here, and by whom: RSA 2048 and no SHA-1, NIST SP 800-131A rev. 2
// §3 and §9; P-256, CA/Browser Forum BR §6.1.5. DSA is not accepted at all unless its floor is set (FIPS 186-5 dropped it).
//
// The anchor is there by configuration: its key must be strong, its signature on itself and its serial number are not
// looked at.
#pragma once

#include <optional>
#include <string>

#include "engine/event/outcome.h"

struct X509_algor_st;
struct x509_st;

struct evp_pkey_st;

namespace stockade {

struct PathFloors {
  int rsa_bits_min = 2048;
  int ec_bits_min =
      256;               // named curves only; Ed25519 and Ed448 have 253 and 456 and are always strong enough
  int dsa_bits_min = 0;  // 0: none is accepted
  bool sha1 = false;     // MD5 and older are never accepted
  bool odd_serials =
      false;  // accepts serial numbers that RFC 5280 §4.1.2.2 forbids: zero, negative, beyond 20 octets
};

// Beyond this a key is an attack on whoever verifies with it.
inline constexpr int kRsaBitsMax = 8192;
// Every key in use has 17 bits, FIPS 186-5 allows more; a check with one as long as the modulus costs sixty times as much.
inline constexpr int kRsaExponentBitsMax = 64;
// Of an RSA key; true as well where it cannot be read.
bool HasLongExponent(const evp_pkey_st* key) noexcept;

struct PathFault {
  CertificateStatus status;
  std::string text;  // printable, about one certificate: "has an RSA key of 1024 bits, …"
};

// Nothing where the certificate is above all floors. Pure; any thread; below 2 µs but for the first look at a key.
std::optional<PathFault> CheckFloors(const x509_st* certificate, const PathFloors& floors, bool is_anchor);

// Whether a signature made so may be believed, on a CRL or an answer of a responder.
bool IsStrongSignature(const X509_algor_st* algorithm, const PathFloors& floors);

}  // namespace stockade
