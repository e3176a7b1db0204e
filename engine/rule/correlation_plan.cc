#include "engine/rule/correlation_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

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

// How far a window must be able to count so that every bound is decided: a threshold that values must reach,
// or one more than a value that they must not pass.
double LimitFor(const std::vector<CorrelationRule::Bound>& bounds) noexcept {
  double limit = 1;
  for (const auto& bound : bounds) {
    const bool reach =
        bound.comparison == Test::Comparison::kGte || bound.comparison == Test::Comparison::kLt;
    limit = std::max(limit, reach ? std::ceil(bound.number) : std::floor(bound.number) + 1);
  }
  return limit;
}

WindowKind KindOf(Type type) noexcept {
  switch (type) {
    case Type::kEventCount:
      return WindowKind::kCount;
    case Type::kValueCount:
    case Type::kTemporal:
      return WindowKind::kDistinct;
    case Type::kTemporalOrdered:
      return WindowKind::kSequence;
    case Type::kValueSum:
      return WindowKind::kSum;
    case Type::kValueAvg:
      return WindowKind::kAverage;
    case Type::kValuePercentile:
      return WindowKind::kPercentile;
  }
  return WindowKind::kCount;
}

// The tags of a temporal window are positions in the rule's list.
bool HoldsOver(const Expression& expression, uint64_t seen) noexcept {
  switch (expression.kind) {
    case Expression::Kind::kTest:
      return (seen >> expression.test & 1) != 0;
    case Expression::Kind::kNot:
      return !HoldsOver(expression.operands[0], seen);
    case Expression::Kind::kAnd:
      return std::all_of(expression.operands.begin(), expression.operands.end(),
                         [&](const Expression& operand) { return HoldsOver(operand, seen); });
    case Expression::Kind::kOr:
      return std::any_of(expression.operands.begin(), expression.operands.end(),
                         [&](const Expression& operand) { return HoldsOver(operand, seen); });
  }
  return false;
}

double AtLeastOf(const std::vector<CorrelationRule::Bound>& bounds) noexcept {
  const bool plain = bounds.size() == 1 && bounds[0].comparison == Test::Comparison::kGte;
  return plain ? bounds[0].number : std::nan("");
}

}  // namespace

CorrelationPlans::CorrelationPlans(const RuleSet* rules, std::span<const WindowPlace> places,
                                   std::span<const WindowConfig> configs, GroupKeys* keys)
    : rules_(rules) {
  const std::vector<CompiledCorrelation>& correlations = rules->correlations();
  const size_t base_rules = rules->rules().size();
  for (size_t i = 0; i < correlations.size(); ++i) {
    const CompiledCorrelation& correlation = correlations[i];
    const CorrelationRule& written = *correlation.written;
    CorrelationPlan plan;
    plan.salt = places[i].salt;
    plan.at_least = AtLeastOf(correlation.bounds);
    plan.quiet_ms = written.response.has_value() ? written.response->for_ms : correlation.span_ms;
    plan.window = places[i].window;
    plan.type = written.type;
    plan.is_temporal = CorrelationRule::IsTemporal(written.type);
    plan.raises = rules->alerts_alone(base_rules + i) || written.response.has_value();
    plan.responds = written.response.has_value();
    plan.feeds_others = !rules->consumers(base_rules + i).empty();
    plans_.push_back(plan);
    CorrelationPlan& kept = plans_.back();
    if (written.type != Type::kTemporal || correlation.references.size() > CorrelationPlan::kTruthReferences)
      continue;
    for (uint64_t seen = 0; seen >> correlation.references.size() == 0; ++seen) {
      if (SeenMeetsSlowly(i, seen)) kept.truth |= uint64_t{1} << seen;
    }
    kept.has_truth = true;
  }

  ChooseNoted(places, configs);
  route_begin_.push_back(0);
  for (size_t unified = 0; unified < base_rules + correlations.size(); ++unified) {
    for (const Consumer& consumer : rules->consumers(unified)) {
      const auto& reference = correlations[consumer.correlation].references[consumer.reference];
      FeedRoute route;
      route.correlation = consumer.correlation;
      route.reference = consumer.reference;
      route.is_temporal = plans_[consumer.correlation].is_temporal;
      route.is_noted = plans_[consumer.correlation].noted_reference == consumer.reference;
      route.salt = plans_[consumer.correlation].salt;
      route.more_begin = static_cast<uint32_t>(parts_.size());
      for (const FieldId field : reference.group_by) {
        route.of_account = route.of_account || field == FieldId::kUserName;
        const uint16_t slot = keys->SlotOf(field);
        if (route.first_part == FeedRoute::kNoSlot) {
          route.first_part = slot;
        } else {
          parts_.push_back(slot);
          ++route.more_count;
        }
      }
      if (plans_[consumer.correlation].type == Type::kValueCount) {
        if (!reference.value_field.has_value()) continue;  // of nothing there are no different values
        route.value_slot = keys->SlotOf(*reference.value_field);
      }
      routes_.push_back(route);
      if (unified >= base_rules && !route.is_noted) plans_[unified - base_rules].feeds_entries = true;
    }
    route_begin_.push_back(static_cast<uint32_t>(routes_.size()));
  }
}

