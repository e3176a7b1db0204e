#include "adapters/client_hello/client_fingerprint.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace stockade {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kPartBytes = 12;      // of a hash in a JA4
constexpr size_t kCountMax = 99;       // two digits
constexpr size_t kHostBytesMax = 255;  // RFC 1035 §2.3.4

bool IsAlnum(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// An algorithm is looked up once: each look-up by name costs more than the hashing.
std::string HexDigest(const EVP_MD* algorithm, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (algorithm == nullptr || EVP_Digest(text.data(), text.size(), digest, &size, algorithm, nullptr) != 1)
    return {};
  std::string hex;
  hex.reserve(size_t{2} * size);
  for (unsigned i = 0; i < size; ++i) {
    hex.push_back(kHexDigits[digest[i] >> 4]);
    hex.push_back(kHexDigits[digest[i] & 15]);
  }
  return hex;
}

std::string Md5Hex(std::string_view text) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
  return HexDigest(algorithm, text);
}

std::string Sha256Part(std::string_view text) {
  if (text.empty()) return std::string(kPartBytes, '0');
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return HexDigest(algorithm, text).substr(0, kPartBytes);
}

// "29-23-24", without GREASE.
void AppendDecimal(uint16_t value, size_t start, std::string* text) {
  char digits[8];
  char* const end = std::to_chars(digits, std::end(digits), value).ptr;
  if (text->size() > start) text->push_back('-');
  text->append(digits, static_cast<size_t>(end - digits));
}

void AppendNumbers(const WireNumbers& numbers, std::string* text) {
  const size_t start = text->size();
  for (size_t i = 0; i < numbers.size(); ++i)
    if (!IsGrease(numbers[i])) AppendDecimal(numbers[i], start, text);
}

void AppendHex(uint16_t value, size_t start, std::string* text) {
  if (text->size() > start) text->push_back(',');
  for (int shift = 12; shift >= 0; shift -= 4) text->push_back(kHexDigits[value >> shift & 15]);
}

std::string SortedHex(std::vector<uint16_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  text.reserve(numbers.size() * 5);
  for (const uint16_t number : numbers) AppendHex(number, 0, &text);
  return text;
}

std::vector<uint16_t> WithoutGrease(const WireNumbers& numbers) {
  std::vector<uint16_t> kept;
  kept.reserve(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i)
    if (!IsGrease(numbers[i])) kept.push_back(numbers[i]);
  return kept;
}

std::string_view VersionText(uint16_t version) noexcept {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    case 0xfeff:
      return "d1";
    case 0xfefd:
      return "d2";
    case 0xfefc:
      return "d3";
    default:
      return "00";
  }
}

// The highest that is offered. Versions of DTLS count downwards.
uint16_t OfferedVersion(const ClientHello& hello, HelloTransport transport) noexcept {
  uint16_t best = 0;
  bool found = false;
  for (size_t i = 0; i < hello.supported_versions.size(); ++i) {
    const uint16_t version = hello.supported_versions[i];
    if (IsGrease(version)) continue;
    const bool is_higher = transport == HelloTransport::kDtls ? version < best : version > best;
    if (!found || is_higher) best = version;
    found = true;
  }
  return found ? best : hello.legacy_version;
}

void AppendCount(size_t count, std::string* text) {
  const size_t shown = std::min(count, kCountMax);
  text->push_back(static_cast<char>('0' + shown / 10));
  text->push_back(static_cast<char>('0' + shown % 10));
}

void AppendAlpn(std::string_view alpn, std::string* text) {
  if (alpn.empty()) {
    text->append("00");
  } else if (IsAlnum(alpn.front()) && IsAlnum(alpn.back())) {
    text->push_back(alpn.front());
    text->push_back(alpn.back());
  } else {
    text->push_back(kHexDigits[static_cast<uint8_t>(alpn.front()) >> 4]);
    text->push_back(kHexDigits[static_cast<uint8_t>(alpn.back()) & 15]);
  }
}

// The three parts before two of them are hashed.
struct Ja4Parts {
  std::string head;
  std::string ciphers;
  std::string extensions;
  std::string algorithms;

