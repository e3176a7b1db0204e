#include "engine/event/address.h"

#include <algorithm>
#include <cstring>

#include "engine/event/digits.h"

namespace stockade {
namespace {

constexpr uint64_t kMappedHigh = 0;                  // ::ffff:0:0/96
constexpr uint64_t kMappedLow = 0xffff;              // its next 32 bits
constexpr uint64_t kNat64High = 0x0064ff9b00000000;  // 64:ff9b::/96

struct Halves {
  uint64_t high;
  uint64_t low;
};

bool FoldsToV4(Halves v) noexcept {
  return (v.high == kMappedHigh && v.low >> 32 == kMappedLow) || (v.high == kNat64High && v.low >> 32 == 0);
}

// Four decimal parts and nothing else. inet_aton's shorter, octal and hexadecimal forms are refused: two
// readers of "010.1" would count two addresses.
bool ReadV4(std::string_view text, uint32_t* value) noexcept {
  if (text.size() < 7 || text.size() > 15) return false;
  // A copy that a zero ends, so that no step below has to ask for the end: in two halves that may overlap.
  std::array<char, 16> copy{};
  if (text.size() >= 8) {
    std::memcpy(copy.data(), text.data(), 8);
    std::memcpy(copy.data() + text.size() - 8, text.data() + text.size() - 8, 8);
  } else {
    std::memcpy(copy.data(), text.data(), 4);
    std::memcpy(copy.data() + 3, text.data() + 3, 4);
  }
  const auto digit = [](const char* c) noexcept {
    return static_cast<uint32_t>(static_cast<unsigned char>(*c)) - '0';
  };
  const char* p = copy.data();
  uint32_t result = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && *p++ != '.') return false;
    uint32_t number = digit(p++);
    if (number > 9) return false;
    if (const uint32_t second = digit(p); second <= 9) {
      if (number == 0) return false;
      number = number * 10 + second;
      if (const uint32_t third = digit(++p); third <= 9) {
        number = number * 10 + third;
        if (number > 255) return false;
        ++p;
      }
    }
    result = result << 8 | number;
  }
  *value = result;
  return p == copy.data() + text.size();
}

// RFC 4291 §2.2, all three forms. "::" stands for at least one group, as inet_pton reads it.
bool ReadV6(std::string_view text, Halves* value) noexcept {
  std::array<uint16_t, 8> groups{};
  size_t count = 0;
  int gap = -1;
  size_t i = 0;
  if (text.size() < 2) return false;
  if (text[0] == ':') {
    if (text[1] != ':') return false;
    gap = 0;
    i = 2;
  }
  while (i < text.size()) {
    const size_t start = i;
    uint32_t group = 0;
    for (int digit; i < text.size() && (digit = HexDigit(text[i])) >= 0; ++i) {
      if (i - start == 4) return false;
      group = group << 4 | static_cast<uint32_t>(digit);
    }
    if (i == start) return false;
    if (i < text.size() && text[i] == '.') {
      uint32_t v4 = 0;
      if (count > 6 || !ReadV4(text.substr(start), &v4)) return false;
      groups[count++] = static_cast<uint16_t>(v4 >> 16);
      groups[count++] = static_cast<uint16_t>(v4);
      break;
    }
    if (count == 8) return false;
    groups[count++] = static_cast<uint16_t>(group);
    if (i == text.size()) break;
    if (text[i++] != ':' || i == text.size()) return false;
    if (text[i] == ':') {
      if (gap >= 0) return false;
      gap = static_cast<int>(count);
      ++i;
    }
  }
  if (gap < 0 ? count != 8 : count > 7) return false;
  if (gap >= 0) {
    const auto first = groups.begin() + gap;
    const auto last = groups.begin() + static_cast<std::ptrdiff_t>(count);
    std::move_backward(first, last, groups.end());
    std::fill(first, first + static_cast<std::ptrdiff_t>(8 - count), uint16_t{0});
  }
  uint64_t high = 0, low = 0;
  for (size_t g = 0; g < 4; ++g) {
    high = high << 16 | groups[g];
    low = low << 16 | groups[g + 4];
  }
  *value = {high, low};
  return true;
}

// Cuts "%zone" off. A zone is at least one printable character; anything wilder is no address.
bool DropZone(std::string_view* text) noexcept {
  const size_t percent = text->find('%');
  if (percent == std::string_view::npos) return true;
  const std::string_view zone = text->substr(percent + 1);
  if (zone.empty()) return false;
  for (const char c : zone)
    if (c <= ' ' || c >= 0x7f || c == '%' || c == '/' || c == ']') return false;
  *text = text->substr(0, percent);
  return true;
}

Halves Masked(Halves v, int length) noexcept {
  const auto keep = [](uint64_t half, int bits) noexcept {
    return bits <= 0 ? 0 : bits >= 64 ? half : half & ~(~uint64_t{0} >> bits);
  };
  return {keep(v.high, length), keep(v.low, length - 64)};
}

char* WriteDecimal(uint32_t number, char* out) noexcept {
  if (number >= 100) *out++ = static_cast<char>('0' + number / 100);
  if (number >= 10) *out++ = static_cast<char>('0' + number / 10 % 10);
  *out++ = static_cast<char>('0' + number % 10);
  return out;
}

