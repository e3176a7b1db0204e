#include "adapters/certificate/der_form.h"

#include <cstddef>
#include <cstdint>

namespace stockade {
namespace {

constexpr uint8_t kConstructed = 0x20;
constexpr uint8_t kClassBits = 0xc0;

enum Universal : uint8_t {
  kBoolean = 1,
  kInteger = 2,
  kBitString = 3,
  kNull = 5,
  kObjectIdentifier = 6,
  kEnumerated = 10,
  kSequence = 16,
  kSet = 17,
};

uint8_t At(std::string_view bytes, size_t i) noexcept {
  return static_cast<uint8_t>(bytes[i]);
}

// The first element off `*rest`: its tag and what is inside.
bool TakeElement(std::string_view* rest, uint8_t* tag, std::string_view* inside) noexcept {
  if (rest->size() < 2) return false;
  *tag = At(*rest, 0);
  if ((*tag & 0x1f) == 0x1f) return false;
  size_t size = At(*rest, 1);
  size_t head = 2;
  if (size >= 0x80) {
    const size_t octets = size & 0x7f;
    // 0 would be the indefinite form.
    if (octets == 0 || octets > 4 || rest->size() < 2 + octets) return false;
    size = 0;
    for (size_t i = 0; i < octets; ++i) size = size << 8 | At(*rest, 2 + i);
    if (size < 0x80 || At(*rest, 2) == 0) return false;
    head += octets;
  }
  if (rest->size() - head < size) return false;
  *inside = rest->substr(head, size);
  rest->remove_prefix(head + size);
  return true;
}

bool IsShortestInteger(std::string_view value) noexcept {
  if (value.empty()) return false;
  if (value.size() == 1) return true;
  const bool high = (At(value, 1) & 0x80) != 0;
  return !(At(value, 0) == 0 && !high) && !(At(value, 0) == 0xff && high);
}

bool IsBitString(std::string_view value) noexcept {
  if (value.empty() || At(value, 0) > 7) return false;
  if (value.size() == 1) return At(value, 0) == 0;
  const auto unused = static_cast<uint8_t>((1u << At(value, 0)) - 1);
  return (At(value, value.size() - 1) & unused) == 0;
}

bool IsObjectIdentifier(std::string_view value) noexcept {
  bool begins = true;
  for (size_t i = 0; i < value.size(); ++i) {
    if (begins && At(value, i) == 0x80) return false;
    begins = (At(value, i) & 0x80) == 0;
  }
  return begins && !value.empty();
}

bool IsPrimitive(uint8_t type, std::string_view value) noexcept {
  switch (type) {
    case kBoolean:
      return value.size() == 1 && (At(value, 0) == 0 || At(value, 0) == 0xff);
    case kInteger:
    case kEnumerated:
      return IsShortestInteger(value);
    case kBitString:
      return IsBitString(value);
    case kNull:
      return value.empty();
    case kObjectIdentifier:
      return IsObjectIdentifier(value);
    case kSequence:
    case kSet:
    case 0:
      return false;
    default:
      return true;
  }
}

bool AreElements(std::string_view rest, int depth) noexcept {
  if (depth > kDerDepthMax) return false;
  while (!rest.empty()) {
    uint8_t tag = 0;
    std::string_view inside;
    if (!TakeElement(&rest, &tag, &inside)) return false;
    const bool universal = (tag & kClassBits) == 0;
    const uint8_t type = tag & 0x1f;
    if ((tag & kConstructed) != 0) {
      if (universal && type != kSequence && type != kSet) return false;
      if (!AreElements(inside, depth + 1)) return false;
    } else if (universal && !IsPrimitive(type, inside)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool IsDer(std::string_view bytes) noexcept {
  std::string_view rest = bytes;
  uint8_t tag = 0;
  std::string_view inside;
  return TakeElement(&rest, &tag, &inside) && rest.empty() && AreElements(bytes, 0);
}

}  // namespace stockade
