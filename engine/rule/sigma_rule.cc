#include "engine/rule/sigma_rule.h"

#include <algorithm>
#include <utility>

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

const Place& RuleHeader::At(std::string_view key) const {
  const auto found = places.find(key);
  return found == places.end() ? place : found->second;
}

Expression Join(Expression::Kind kind, std::vector<Expression> operands) {
  if (operands.size() == 1) return std::move(operands.front());
  Expression joined;
  joined.kind = kind;
  joined.operands = std::move(operands);
  return joined;
}

Expression Not(Expression operand) {
  Expression negation;
  negation.kind = Expression::Kind::kNot;
  negation.operands.push_back(std::move(operand));
  return negation;
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
