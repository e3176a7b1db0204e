// Spans of time as rules write them: a number and one of the letters s, m, h, d ("90m"). Sigma knows no
// compounds and no other units, and neither do the spans of `response`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stockade {

// What is wrong with a span, and what to write instead where that can be told.
struct SpanError {
  std::string what;        // "\"90min\" has no unit s, m, h or d; write 90m"
  std::string suggestion;  // "90m"
};

// Milliseconds of `text`, from 1 s to `ms_max`. Nothing, and the reason in `error`, if it is no such span.
std::optional<int64_t> ParseSpanMs(std::string_view text, int64_t ms_max, SpanError* error);

// "15m", "90s", "7d": whole seconds in the largest unit that divides them.
std::string SpanText(int64_t ms);

}  // namespace stockade
