// Where a command speaks to a person, and how numbers look there. Streams come in from main, so that a test
// reads what a person would.
//
// Colours only where `colour` is set, which main does for a terminal without NO_COLOR (no-color.org).
// Progress only where `err_is_terminal` is. Not thread-safe.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "engine/event/printable_text.h"  // what reports quote goes through it

namespace stockade {

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;  // of `out`
  bool err_is_terminal = false;
};

enum class Style : uint8_t { kPlain, kBold, kDim, kRed, kYellow, kGreen };

// `text` in a style, or as it is where the console has no colours.
std::string Styled(const Console& console, Style style, std::string_view text);

// "1,234,567"
std::string CountText(uint64_t count);
// "12.3 %"; "0 %" and "100 %" only where it is so, "< 0.1 %" and "> 99.9 %" beside them. Empty for a whole of
// 0.
std::string ShareText(uint64_t part, uint64_t whole);
// "512 B", "12.3 MiB"
std::string BytesText(uint64_t bytes);
// "3 d 4 h", "12 min 5 s", "4.2 s": two units at most.
std::string DurationText(int64_t span_ms);
// "2026-11-23 09:00:00.123 UTC"
std::string TimeText(int64_t time_ms);
// A number of a window: without a fraction where it has none, else with up to three digits.
std::string NumberText(double value);
// `text` filled with spaces to `width` columns, on the right or on the left. Code points count as one column.
std::string PadRight(std::string_view text, size_t width);
std::string PadLeft(std::string_view text, size_t width);

}  // namespace stockade
