// Correlations worked out for the hot path, once a rule set: what an event that matched a rule is counted in, under
// which parts of its key, and when a window's reading meets the condition. correlate.h says what it all means; this
// says the same in numbers that lie together, so that an entry costs no walk through the rules as written.
//
// Immutable after construction; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/keyed_hash.h"
#include "engine/rule/group_key.h"
#include "engine/rule/rule_set.h"
#include "engine/rule/window_places.h"
#include "engine/window/window.h"

namespace stockade {

// One correlation.
struct CorrelationPlan {
  Hash128 salt;
  // Its condition is "gte at_least" and nothing else; NaN if it is another.
  double at_least = 0;
  // Temporal, of at most kTruthReferences rules: bit s says whether the condition holds when just the rules in the
  // bits of s were seen.
  uint64_t truth = 0;
  int64_t quiet_ms = 0;  // how long it says nothing new of a key after it fired
  uint16_t window = 0;
  CorrelationRule::Type type = CorrelationRule::Type::kEventCount;
  bool is_temporal = false;
  bool has_truth = false;
  bool raises = false;    // an alert of its own follows
  bool responds = false;  // and a decision from that
  // It is an input to other correlations: to some as their noted one, to others as any.
  bool feeds_others = false;
  bool feeds_notes = false;
  bool feeds_entries = false;
  // Of its references, the noted one; kNoReference: none. NotedInput says what that is.
  static constexpr uint16_t kNoReference = 0xffff;
  uint16_t noted_reference = kNoReference;
  Hash128 noted_difference;

  static constexpr size_t kTruthReferences = 6;
};

// An input of a temporal correlation that cannot make it true by itself, such as the success of "failures and no
// success": as long as a key has seen no other input, all that its window would hold is when this one came last. So no
// such window is made. The input's own window has the same key and is at hand whenever the input comes: there that time
// is noted, and the first other input carries it over (Correlator::Recall). Nine logins of ten are honest, and most
// windows of most rule packs would hold nothing else: of the shipped rules it spares a success about three of eleven.
//
// Of several that would do, the one whose window has the smallest limit, for it comes most often; of those the last.
struct NotedInput {
  uint16_t input_window = 0;  // whose keys hold the notes
  uint16_t window = 0;        // whose keys are spared
  uint16_t correlation = 0;
  uint16_t reference = 0;
  Hash128 difference;  // between the keys of both, by exclusive or

  // Whether the windows spared are the same, be the rules' places what they will.
  bool SparesLike(const NotedInput& other) const noexcept {
    return input_window == other.input_window && window == other.window && reference == other.reference;
  }
};

// "Whatever matches this rule is counted there": one entry to be made.
struct FeedRoute {
  static constexpr uint16_t kNoSlot = 0xffff;

  Hash128 salt;  // of the correlation
  uint16_t correlation = 0;
  uint16_t reference = 0;
  uint16_t value_slot = kNoSlot;  // of a value_count: where GroupKeys has the value
  uint16_t first_part = kNoSlot;  // of the key, mostly the only one; kNoSlot: one window for all
  uint16_t more_count = 0;        // further parts
  bool is_temporal = false;
  bool is_noted = false;    // not entered while a note will do
  bool of_account = false;  // the account is part of the key
  uint32_t more_begin = 0;
};

class CorrelationPlans {
 public:
  CorrelationPlans() = default;
  // `rules` is read here and by the questions below, and outlives the plans; `places` and `configs` are those of its
  // correlations; `keys` is told which fields will be asked for.
  CorrelationPlans(const RuleSet* rules, std::span<const WindowPlace> places,
                   std::span<const WindowConfig> configs, GroupKeys* keys);

  const CorrelationPlan& operator[](size_t correlation) const noexcept { return plans_[correlation]; }
  // By the unified index of a base rule or correlation.
  std::span<const FeedRoute> routes(size_t unified) const noexcept {
    return {routes_.data() + route_begin_[unified], routes_.data() + route_begin_[unified + 1]};
  }
  // All noted inputs, in the order of their correlations.
  std::span<const NotedInput> noted() const noexcept { return noted_; }
  // GroupKeys' slots of the parts of the key behind the first, in their order.
  std::span<const uint16_t> more_parts(const FeedRoute& route) const noexcept {
    return {parts_.data() + route.more_begin, route.more_count};
  }

  // Whether a count, sum, average or percentile of this value meets the condition.
  bool ValueMeets(size_t correlation, double value) const noexcept {
    const double at_least = plans_[correlation].at_least;
    return value >= at_least || (at_least != at_least && BoundsMeet(correlation, value));
  }
  // Whether an unordered temporal correlation is met when the rules in the bits of `seen` were.
  bool SeenMeets(size_t correlation, uint64_t seen) const noexcept {
    const CorrelationPlan& plan = plans_[correlation];
    return plan.has_truth ? (plan.truth >> seen & 1) != 0 : SeenMeetsSlowly(correlation, seen);
  }

 private:
  bool BoundsMeet(size_t correlation, double value) const noexcept;
  bool SeenMeetsSlowly(size_t correlation, uint64_t seen) const noexcept;
  void ChooseNoted(std::span<const WindowPlace> places, std::span<const WindowConfig> configs);

  const RuleSet* rules_ = nullptr;
  std::vector<CorrelationPlan> plans_;
  std::vector<NotedInput> noted_;
  std::vector<FeedRoute> routes_;
  std::vector<uint32_t> route_begin_;
  std::vector<uint16_t> parts_;
};

// The windows that the correlations of a rule set need, in their order. kInvalidArgument with the place of one whose
// threshold no window can hold, or that no window can be made for.
absl::StatusOr<std::vector<WindowConfig>> WindowConfigs(const RuleSet& rules);

}  // namespace stockade