char* WriteHexGroup(uint32_t group, char* out) noexcept {
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const uint32_t digit = group >> shift & 0xf;
    started = started || digit != 0 || shift == 0;
    if (started) *out++ = "0123456789abcdef"[digit];
  }
  return out;
}

}  // namespace

std::optional<Address> Address::Parse(std::string_view text) noexcept {
  uint32_t v4 = 0;
  if (ReadV4(text, &v4)) return V4(v4);
  Halves v6{};
  if (!DropZone(&text) || !ReadV6(text, &v6)) return std::nullopt;
  if (FoldsToV4(v6)) return V4(static_cast<uint32_t>(v6.low));
  return Address(v6.high, v6.low, 6);
}

Address Address::V4(uint32_t host_order) noexcept {
  return Address(0, host_order, 4);
}

Address Address::V6(std::span<const uint8_t, 16> bytes) noexcept {
  Halves v{};
  for (size_t i = 0; i < 8; ++i) {
    v.high = v.high << 8 | bytes[i];
    v.low = v.low << 8 | bytes[i + 8];
  }
  if (FoldsToV4(v)) return V4(static_cast<uint32_t>(v.low));
  return Address(v.high, v.low, 6);
}

bool Address::bit(int i) const noexcept {
  if (family_ == 4) return (low_ >> (31 - i) & 1) != 0;
  return i < 64 ? (high_ >> (63 - i) & 1) != 0 : (low_ >> (127 - i) & 1) != 0;
}

size_t Address::Format(char* out) const noexcept {
  char* p = out;
  if (family_ == 4) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      p = WriteDecimal(static_cast<uint32_t>(low_ >> shift) & 0xff, p);
      if (shift > 0) *p++ = '.';
    }
  } else if (family_ == 6) {
    std::array<uint32_t, 8> groups{};
    for (size_t g = 0; g < 8; ++g) {
      const uint64_t half = g < 4 ? high_ : low_;
      groups[g] = static_cast<uint32_t>(half >> (48 - 16 * (g & 3))) & 0xffff;
    }
    // RFC 5952 §4.2: "::" for the longest run of zero groups, the first of equals, and never for a single
    // one.
    size_t gap = 8, gap_size = 1;
    for (size_t g = 0; g < 8; ++g) {
      size_t run = g;
      while (run < 8 && groups[run] == 0) ++run;
      if (run - g > gap_size) {
        gap = g;
        gap_size = run - g;
      }
      if (run > g) g = run - 1;
    }
    for (size_t g = 0; g < 8; ++g) {
      if (g == gap) {
        *p++ = ':';
        if (g + gap_size == 8) *p++ = ':';
        g += gap_size - 1;
        continue;
      }
      if (g > 0) *p++ = ':';
      p = WriteHexGroup(groups[g], p);
    }
  }
  return static_cast<size_t>(p - out);
}

std::string Address::ToString() const {
  char text[kTextBytesMax];
  return std::string(text, Format(text));
}

std::optional<Prefix> Prefix::Parse(std::string_view text) noexcept {
  const size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) {
    const std::optional<Address> address = Address::Parse(text);
    if (!address) return std::nullopt;
    return Prefix{*address, static_cast<uint8_t>(address->bits())};
  }
  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  int length = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + (c - '0');
  }
  std::string_view base = text.substr(0, slash);
  uint32_t v4 = 0;
  if (ReadV4(base, &v4)) {
    if (length > 32) return std::nullopt;
    const Prefix prefix = Around(Address::V4(v4), length);
    if (prefix.address.v4() != v4) return std::nullopt;
    return prefix;
  }
  Halves v6{};
  if (length > 128 || !DropZone(&base) || !ReadV6(base, &v6)) return std::nullopt;
  const Halves masked = Masked(v6, length);
  if (masked.high != v6.high || masked.low != v6.low) return std::nullopt;
  if (length >= 96 && FoldsToV4(v6))
    return Prefix{Address::V4(static_cast<uint32_t>(v6.low)), static_cast<uint8_t>(length - 96)};
  return Prefix{Address(v6.high, v6.low, 6), static_cast<uint8_t>(length)};
}

Prefix Prefix::Around(const Address& address, int length) noexcept {
  if (!address.present()) return Prefix{};
  length = std::clamp(length, 0, address.bits());
  const auto stored = static_cast<uint8_t>(length);
  if (address.is_v4()) {
    const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    return Prefix{Address(0, address.v4() & mask, 4), stored};
  }
  const Halves masked = Masked({address.high_, address.low_}, length);
  return Prefix{Address(masked.high, masked.low, 6), stored};
}

bool Prefix::Contains(const Address& other) const noexcept {
  if (!other.present() || other.family_ != address.family_) return false;
  return Around(other, length).address == address;
}

std::string Prefix::ToString() const {
  char text[Address::kTextBytesMax];
  char* p = text + address.Format(text);
  if (address.present() && !is_single()) {
    *p++ = '/';
    p = WriteDecimal(length, p);
  }
  return std::string(text, static_cast<size_t>(p - text));
}

}  // namespace stockade
