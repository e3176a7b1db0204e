#include "engine/rule/span_text.h"

#include <array>

#include "absl/strings/ascii.h"
#include "engine/rule/finding.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr std::array<Unit, 4> kUnits = {{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}}};
// What people write for them; only to say what would be right.
constexpr std::array<Unit, 21> kOtherUnits = {{
    {"w", 604'800'000},   {"week", 604'800'000}, {"weeks", 604'800'000}, {"day", 86'400'000},
    {"days", 86'400'000}, {"hour", 3'600'000},   {"hours", 3'600'000},   {"hr", 3'600'000},
    {"hrs", 3'600'000},   {"min", 60'000},       {"mins", 60'000},       {"minute", 60'000},
    {"minutes", 60'000},  {"sec", 1'000},        {"secs", 1'000},        {"second", 1'000},
    {"seconds", 1'000},   {"d", 86'400'000},     {"h", 3'600'000},       {"m", 60'000},
    {"s", 1'000},
}};
// Beyond this a number is not read any further: 10^12 units of a day overflow nothing in 64 bits of
// milliseconds.
constexpr int64_t kNumberMax = 10'000'000'000;

// Takes a number and the letters behind it off the front of `text`.
bool TakePart(std::string_view* text, int64_t* number, std::string* unit) {
  size_t i = 0;
  int64_t value = 0;
  while (i < text->size() && absl::ascii_isdigit(static_cast<unsigned char>((*text)[i]))) {
    value = value * 10 + ((*text)[i] - '0');
    if (value > kNumberMax) return false;
    ++i;
  }
  if (i == 0) return false;
  size_t spaces = 0;
  while (i + spaces < text->size() && (*text)[i + spaces] == ' ') ++spaces;
  size_t letters = 0;
  while (i + spaces + letters < text->size() &&
         absl::ascii_isalpha(static_cast<unsigned char>((*text)[i + spaces + letters]))) {
    ++letters;
  }
  *number = value;
  *unit = std::string(text->substr(i + spaces, letters));
  text->remove_prefix(i + spaces + letters);
  while (text->substr(0, 1) == " ") text->remove_prefix(1);
  return true;
}

// Of Sigma's older timespans: nobody who writes it means a minute.
constexpr std::string_view kMonth = "M";

int64_t MsOf(std::string_view unit) {
  if (unit == kMonth) return 0;
  const std::string lower = absl::AsciiStrToLower(ToAbsl(unit));
  for (const Unit& known : kOtherUnits) {
    if (known.name == lower) return known.ms;
  }
  return 0;
}

// What a text that is no span may have been meant as: the sum of its parts, or 0.
int64_t Meant(std::string_view text) {
  int64_t total = 0;
  while (!text.empty()) {
    int64_t number = 0;
    std::string unit;
    if (!TakePart(&text, &number, &unit)) return 0;
    const int64_t ms = MsOf(unit);
    if (ms == 0 || number > kNumberMax / 1000 || total > kNumberMax * 100'000) return 0;
    total += number * ms;
  }
  return total;
}

}  // namespace

std::optional<int64_t> ParseSpanMs(std::string_view text, int64_t ms_max, SpanError* error) {
  const std::string quoted = Quoted(text, '"');
  std::string_view rest = text;
  int64_t number = 0;
  std::string unit;
  const bool has_number = TakePart(&rest, &number, &unit);
  int64_t ms = 0;
  for (const Unit& known : kUnits) {
    if (known.name == unit) ms = known.ms;
  }
  if (has_number && rest.empty() && ms != 0 && text.find(' ') == std::string_view::npos) {
    if (number == 0) {
      error->what = Concat(quoted, " is no time at all; the shortest span is 1s");
      error->suggestion = "1s";
      return std::nullopt;
    }
    if (number > ms_max / ms) {
      error->suggestion = SpanText(ms_max);
      error->what = Concat(quoted, " is longer than ", error->suggestion, ", the longest span there may be");
      return std::nullopt;
    }
    return number * ms;
  }
  const int64_t meant = Meant(text);
  error->suggestion = meant > 0 ? SpanText(meant) : "";
  const std::string write = meant > 0 ? "; write " + error->suggestion : "";
  if (!has_number) {
    error->what = Concat(quoted, " is not a number and a unit s, m, h or d, such as 15m");
  } else if (unit.empty() && rest.empty()) {
    error->what = Concat(quoted, " has no unit s, m, h or d; write ", number, "s if seconds are meant");
    error->suggestion = Concat(number, "s");
  } else if (!rest.empty()) {
    error->what = Concat(quoted, " is more than one number and one unit s, m, h or d", write);
  } else if (unit == kMonth) {
    error->what = Concat(quoted, " is months, which differ in length; write days, as 30d, or ", number,
                         "m if minutes are meant");
  } else if (ms != 0) {
    error->what = Concat(quoted, " has a space between number and unit", write);
  } else {
    error->what = Concat(quoted, " has no unit s, m, h or d", write);
  }
  return std::nullopt;
}

std::string SpanText(int64_t ms) {
  for (const Unit& unit : kUnits) {
    if (ms % unit.ms == 0) return Concat(ms / unit.ms, unit.name);
  }
  return Concat(ms, "ms");
}

}  // namespace stockade
