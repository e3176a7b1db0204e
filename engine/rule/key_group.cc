#include "engine/rule/key_group.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/rule/correlation_plan.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

// Works out the groups of one rule set. Correlations refer to one another without circles (compile.cc).
class GroupBuilder {
 public:
  GroupBuilder(const RuleSet& rules, std::span<const CorrelationPlan> plans)
      : rules_(rules), plans_(plans), base_rules_(rules.rules().size()), waits_(plans.size()) {}

  std::vector<KeyGroup> Build() {
    for (size_t i = 0; i < waits_.size(); ++i) waits_[i] = CanWait(i);
    // Who does not fit makes all wait no longer that look at it: again, until everybody fits.
    do LeaveOut();
    while (!Place());
    for (KeyGroup& group : groups_) Limit(&group);
    return std::move(groups_);
  }

 private:
  const CompiledCorrelation& correlation(size_t i) const { return rules_.correlations()[i]; }
  bool IsBase(const CompiledCorrelation::Reference& reference) const {
    return reference.unified < base_rules_;
  }

  // By itself, whatever it is an input to.
  bool CanWait(size_t i) const {
    const CompiledCorrelation& asked = correlation(i);
    const bool is_count = plans_[i].type == Type::kValueCount;
    if (!is_count && plans_[i].type != Type::kEventCount && !plans_[i].is_temporal) return false;
    if (asked.span_ms > kEarlySpanMsMax || asked.references.empty()) return false;
    return std::ranges::all_of(asked.references, [&](const auto& reference) {
      // A value of what fired is that of the event of then.
      return !reference.group_by.empty() && reference.group_by == asked.references[0].group_by &&
             (!is_count || (IsBase(reference) && reference.value_field.has_value()));
    });
  }

