// How bytes and characters are written in a pattern about bytes (byte_pattern.h): in what Hyperscan and RE2 read alike.
// Each appends to `out`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stockade {

// As \xHH; `byte` < 256.
void AppendByte(uint32_t byte, std::string* out);

// A byte below 0x80 as a literal, inside or outside a class.
void AppendAscii(uint32_t c, std::string* out);

// Sequences of byte classes that together match the UTF-8 forms of low..high, 0x80 <= low <= high <= kCodePointMax, as
// alternatives to what `out` holds, unless that ends in ':': the split at the borders of lengths and of continuation bytes
// that RE2 and every byte automaton make (Cox, "Regular Expression Matching in the Wild", 2010).
void AppendUtf8Range(uint32_t low, uint32_t high, std::string* out);

// One well-formed character beyond ASCII, or what `one_byte` matches.
void AppendAnyCharacter(std::string_view one_byte, std::string* out);

}  // namespace stockade
