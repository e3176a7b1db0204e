// What digits are and are worth, for everybody who reads some: RFC 5234's DIGIT, and HEXDIG in either case. Of ASCII, whatever
// the locale. Pure; any thread.
#pragma once

namespace stockade {

constexpr bool IsDigit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// 0 to 15; -1 for any other character.
constexpr int HexDigit(char c) noexcept {
  if (IsDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace stockade
