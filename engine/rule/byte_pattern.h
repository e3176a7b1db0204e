// Rewrites a regular expression about characters into one about bytes, in the syntax that Hyperscan and RE2
// both read in the same way. Needed because the values of a log are bytes, valid UTF-8 or not: Hyperscan's
// UTF-8 mode is undefined on anything else, and RE2's would skip what is not UTF-8. With both engines in byte
// mode, and one pattern for both, an answer does not depend on which engine gave it.
//
// What the rewritten pattern means, on any bytes:
//   a character beyond ASCII is the bytes of its UTF-8 form, one unit for a quantifier, and may stand in a
//   class;
//   "." and a negated class take one well-formed UTF-8 character or any one byte; repeated (*, +, {m,n}) they
//   take bytes, so that {m,n} counts bytes; \w \d \s \b know ASCII only; \s is PCRE's (with vertical tab);
//   caseless folds ASCII letters, and beyond ASCII the letters of Latin-1, Latin Extended-A and Additional,
//   Greek, Cyrillic and the full-width forms, one to one ("ß" is not "SS"; K and the Kelvin sign are two
//   letters). Any other letter matches only as written;
//   "$" outside multi-line mode matches at the end or before a last newline, as in PCRE;
//   \xHH is a byte, \x{HHHH} a character.
// PCRE's spellings that RE2 lacks are translated (\Q..\E, \h, \R, \e, \cX, octal, (?<name>..), comments,
// (?x)). What neither engine has (back references, look-around, possessive quantifiers) is left as it stands:
// Build refuses it with the words of the engines. Malformed patterns likewise. Linear in the pattern, but for
// classes: a range of characters becomes up to a dozen alternatives.
#pragma once

#include <string>
#include <string_view>

namespace stockade {

struct BytePattern {
  std::string text;  // printable ASCII only, no NUL
  // The pattern asks for Unicode properties (\p{..}, \P, \X): only RE2 in UTF-8 mode can answer, with the
  // pattern as written; there "." and classes take characters only, and bytes that are not UTF-8 match
  // nothing.
  bool needs_unicode = false;
};

BytePattern ToBytePattern(std::string_view pattern, bool caseless, bool dot_all, bool multi_line);

}  // namespace stockade
