#include "engine/rule/correlation_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

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
      SetParts(reference.group_by, keys, &route);
      if (unified >= base_rules) {
        const auto& inputs = correlations[unified - base_rules].references;
        route.keeps_key = std::ranges::all_of(
            inputs, [&](const auto& input) { return input.group_by == reference.group_by; });
      }
      if (plans_[consumer.correlation].type == Type::kValueCount) {
        if (!reference.value_field.has_value()) continue;  // of nothing there are no different values
        route.value_slot = keys->SlotOf(*reference.value_field);
      }
      routes_.push_back(route);
    }
    route_begin_.push_back(static_cast<uint32_t>(routes_.size()));
  }
  MakeGroups(keys);
  meaning_ = Meaning();
}

template <typename Keyed>
void CorrelationPlans::SetParts(std::span<const FieldId> group_by, GroupKeys* keys, Keyed* keyed) {
  keyed->more_begin = static_cast<uint32_t>(parts_.size());
  for (const FieldId field : group_by) {
    keyed->of_account = keyed->of_account || field == FieldId::kUserName;
    const uint16_t slot = keys->SlotOf(field);
    if (keyed->first_part == FeedRoute::kNoSlot) {
      keyed->first_part = slot;
    } else {
      parts_.push_back(slot);
      ++keyed->more_count;
    }
  }
}

void CorrelationPlans::MakeGroups(GroupKeys* keys) {
  key_groups_ = MakeKeyGroups(*rules_, plans_);
  const size_t base_rules = rules_->rules().size();
  constexpr uint32_t kDirect = UINT32_MAX;
  std::vector<uint32_t> group_of(route_begin_[base_rules], kDirect);
  std::vector<uint32_t> bit_of(group_of.size());
  for (const KeyGroup& made : key_groups_) {
    GroupPlan group;
    SetParts(made.group_by, keys, &group);
    for (size_t value = 0; value < made.values.size(); ++value)
      group.value_slots[value] = keys->SlotOf(made.values[value]);
    for (size_t bit = 0; bit < made.inputs.size(); ++bit) {
      const KeyGroup::Input& input = made.inputs[bit];
      uint32_t number = route_begin_[input.rule];
      while (routes_[number].correlation != input.correlation || routes_[number].reference != input.reference)
        ++number;
      routes_[number].tag = input.tag;
      group.routes.push_back(number);
      if (input.tag != EarlyLimit::kEvents) group.needing[input.tag] |= uint32_t{1} << bit;
      group_of[number] = static_cast<uint32_t>(groups_.size());
      bit_of[number] = static_cast<uint32_t>(bit);
    }
    groups_.push_back(std::move(group));
  }
  for (size_t rule = 0; rule < base_rules; ++rule) {
    share_begin_.push_back(static_cast<uint32_t>(shares_.size()));
    direct_begin_.push_back(static_cast<uint32_t>(direct_.size()));
    for (uint32_t number = route_begin_[rule]; number < route_begin_[rule + 1]; ++number) {
      if (group_of[number] == kDirect) {
        direct_.push_back(number);
        continue;
      }
      const auto begin = shares_.begin() + share_begin_.back();
      auto share = std::ranges::find(begin, shares_.end(), group_of[number], &GroupShare::group);
      if (share == shares_.end())
        share = shares_.insert(shares_.end(), GroupShare{static_cast<uint16_t>(group_of[number]), 0});
      share->feeds |= uint32_t{1} << bit_of[number];
    }
  }
  share_begin_.push_back(static_cast<uint32_t>(shares_.size()));
  direct_begin_.push_back(static_cast<uint32_t>(direct_.size()));
}

// Everything that decides how early events are counted when their windows are opened.
std::string CorrelationPlans::Meaning() const {
  std::string meaning;
  const auto add = [&meaning](const auto&... parts) { meaning += Concat(parts..., ";"); };
  for (size_t i = 0; i < plans_.size(); ++i) {
    const CorrelationPlan& plan = plans_[i];
    const CompiledCorrelation& correlation = rules_->correlations()[i];
    add(plan.salt.low, plan.salt.high, plan.window, static_cast<int>(plan.type), plan.truth, plan.quiet_ms,
        int{plan.raises}, int{plan.responds}, correlation.written->condition_written);
    for (const std::string& name : correlation.written->group_by) add(name);
    for (const auto& reference : correlation.references) {
      add(reference.unified);
      for (const FieldId field : reference.group_by) add(static_cast<int>(field));
      if (reference.value_field.has_value()) add("of", static_cast<int>(*reference.value_field));
    }
  }
  return meaning;
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
    const CorrelationPlan& input = plans_[references[plan.noted_reference].unified - base_rules];
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
