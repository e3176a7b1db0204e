#include "engine/rule/pattern_reader.h"

#include "engine/event/digits.h"
#include "engine/rule/utf8.h"

namespace stockade {
namespace {

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}

}  // namespace

bool PatternReader::ReadCode(uint32_t* code, bool* is_character) noexcept {
  *is_character = false;
  const char c = rest_[0];
  if (At("x{")) {
    const size_t end = rest_.find('}');
    if (end == std::string_view::npos || end < 3 || end > 10) return false;
    *code = 0;
    for (const char digit : rest_.substr(2, end - 2)) {
      const int value = HexDigit(digit);
      if (value < 0) return false;
      *code = *code << 4 | static_cast<uint32_t>(value);
    }
    if (*code > kCodePointMax || (*code >= 0xd800 && *code <= 0xdfff)) return false;
    *is_character = true;
    Skip(end + 1);
    return true;
  }
  if (c == 'x' && rest_.size() >= 3 && HexDigit(rest_[1]) >= 0 && HexDigit(rest_[2]) >= 0) {
    *code = static_cast<uint32_t>(HexDigit(rest_[1]) << 4 | HexDigit(rest_[2]));
    Skip(3);
    return true;
  }
  if (c == '0') {
    *code = 0;
    size_t size = 1;
    for (; size < 3 && size < rest_.size() && IsOctal(rest_[size]); ++size)
      *code = *code << 3 | static_cast<uint32_t>(rest_[size] - '0');
    Skip(size);
    return true;
  }
  if (c == 'c' && rest_.size() >= 2 && rest_[1] >= 0x20 && rest_[1] < 0x7f) {
    const auto letter =
        static_cast<uint32_t>(rest_[1] >= 'a' && rest_[1] <= 'z' ? rest_[1] - 0x20 : rest_[1]);
    *code = letter ^ 0x40;
    Skip(2);
    return true;
  }
  constexpr std::string_view kNames = "aefnrt";
  constexpr std::string_view kCodes = "\x07\x1b\x0c\n\r\t";
  const size_t name = kNames.find(c);
  if (name == std::string_view::npos) return false;
  *code = static_cast<uint8_t>(kCodes[name]);
  Skip(1);
  return true;
}

}  // namespace stockade
