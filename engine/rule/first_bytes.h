// Which bytes a text can begin with that a pattern matches: what tells most values of a field at their first byte that
// no scan is needed.
//
// Read off the pattern as byte_pattern.h writes it, and never too few: whatever this reader does not follow (a pattern
// that may match further on in the text, multi-line mode, one that may match nothing, an escape it does not know) may
// begin with any byte. It follows anchored alternatives of texts, classes and groups, which is how lists of names are
// written. Linear in the pattern. Oracle: RE2, in tests/engine/rule/first_bytes_test.cc and tests/fuzz/pattern_fuzz.cc.
#pragma once

#include <bitset>
#include <string_view>

namespace stockade {

using ByteSet = std::bitset<256>;

// Of every non-empty text that `pattern` matches the first byte is among these.
ByteSet FirstBytes(std::string_view pattern, bool caseless, bool multi_line);

}  // namespace stockade
