// Certificates as text: PEM, percent-encoding, and the looser base64 of browsers and apps.
//
// Strict where a proxy or a program writes, because one certificate has then one spelling: PEM blocks stand alone, with
// nothing before, between or behind them but line ends (RFC 7468 §5.1 without explanatory text); base64 has its padding
// and zero pad bits. SentBase64 is for what a page's script made of bytes, where each library has its own habits.
//
// Pure; linear; any thread. Whether the bytes are a certificate is nobody's question here.
// Fuzz: from_header_fuzz, signed_login_fuzz.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/certificate/evidence.h"

namespace stockade {

// Percent signs, line ends and base64 of the largest certificate: at worst every byte of its PEM is escaped, and 4 of 3
// bytes of base64 with its line ends are 12.2 of 3.
inline constexpr size_t kEscapedCertificateBytesMax = kCertificateBytesMax * 5;

// "+" is itself: certificates have no spaces that it could stand for, and AWS leaves it as it is. False where a "%" is
// not followed by two hexadecimal digits.
bool DecodePercents(std::string_view text, std::string* out);

// PEM blocks of certificates, in order, each not empty and at most kCertificateBytesMax. False where there is anything
// else, no block, or more than `count_max`; `*ders` is then unspecified.
bool ReadPemCertificates(std::string_view text, size_t count_max, std::vector<std::string>* ders);

// Base64 in either alphabet of RFC 4648 (+ / of §4, - _ of §5; not both), with or without padding, broken by line ends or
// not; spaces stand for the "+" that a form not escaped has lost. False where it is anything else, empty, or more than
// `bytes_max` bytes.
bool DecodeSentBase64(std::string_view text, size_t bytes_max, std::string* bytes);

}  // namespace stockade
