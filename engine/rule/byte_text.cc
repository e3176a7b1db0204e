#include "engine/rule/byte_text.h"

#include "absl/strings/ascii.h"
#include "engine/rule/utf8.h"

namespace stockade {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
// Everything a "." may take beyond one byte.
constexpr std::string_view kWideCharacters =
    "[\\xc2-\\xdf][\\x80-\\xbf]|[\\xe0-\\xef][\\x80-\\xbf]{2}|[\\xf0-\\xf4][\\x80-\\xbf]{3}";

}  // namespace

void AppendByte(uint32_t byte, std::string* out) {
  *out += "\\x";
  *out += kHex[byte >> 4 & 15];
  *out += kHex[byte & 15];
}

void AppendAscii(uint32_t c, std::string* out) {
  if (c < 0x20 || c == 0x7f || c >= 0x80) {
    AppendByte(c, out);
    return;
  }
  if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != ' ') *out += '\\';
  *out += static_cast<char>(c);
}

void AppendUtf8Range(uint32_t low, uint32_t high, std::string* out) {
  for (const uint32_t border : {0x7fU, 0x7ffU, 0xffffU}) {
    if (low <= border && high > border) {
      AppendUtf8Range(low, border, out);
      AppendUtf8Range(border + 1, high, out);
      return;
    }
  }
  uint8_t from[4];
  uint8_t to[4];
  const size_t size = EncodeUtf8(low, from);
  for (uint32_t tail = 1; tail < size; ++tail) {
    const uint32_t mask = (1U << (6 * tail)) - 1;
    if ((low & ~mask) == (high & ~mask)) continue;
    if ((low & mask) != 0) {
      AppendUtf8Range(low, low | mask, out);
      AppendUtf8Range((low | mask) + 1, high, out);
      return;
    }
    if ((high & mask) != mask) {
      AppendUtf8Range(low, (high & ~mask) - 1, out);
      AppendUtf8Range(high & ~mask, high, out);
      return;
    }
  }
  EncodeUtf8(high, to);
  if (!out->empty() && out->back() != ':') *out += '|';
  for (size_t i = 0; i < size; ++i) {
    if (from[i] == to[i]) {
      AppendByte(from[i], out);
      continue;
    }
    *out += '[';
    AppendByte(from[i], out);
    *out += '-';
    AppendByte(to[i], out);
    *out += ']';
  }
}

void AppendAnyCharacter(std::string_view one_byte, std::string* out) {
  *out += "(?:";
  *out += one_byte;
  // RE2 would fold the bytes of UTF-8 as if they were letters of Latin-1.
  *out += "|(?-i:";
  *out += kWideCharacters;
  *out += "))";
}

}  // namespace stockade
