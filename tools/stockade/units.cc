#include "tools/stockade/units.h"

#include <array>
#include <cmath>

#include "absl/strings/numbers.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 10> kByteUnits = {{{"", 1},
                                              {"B", 1},
                                              {"KiB", 1024.0},
                                              {"MiB", 1024.0 * 1024},
                                              {"GiB", 1024.0 * 1024 * 1024},
                                              {"TiB", 1024.0 * 1024 * 1024 * 1024},
                                              {"kB", 1e3},
                                              {"KB", 1e3},
                                              {"MB", 1e6},
                                              {"GB", 1e9}}};
constexpr std::array<Unit, 6> kSpanUnits = {
    {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}, {"w", 7 * 86400e3}}};
constexpr double kBytesMax = 9.2e18;
constexpr double kSpanMsReadMax = 9e15;

// A plain decimal number (no sign, no exponent, no "inf") and the unit behind it, with one space between them
// or none.
template <size_t N>
std::optional<double> ParseQuantity(std::string_view text, const std::array<Unit, N>& units) {
  size_t end = 0;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
  double number = 0;
  if (end == 0 || !absl::SimpleAtod(ToAbsl(text.substr(0, end)), &number)) return std::nullopt;
  std::string_view unit_name = text.substr(end);
  if (unit_name.size() > 1 && unit_name.front() == ' ') unit_name.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name == unit_name) return number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> ParseBytes(std::string_view text) {
  const std::optional<double> bytes = ParseQuantity(text, kByteUnits);
  if (!bytes || *bytes > kBytesMax || *bytes != std::floor(*bytes)) return std::nullopt;
  return static_cast<uint64_t>(*bytes);
}

std::optional<int64_t> ParseSpanMs(std::string_view text) {
  if (text == "0") return 0;
  const std::optional<double> span_ms = ParseQuantity(text, kSpanUnits);
  if (!span_ms || *span_ms > kSpanMsReadMax || *span_ms != std::floor(*span_ms)) return std::nullopt;
  return static_cast<int64_t>(*span_ms);
}

}  // namespace stockade
