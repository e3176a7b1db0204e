// A class of characters, `[...]`, as bytes: part of byte_pattern.h.
#pragma once

#include "engine/rule/byte_pattern.h"
#include "engine/rule/pattern_reader.h"

namespace stockade {

// Reads the class that `in` stands at and appends what it means about bytes. Of a class without an end, or with a range that
// runs backwards, everything to the pattern's end is put as it stands: the engines shall refuse it.
void RewriteClass(PatternReader* in, bool caseless, BytePattern* out);

}  // namespace stockade
