#include "adapters/go_duration.h"

#include <algorithm>
#include <charconv>

#include "engine/text.h"

namespace stockade {

void AppendGoDuration(int64_t seconds, std::string* out) {
  if (seconds < 0) out->push_back('-');
  const uint64_t all = seconds < 0 ? 0 - static_cast<uint64_t>(seconds) : static_cast<uint64_t>(seconds);
  if (all >= 3600) Append(out, all / 3600, "h");
  if (all >= 60) Append(out, all / 60 % 60, "m");
  Append(out, all % 60, "s");
}

std::optional<int64_t> ParseGoDurationMs(std::string_view text) noexcept {
  struct Unit {
    std::string_view name;
    double ms;
  };
  static constexpr Unit kUnits[] = {{"ns", 1e-6},      {"us", 1e-3},  {"\u00b5s", 1e-3},
                                    {"\u03bcs", 1e-3}, {"ms", 1},     {"s", 1e3},
                                    {"m", 60e3},       {"h", 3600e3}, {"d", 86400e3}};
  constexpr double kMsMax = 36525.0 * 86400e3;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + digits, number, std::chars_format::fixed);
    if (digits == 0 || error != std::errc() || end != text.data() + digits) return std::nullopt;
    text.remove_prefix(digits);
    const size_t letters = std::min(text.find_first_of("0123456789."), text.size());
    double ms = 0;
    for (const Unit& unit : kUnits)
      if (unit.name == text.substr(0, letters)) ms = unit.ms;
    if (ms == 0) return std::nullopt;
    total += number * ms;
    if (!(total <= kMsMax)) return std::nullopt;
    text.remove_prefix(letters);
  }
  const auto whole = static_cast<int64_t>(total);
  return negative ? -whole : whole;
}

}  // namespace stockade
