#include "engine/rule/utf8.h"

#include <algorithm>

namespace stockade {

bool IsAscii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

size_t EncodeUtf8(uint32_t c, uint8_t* out) {
  if (c < 0x80) {
    out[0] = static_cast<uint8_t>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<uint8_t>(0xc0 | c >> 6);
    out[1] = static_cast<uint8_t>(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<uint8_t>(0xe0 | c >> 12);
    out[1] = static_cast<uint8_t>(0x80 | (c >> 6 & 0x3f));
    out[2] = static_cast<uint8_t>(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = static_cast<uint8_t>(0xf0 | c >> 18);
  out[1] = static_cast<uint8_t>(0x80 | (c >> 12 & 0x3f));
  out[2] = static_cast<uint8_t>(0x80 | (c >> 6 & 0x3f));
  out[3] = static_cast<uint8_t>(0x80 | (c & 0x3f));
  return 4;
}

std::pair<uint32_t, size_t> DecodeUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t size = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (size == 0 || first > 0xf4 || text.size() < size) return {0, 0};
  uint32_t c = first & (0xffU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    c = c << 6 | (byte(i) & 0x3f);
  }
  uint8_t again[4];
  if (c > kCodePointMax || (c >= 0xd800 && c <= 0xdfff) || EncodeUtf8(c, again) != size) return {0, 0};
  return {c, size};
}

void AppendOtherCases(uint32_t c, std::vector<uint32_t>* out) {
  const auto between = [c](uint32_t low, uint32_t high) { return c >= low && c <= high; };
  if (between(0xc0, 0xde) && c != 0xd7) out->push_back(c + 0x20);
  if (between(0xe0, 0xfe) && c != 0xf7) out->push_back(c - 0x20);
  if (c == 0xff) out->push_back(0x178);
  if (c == 0x178) out->push_back(0xff);
  // Pairs upper, lower: even first, or odd first. U+0130, U+0131, U+0138 and U+0149 have no partner of their
  // own.
  const bool even_first = between(0x100, 0x12f) || between(0x132, 0x137) || between(0x14a, 0x177) ||
                          between(0x1e00, 0x1e95) || between(0x1ea0, 0x1eff) || between(0x460, 0x481) ||
                          between(0x48a, 0x4bf) || between(0x4d0, 0x52f);
  const bool odd_first = between(0x139, 0x148) || between(0x179, 0x17e) || between(0x4c1, 0x4ce);
  if (even_first) out->push_back(c ^ 1);
  if (odd_first) out->push_back((c & 1) != 0 ? c + 1 : c - 1);
  if (between(0x391, 0x3a9) && c != 0x3a2) out->push_back(c + 0x20);
  if (between(0x3b1, 0x3c9) && c != 0x3c2) out->push_back(c - 0x20);
  if (c == 0x3a3 || c == 0x3c3) out->push_back(0x3c2);  // final sigma is a sigma
  if (c == 0x3c2) out->insert(out->end(), {0x3a3, 0x3c3});
  if (between(0x410, 0x42f)) out->push_back(c + 0x20);
  if (between(0x430, 0x44f)) out->push_back(c - 0x20);
  if (between(0x400, 0x40f)) out->push_back(c + 0x50);
  if (between(0x450, 0x45f)) out->push_back(c - 0x50);
  if (between(0xff21, 0xff3a)) out->push_back(c + 0x20);
  if (between(0xff41, 0xff5a)) out->push_back(c - 0x20);
}

}  // namespace stockade
