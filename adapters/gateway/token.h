// A token of RFC 9110 §5.6.2: what names of fields, methods and parameters are made of. Pure; any thread.
#pragma once

#include <array>
#include <string_view>

namespace stockade {

namespace token_internal {
constexpr std::array<bool, 256> MakeTable() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  return table;
}
inline constexpr std::array<bool, 256> kTable = MakeTable();
}  // namespace token_internal

constexpr bool IsTokenChar(char c) noexcept {
  return token_internal::kTable[static_cast<unsigned char>(c)];
}
// Not empty, and nothing but such characters.
constexpr bool IsToken(std::string_view text) noexcept {
  for (const char c : text)
    if (!IsTokenChar(c)) return false;
  return !text.empty();
}

}  // namespace stockade
