// Correlations worked out for the hot path, once a rule set: what an event that matched a rule is counted in, under
// which parts of its key, and when a window's reading meets the condition. correlate.h says what it all means; this
// says the same in numbers that lie together, so that an entry costs no walk through the rules as written.
//
// Immutable after construction; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/keyed_hash.h"
#include "engine/rule/group_key.h"
#include "engine/rule/key_group.h"
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
  bool raises = false;        // an alert of its own follows
  bool responds = false;      // and a decision from that
  bool feeds_others = false;  // it is an input to other correlations
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
  // From a correlation to one whose key is made of the same values.
  bool keeps_key = false;
  // Of a base rule's input that waits in a group's row: which of the event's tags it counts; EarlyLimit::kEvents: none.
  uint8_t tag = EarlyLimit::kEvents;
  uint32_t more_begin = 0;
};

// One group (key_group.h), for the hot path.
struct GroupPlan {
  Hash128 salt;         // of the keys of its rows
  uint16_t window = 0;  // and theirs
  bool of_account = false;
  uint16_t first_part = FeedRoute::kNoSlot;
  uint16_t more_count = 0;
  uint32_t more_begin = 0;
  // GroupKeys' slots of the values that are counted, and the inputs that are not entered without that value.
  std::array<uint16_t, kEarlyTagsMax> value_slots{FeedRoute::kNoSlot, FeedRoute::kNoSlot};
  std::array<uint32_t, kEarlyTagsMax> needing{};
  std::vector<uint32_t> routes;  // of its inputs, by bit, ascending
};

// "Whatever matches this rule is, in that group, counted by these."
struct GroupShare {
  uint16_t group = 0;
  uint32_t feeds = 0;
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
  const FeedRoute& route(uint32_t number) const noexcept { return routes_[number]; }
  uint32_t routes_begin(size_t unified) const noexcept { return route_begin_[unified]; }
  uint32_t routes_end(size_t unified) const noexcept { return route_begin_[unified + 1]; }
  // Of a base rule: the groups it feeds, and the numbers of the routes that belong to none.
  std::span<const GroupShare> shares(size_t rule) const noexcept {
    return {shares_.data() + share_begin_[rule], shares_.data() + share_begin_[rule + 1]};
  }
  std::span<const uint32_t> direct(size_t rule) const noexcept {
    return {direct_.data() + direct_begin_[rule], direct_.data() + direct_begin_[rule + 1]};
  }
  std::span<const GroupPlan> groups() const noexcept { return groups_; }
  const EarlyPlan& early(size_t group) const noexcept { return key_groups_[group].early; }
  // Where the rows of a group are; one call each, before any event.
  void SetGroupPlace(size_t group, const WindowPlace& place) noexcept {
    groups_[group].window = place.window;
    groups_[group].salt = place.salt;
  }
  // Equal for rule sets under which early events mean the same.
  const std::string& meaning() const noexcept { return meaning_; }
  // All noted inputs, in the order of their correlations.
  std::span<const NotedInput> noted() const noexcept { return noted_; }
  // GroupKeys' slots of the parts of the key behind the first, in their order.
  template <typename Keyed>
  std::span<const uint16_t> more_parts(const Keyed& keyed) const noexcept {
    return {parts_.data() + keyed.more_begin, keyed.more_count};
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
  void MakeGroups(GroupKeys* keys);
  // The slots of a key's parts.
  template <typename Keyed>
  void SetParts(std::span<const FieldId> group_by, GroupKeys* keys, Keyed* keyed);
  std::string Meaning() const;

  const RuleSet* rules_ = nullptr;
  std::vector<CorrelationPlan> plans_;
  std::vector<NotedInput> noted_;
  std::vector<FeedRoute> routes_;
  std::vector<uint32_t> route_begin_;
  std::vector<uint16_t> parts_;
  std::vector<KeyGroup> key_groups_;
  std::vector<GroupPlan> groups_;
  std::vector<GroupShare> shares_;
  std::vector<uint32_t> share_begin_;
  std::vector<uint32_t> direct_;
  std::vector<uint32_t> direct_begin_;
  std::string meaning_;
};

// The windows that the correlations of a rule set need, in their order. kInvalidArgument with the place of one whose
// threshold no window can hold, or that no window can be made for.
absl::StatusOr<std::vector<WindowConfig>> WindowConfigs(const RuleSet& rules);

}  // namespace stockade
