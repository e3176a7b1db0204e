// What a hexadecimal digit is worth, for everybody who reads some: RFC 5234's HEXDIG in either case. Pure; any thread.
#pragma once

namespace stockade {

// 0 to 15; -1 for any other character.
constexpr int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace stockade
