#include "engine/rule/sigma_rule.h"

#include <algorithm>

#include "engine/text.h"

namespace stockade {

absl::Status ErrorAt(const Place& place, std::string_view key, std::string_view what) {
  std::string text = place.file;
  if (place.line > 0) Append(&text, text.empty() ? "line " : ":", place.line);
  if (place.line > 0 && place.column > 0) Append(&text, ":", place.column);
  if (!text.empty()) text += ": ";
  if (!key.empty()) Append(&text, key, ": ");
  Append(&text, what);
  return absl::InvalidArgumentError(text);
}

bool Holds(const CorrelationRule::Bound& bound, double value) noexcept {
  switch (bound.comparison) {
    case Test::Comparison::kEq:
      return value == bound.number;
    case Test::Comparison::kNeq:
      return value != bound.number;
    case Test::Comparison::kLt:
      return value < bound.number;
    case Test::Comparison::kLte:
      return value <= bound.number;
    case Test::Comparison::kGt:
      return value > bound.number;
    case Test::Comparison::kGte:
      return value >= bound.number;
  }
  return false;
}

bool HoldAll(const std::vector<CorrelationRule::Bound>& bounds, double value) noexcept {
  return std::all_of(bounds.begin(), bounds.end(), [&](const auto& bound) { return Holds(bound, value); });
}

}  // namespace stockade
