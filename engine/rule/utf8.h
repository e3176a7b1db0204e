// The little of Unicode that patterns need: characters to and from UTF-8 (RFC 3629), and the other case of a
// letter. Pure functions; load time only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade {

inline constexpr uint32_t kCodePointMax = 0x10ffff;

bool IsAscii(std::string_view text) noexcept;

// Writes the 1 to 4 bytes of a character, `c` <= kCodePointMax; returns how many.
size_t EncodeUtf8(uint32_t c, uint8_t* out);

// The well-formed character beyond ASCII at the start of `text`, which is not empty, with its length. Length
// 0 if there is none: ASCII, a lone or missing continuation byte, an overlong form, a surrogate, beyond
// U+10FFFF.
std::pair<uint32_t, size_t> DecodeUtf8(std::string_view text);

// Appends the letters beyond ASCII that differ from `c` in case only: one to one, of Latin-1, Latin
// Extended-A and Additional, Greek, Cyrillic and the full-width forms (Unicode CaseFolding.txt, status C).
// None for anything else.
void AppendOtherCases(uint32_t c, std::vector<uint32_t>* out);

}  // namespace stockade
