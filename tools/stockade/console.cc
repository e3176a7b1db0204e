#include "tools/stockade/console.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "engine/text.h"

namespace stockade {
namespace {

size_t Columns(std::string_view text) {
  size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return columns;
}

}  // namespace

std::string Styled(const Console& console, Style style, std::string_view text) {
  static constexpr std::array<std::string_view, 6> kCodes = {"", "1", "2", "31", "33", "32"};
  if (!console.colour || style == Style::kPlain) return std::string(text);
  return Concat("\033[", kCodes[static_cast<size_t>(style)], "m", text, "\033[0m");
}

std::string CountText(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string ShareText(uint64_t part, uint64_t whole) {
  if (whole == 0) return "";
  if (part == 0) return "0 %";
  if (part == whole) return "100 %";
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  if (share < 0.1) return "< 0.1 %";
  if (share > 99.9) return "> 99.9 %";
  return absl::StrFormat("%.1f %%", share);
}

std::string BytesText(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrFormat("%d B", bytes) : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string DurationText(int64_t span_ms) {
  const char* sign = span_ms < 0 ? "-" : "";
  const uint64_t ms = span_ms < 0 ? 0 - static_cast<uint64_t>(span_ms) : static_cast<uint64_t>(span_ms);
  const uint64_t seconds = ms / 1000;
  if (seconds < 60) {
    return ms % 1000 == 0 ? absl::StrFormat("%s%d s", sign, seconds)
                          : absl::StrFormat("%s%.1f s", sign, static_cast<double>(ms) / 1000);
  }
  struct Unit {
    uint64_t seconds;
    const char* name;
  };
  static constexpr std::array<Unit, 4> kUnits = {{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  for (size_t i = 0; i + 1 < kUnits.size(); ++i) {
    if (seconds < kUnits[i].seconds) continue;
    const uint64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
    std::string text = absl::StrFormat("%s%d %s", sign, seconds / kUnits[i].seconds, kUnits[i].name);
    if (rest > 0) absl::StrAppendFormat(&text, " %d %s", rest, kUnits[i + 1].name);
    return text;
  }
  return "";
}

std::string TimeText(int64_t time_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S UTC", absl::FromUnixMillis(time_ms), absl::UTCTimeZone());
}

std::string NumberText(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return absl::StrFormat("%.0f", value);
  std::string text = absl::StrFormat("%.3f", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string PadRight(std::string_view text, size_t width) {
  const size_t columns = Columns(text);
  return std::string(text) + std::string(columns < width ? width - columns : 0, ' ');
}

std::string PadLeft(std::string_view text, size_t width) {
  const size_t columns = Columns(text);
  return std::string(columns < width ? width - columns : 0, ' ') + std::string(text);
}

}  // namespace stockade