void CorrelationPlans::ChooseNoted(std::span<const WindowPlace> places,
                                   std::span<const WindowConfig> configs) {
  const std::vector<CompiledCorrelation>& correlations = rules_->correlations();
  const size_t base_rules = rules_->rules().size();
  for (size_t i = 0; i < correlations.size(); ++i) {
    const auto& references = correlations[i].references;
    CorrelationPlan& plan = plans_[i];
    if (!plan.has_truth || references.size() < 2) continue;
    const auto would_do = [&](size_t at) {
      const auto& reference = references[at];
      if (reference.unified < base_rules || (plan.truth >> (uint64_t{1} << at) & 1) != 0) return false;
      const auto is_it = [&](const auto& other) { return other.unified == reference.unified; };
      if (std::count_if(references.begin(), references.end(), is_it) != 1) return false;
      // One part: then a key of one and the key of the other differ by their salts alone.
      const size_t input = reference.unified - base_rules;
      const auto has_same_key = [&](const auto& other) { return other.group_by == reference.group_by; };
      return reference.group_by.size() == 1 && KeyedTable::HasRoomForNote(configs[input]) &&
             std::all_of(references.begin(), references.end(), has_same_key) &&
             std::all_of(correlations[input].references.begin(), correlations[input].references.end(),
                         has_same_key);
    };
    int least = KeyedTable::kNoteLimitMax;
    for (size_t at = 0; at < references.size(); ++at) {
      if (!would_do(at)) continue;
      const size_t input = references[at].unified - base_rules;
      if (configs[input].limit > least) continue;
      least = configs[input].limit;
      plan.noted_reference = static_cast<uint16_t>(at);
      plan.noted_difference = {places[i].salt.low ^ places[input].salt.low,
                               places[i].salt.high ^ places[input].salt.high};
    }
    if (plan.noted_reference == CorrelationPlan::kNoReference) continue;
    CorrelationPlan& input = plans_[references[plan.noted_reference].unified - base_rules];
    input.feeds_notes = true;
    noted_.push_back(
        {input.window, plan.window, static_cast<uint16_t>(i), plan.noted_reference, plan.noted_difference});
  }
}

bool CorrelationPlans::BoundsMeet(size_t correlation, double value) const noexcept {
  return HoldAll(rules_->correlations()[correlation].bounds, value);
}

bool CorrelationPlans::SeenMeetsSlowly(size_t correlation, uint64_t seen) const noexcept {
  const CompiledCorrelation& asked = rules_->correlations()[correlation];
  if (asked.written->temporal_condition.has_value())
    return HoldsOver(*asked.written->temporal_condition, seen);
  const int count = std::popcount(seen);
  if (!asked.bounds.empty()) return HoldAll(asked.bounds, count);
  return static_cast<size_t>(count) == asked.references.size();
}

absl::StatusOr<std::vector<WindowConfig>> WindowConfigs(const RuleSet& rules) {
  std::vector<WindowConfig> configs;
  for (const CompiledCorrelation& correlation : rules.correlations()) {
    const CorrelationRule& written = *correlation.written;
    WindowConfig config;
    config.kind = KindOf(written.type);
    config.span_ms = correlation.span_ms;
    config.percentile = written.percentile;
    if (CorrelationRule::Counts(written.type)) {
      const double limit = LimitFor(correlation.bounds);
      if (!(limit <= kWindowLimitMax)) {
        return ErrorAt(written.place, "correlation.condition",
                       Concat("no window counts to ", limit, "; the most is ", kWindowLimitMax));
      }
      config.limit = static_cast<int>(limit);
    } else if (written.type == Type::kTemporal) {
      if (correlation.references.size() > static_cast<size_t>(kExactLimit)) {
        return ErrorAt(written.place, "correlation.rules",
                       Concat("a temporal correlation takes at most ", kExactLimit, " rules"));
      }
      config.limit = static_cast<int>(correlation.references.size());
    } else {
      config.limit = kExactLimit;
    }
    if (const absl::Status status = Validate(config); !status.ok()) {
      return ErrorAt(written.place, "correlation", FromAbsl(status.message()));
    }
    configs.push_back(config);
  }
  return configs;
}

}  // namespace stockade
