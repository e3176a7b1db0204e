// application/x-www-form-urlencoded, and the query of a target, which is written the same way: the value of one field.
//
// Right where applications differ: a name that stands twice with different values, also in a spelling that only some
// take for the same (percent_text.h) or behind a bare ';', which some take for '&', is kTwoValues; a percent sign that
// stands for nothing, in any name or in the value that is looked for, kBadBody; a _charset_ that is not UTF-8
// kUnknownType. A field of another name may hold anything.
//
// Linear in the body; what it copies is wiped. Pure, any thread. Oracle: tests encode and read back; fuzz: form_fuzz.
#pragma once

#include <string_view>

#include "adapters/gateway/found_value.h"

namespace stockade {

// `value` is empty and not found if the field is not there.
LoginReadError ReadFormField(std::string_view body, std::string_view name, FoundValue* value);

// The same, of a further text of the same form: `value` holds what was found before, and kTwoValues also is another
// value here than that.
LoginReadError AddFormField(std::string_view text, std::string_view name, FoundValue* value);

}  // namespace stockade
