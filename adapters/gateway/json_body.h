// JSON of requests and answers: the value at a path.
//
// A path is "user.name": the member name of the member user, or the member "user.name"; or, with a slash in front, a
// JSON pointer (RFC 6901), whose keys may hold dots: "/user/first.name". A part of it that is a number is also an
// index of a list.
//
// Strict: the whole text is RFC 8259 and UTF-8, or kBadBody; so is nesting below kJsonDepthMax. A key that stands twice,
// also in another case (Go takes either), with different values is kTwoValues.
//
// The value is a text, or a whole number as text, true or false; null, lists and objects are no value: an account that
// is an object is an attack on a database, not a name. Fractions are spelt as shortly as they can be.
//
// Reading copies the text; every copy is wiped before it returns. Some microseconds for a login; memory about eight times the
// body, kept by each thread that reads. Any thread. Oracle: JSONTestSuite; fuzz: json_fuzz.
#pragma once

#include <cstddef>
#include <string_view>

#include "adapters/gateway/found_value.h"

namespace stockade {

// A login is flat. Deep enough for any answer, and what walks a value is bounded by it.
inline constexpr size_t kJsonDepthMax = 64;

LoginReadError ReadJsonValue(std::string_view body, std::string_view path, FoundValue* value);

}  // namespace stockade