  // Who looks at one that is entered at once, or under another key, is entered at once.
  void LeaveOut() {
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 0; i < waits_.size(); ++i) {
        if (!waits_[i]) continue;
        waits_[i] = std::ranges::all_of(correlation(i).references, [&](const auto& reference) {
          if (IsBase(reference)) return true;
          const size_t input = reference.unified - base_rules_;
          return waits_[input] && correlation(input).references[0].group_by == reference.group_by;
        });
        changed = changed || !waits_[i];
      }
    }
  }

  // False where somebody did not fit, who then does not wait.
  bool Place() {
    groups_.clear();
    for (size_t i = 0; i < waits_.size(); ++i) {
      if (!waits_[i] || PlaceOne(i)) continue;
      waits_[i] = false;
      return false;
    }
    // Bits in the order in which an event is entered: by base rule, then by correlation.
    for (KeyGroup& group : groups_)
      std::ranges::stable_sort(group.inputs, {}, [](const KeyGroup::Input& input) { return input.rule; });
    return true;
  }

  bool PlaceOne(size_t i) {
    const CompiledCorrelation& placed = correlation(i);
    auto group = std::ranges::find(groups_, placed.references[0].group_by, &KeyGroup::group_by);
    if (group == groups_.end()) {
      if (groups_.size() == kKeyGroupsMax) return false;
      group = groups_.insert(groups_.end(), KeyGroup{});
      group->group_by = placed.references[0].group_by;
    }
    group->members.push_back(static_cast<uint16_t>(i));
    for (size_t at = 0; at < placed.references.size(); ++at) {
      const auto& reference = placed.references[at];
      if (!IsBase(reference)) continue;
      KeyGroup::Input input{static_cast<uint16_t>(reference.unified), static_cast<uint16_t>(i),
                            static_cast<uint16_t>(at), EarlyLimit::kEvents};
      if (plans_[i].type == Type::kValueCount) {
        const auto value = std::ranges::find(group->values, *reference.value_field);
        input.tag = static_cast<uint8_t>(value - group->values.begin());
        if (value == group->values.end()) group->values.push_back(*reference.value_field);
      }
      group->inputs.push_back(input);
    }
    return group->inputs.size() <= kEarlyFeedsMax && group->values.size() <= kEarlyTagsMax;
  }

  // What is known of a correlation while its windows are unopened.
  struct Early {
    uint32_t feeds = 0;   // base rules' inputs that it may be met by; 0: it is not met
    int64_t keep_ms = 0;  // how long an event that it was given is of account
  };

  // The most that a row's events can count for one correlation.
  static constexpr unsigned kCountMax = kEarlyEventsMax * kEarlyFeedsMax;

  // The lowest count with which a counting rule's condition can hold; above kCountMax any.
  unsigned Fewest(size_t i) const {
    unsigned count = 1;
    while (count <= kCountMax && !HoldAll(correlation(i).bounds, count)) ++count;
    return count;
  }

  // Whether a temporal rule can be met by these of its inputs, be they what they may.
  bool CanBeMet(size_t i, uint64_t met) const {
    const CompiledCorrelation& asked = correlation(i);
    const int inputs = static_cast<int>(asked.references.size());
    if (plans_[i].type == Type::kTemporalOrdered) return std::popcount(met) == inputs;
    if (!plans_[i].has_truth) return met != 0;
    for (uint64_t seen = 1; seen >> inputs == 0; ++seen) {
      if ((seen & ~met) == 0 && (plans_[i].truth >> seen & 1) != 0) return true;
    }
    return false;
  }

  bool MattersOutside(size_t i) const {
    if (plans_[i].raises) return true;
    return std::ranges::any_of(rules_.consumers(base_rules_ + i),
                               [&](const Consumer& consumer) { return !waits_[consumer.correlation]; });
  }

  void Limit(KeyGroup* group) {
    std::vector<Early> early(plans_.size());
    // Inputs before those that look at them.
    std::vector<uint16_t> order;
    std::vector<bool> is_in(plans_.size());
    while (order.size() < group->members.size()) {
      for (const uint16_t i : group->members) {
        const bool ready =
            !is_in[i] && std::ranges::all_of(correlation(i).references, [&](const auto& reference) {
              return IsBase(reference) || is_in[reference.unified - base_rules_];
            });
        if (!ready) continue;
        is_in[i] = true;
        order.push_back(i);
      }
    }
    for (const uint16_t i : order) early[i].feeds = LimitOne(*group, i, early, &group->early.limits);
    std::ranges::reverse(order);
    for (const uint16_t i : order) {
      early[i].keep_ms = correlation(i).span_ms;
      if (early[i].feeds == 0) continue;
      for (const Consumer& consumer : rules_.consumers(base_rules_ + i))
        early[i].keep_ms = std::max(early[i].keep_ms, early[consumer.correlation].keep_ms);
    }
    EarlyPlan& plan = group->early;
    plan.shortest_ms = UINT32_MAX;
    for (size_t bit = 0; bit < group->inputs.size(); ++bit) {
      plan.spans_ms[bit] = static_cast<uint32_t>(early[group->inputs[bit].correlation].keep_ms);
      plan.shortest_ms = std::min(plan.shortest_ms, plan.spans_ms[bit]);
    }
    // Of all windows, those too that hold what followed from an event.
    for (const uint16_t i : group->members)
      plan.longest_ms = std::max(plan.longest_ms, static_cast<uint32_t>(correlation(i).span_ms));
    plan.longest_ms = std::max(plan.longest_ms, *std::ranges::max_element(plan.spans_ms));
  }

  // Says by which inputs of base rules this one may be met while windows are unopened, and adds the limit at which they
  // are to be opened for it.
  uint32_t LimitOne(const KeyGroup& group, size_t i, const std::vector<Early>& early,
                    std::vector<EarlyLimit>* limits) const {
    const CompiledCorrelation& asked = correlation(i);
    EarlyLimit limit;
    limit.span_ms = static_cast<uint32_t>(asked.span_ms);
    uint64_t met = 0;
    for (size_t bit = 0; bit < group.inputs.size(); ++bit) {
      const KeyGroup::Input& input = group.inputs[bit];
      if (input.correlation != i) continue;
      // Of different fields' values no limit counts how many differ: then events are counted.
      limit.tag = limit.feeds == 0 || limit.tag == input.tag ? input.tag : EarlyLimit::kEvents;
      limit.feeds |= uint32_t{1} << bit;
      met |= uint64_t{1} << input.reference;
    }
    bool counts_twice = false;
    for (size_t at = 0; at < asked.references.size(); ++at) {
      if (IsBase(asked.references[at])) continue;
      const uint32_t feeds = early[asked.references[at].unified - base_rules_].feeds;
      counts_twice = counts_twice || (limit.feeds & feeds) != 0;
      limit.feeds |= feeds;
      if (feeds != 0) met |= uint64_t{1} << at;
    }
    if (limit.feeds == 0) return 0;
    if (counts_twice) {
      // One input of an event comes here by two ways: how often it counts then, no limit says. So its windows are opened at once.
      limit.tag = EarlyLimit::kEvents;
      limits->push_back(limit);
      return 0;
    }
    if (plans_[i].is_temporal) {
      if (!CanBeMet(i, met)) return 0;
    } else if (const unsigned fewest = Fewest(i); fewest > 1) {
      // An event that several of its rules match counts as often.
      const auto each =
          limit.tag == EarlyLimit::kEvents ? static_cast<unsigned>(std::popcount(limit.feeds)) : 1;
      const unsigned events = (fewest + each - 1) / each;
      limit.count = static_cast<uint16_t>(fewest);
      limit.events = static_cast<uint8_t>(std::min<unsigned>(events, kEarlyEventsMax + 1));
      if (events <= kEarlyEventsMax) limits->push_back(limit);
      return 0;
    }
    if (!MattersOutside(i)) return limit.feeds;
    limit.tag = EarlyLimit::kEvents;
    limits->push_back(limit);
    return 0;
  }

  const RuleSet& rules_;
  std::span<const CorrelationPlan> plans_;
  size_t base_rules_;
  std::vector<bool> waits_;
  std::vector<KeyGroup> groups_;
};

}  // namespace

std::vector<KeyGroup> MakeKeyGroups(const RuleSet& rules, std::span<const CorrelationPlan> plans) {
  return GroupBuilder(rules, plans).Build();
}

}  // namespace stockade
