// Percent-encoding (RFC 3986 §2.1), and the small matters of names that readers of forms share.
//
// Pure, any thread, allocates nothing.
#pragma once

#include <string_view>

#include "adapters/gateway/found_value.h"

namespace stockade {

// The byte that "%XX" at the begin of `text` stands for; -1 if it stands for none.
int PercentByte(std::string_view text) noexcept;

// application/x-www-form-urlencoded: '+' is a space, %XX a byte. False for a percent sign that stands for nothing:
// applications keep it, drop it or stop there.
bool DecodeFormText(std::string_view raw, SecretText* out);

// How a field of a form compares with the name that is looked for. Applications differ: PHP turns '.', ' ' and '[' of a
// name into '_', ASP.NET and others ignore case, and where name[] or name[x] is there, some make a list of name.
enum class NameRelation : unsigned char {
  kOther,    // no application takes one for the other
  kSame,     // the name itself
  kSimilar,  // some application would take it for the name
};
NameRelation CompareFieldNames(std::string_view found, std::string_view wanted) noexcept;

// The hidden field by which a form says its charset: everything but UTF-8 would be read in another way by us.
inline constexpr std::string_view kCharsetField = "_charset_";
// Whether a charset leaves the bytes of a text what they are to us: utf-8 and its subset us-ascii.
bool IsUtf8Charset(std::string_view charset) noexcept;

}  // namespace stockade