  Ja4Parts(const ClientHello& hello, HelloTransport transport) {
    const std::vector<uint16_t> suites = WithoutGrease(hello.cipher_suites);
    std::vector<uint16_t> kept;
    size_t extension_count = 0;
    VisitExtensions(hello, [&](uint16_t type, std::string_view) {
      if (IsGrease(type)) return;
      ++extension_count;
      if (type != kServerNameExtension && type != kAlpnExtension) kept.push_back(type);
    });
    static constexpr std::array<char, 3> kLetters = {'t', 'q', 'd'};
    head.push_back(kLetters[static_cast<size_t>(transport)]);
    head.append(VersionText(OfferedVersion(hello, transport)));
    head.push_back(hello.has_server_name ? 'd' : 'i');
    AppendCount(suites.size(), &head);
    AppendCount(extension_count, &head);
    AppendAlpn(FirstAlpn(hello), &head);
    ciphers = SortedHex(suites);
    extensions = SortedHex(std::move(kept));
    for (const uint16_t algorithm : WithoutGrease(hello.signature_algorithms))
      AppendHex(algorithm, 0, &algorithms);
  }
};

bool IsHex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return kHexDigits.find(c) != std::string_view::npos; });
}

bool IsPrintable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::string Ja3Text(const ClientHello& hello) {
  std::string text;
  AppendDecimal(hello.legacy_version, 0, &text);
  text.push_back(',');
  AppendNumbers(hello.cipher_suites, &text);
  text.push_back(',');
  const size_t start = text.size();
  VisitExtensions(hello, [&](uint16_t type, std::string_view) {
    if (!IsGrease(type)) AppendDecimal(type, start, &text);
  });
  text.push_back(',');
  AppendNumbers(hello.supported_groups, &text);
  text.push_back(',');
  const size_t formats = text.size();
  for (const char format : hello.point_formats) AppendDecimal(static_cast<uint8_t>(format), formats, &text);
  return text;
}

std::string Ja3(const ClientHello& hello) {
  return Md5Hex(Ja3Text(hello));
}

std::string Ja4(const ClientHello& hello, HelloTransport transport) {
  const Ja4Parts parts(hello, transport);
  std::string extensions = parts.extensions;
  // Without a signature algorithm there is no underscore either.
  if (!parts.algorithms.empty()) extensions.append("_").append(parts.algorithms);
  const std::string ciphers_part = Sha256Part(parts.ciphers);
  const std::string extensions_part = Sha256Part(parts.extensions.empty() ? std::string_view() : extensions);
  if (ciphers_part.empty() || extensions_part.empty()) return {};
  return parts.head + "_" + ciphers_part + "_" + extensions_part;
}

std::string Ja4Raw(const ClientHello& hello, HelloTransport transport) {
  const Ja4Parts parts(hello, transport);
  std::string raw = parts.head + "_" + parts.ciphers + "_" + parts.extensions;
  if (!parts.algorithms.empty()) raw.append("_").append(parts.algorithms);
  return raw;
}

bool IsJa3(std::string_view text) noexcept {
  return text.size() == kJa3Bytes && IsHex(text);
}

bool IsJa4(std::string_view text) noexcept {
  constexpr size_t kHead = 10;
  if (text.size() != kJa4Bytes || text[kHead] != '_' || text[kHead + 1 + kPartBytes] != '_') return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_shown = [](char c) { return IsAlnum(c); };
  return std::string_view("tqd").find(text[0]) != std::string_view::npos && is_shown(text[1]) &&
         is_shown(text[2]) && (text[3] == 'd' || text[3] == 'i') &&
         std::all_of(text.begin() + 4, text.begin() + 8, is_digit) && is_shown(text[8]) &&
         is_shown(text[9]) && IsHex(text.substr(kHead + 1, kPartBytes)) &&
         IsHex(text.substr(kHead + 2 + kPartBytes));
}

ClientFingerprint FingerprintOf(const ClientHello& hello, HelloTransport transport) {
  ClientFingerprint print{Ja3(hello), Ja4(hello, transport), {}, {}};
  if (hello.server_name.size() <= kHostBytesMax && IsPrintable(hello.server_name)) {
    print.server_name = hello.server_name;
    for (char& c : print.server_name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (const std::string_view alpn = FirstAlpn(hello); IsPrintable(alpn)) print.alpn = alpn;
  return print;
}

ClientFingerprint FingerprintOf(std::string_view message, HelloTransport transport) {
  ClientHello hello;
  if (ParseClientHello(message, transport, &hello) != HelloError::kNone) return {};
  return FingerprintOf(hello, transport);
}

}  // namespace stockade
