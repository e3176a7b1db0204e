// A field value with parameters, as of Content-Type and Content-Disposition: the value in front of the first ';' and
// the parameters behind it (RFC 9110 §5.6.6, with what is doubtful refused).
//
// Refused, because two readers would read it differently: white space around '=', a quoted text with a backslash or a
// control character, an unquoted one that is no token or holds a single quote, anything behind a quoted text but ';',
// a parameter that stands twice.
//
// Views into the text. Pure, any thread, allocates the list only.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade {

struct ParameterisedValue {
  std::string_view value;                                                 // without white space around it
  std::vector<std::pair<std::string_view, std::string_view>> parameters;  // names as they came

  // The value of a parameter, case of the name ignored; a view whose data() is null if it is not there.
  std::string_view Find(std::string_view name) const noexcept;
};

std::optional<ParameterisedValue> ReadParameters(std::string_view text);

}  // namespace stockade
