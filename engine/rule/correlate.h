// Correlation rules over windows: which events that rules matched, counted together, mean something.
//
// For each base rule that matched an event, every correlation that refers to it gets one entry in the window
// of the event's key (the values of its group-by fields; an event that lacks one of them is not counted).
// When the window meets the condition the correlation fires: it raises an alert, and it is itself an input to
// correlations that refer to it, for the same event.
//
// What an alert rests on. Of a temporal rule that fired because a counting rule did, the counts, edges and
// condition are those of that counting rule, and the alert says so (`via`): "eight accounts within ten
// minutes" explains, "two rules fired" does not.
//
// When it alerts. With the event that makes the condition true, and then, while it stays true, not again for the same
// key until the response's `for` (without a response, the span) of event time has passed: one finding, not one for each
// further event. Unless the response's decision was lifted meanwhile (lifted_targets.h): then it alerts again. A key whose window has run empty starts anew. What it is an input to: a correlation that counts is given
// its alerts, so that "three alerts" are three; a temporal one is given every event with which the condition holds, so
// that "a and not b" is asked again when b has left the window.
//
// The types. event_count: events. value_count: different values of the field (absent: not counted).
// value_sum, value_avg, value_percentile: of the field's number (not a number: not counted). temporal: every
// referenced rule within the span, or what the condition over their names says. temporal_ordered: each
// referenced rule at or after the one before it, in the order of the rule; at most 64 matching events of a
// key are looked back on.
//
// Most keys see too few events for any correlation to be met. Their events are kept as they came, and no window is made before
// one might make a difference, which changes no answer (key_group.h, correlate_early.cc).
//
// Of most temporal correlations a key sees one input only, the commonest. That is noted and makes no window, which changes
// no answer (NotedInput, correlation_plan.h).
//
// Windows slide and are never aligned to a clock; see window/window.h for late events, exactness and
// estimates. One table holds the windows of all rules under one ceiling in bytes. O(correlations fed) an
// event; allocates only where an alert is raised. Not thread-safe. Oracle:
// tests/engine/rule/correlate_test.cc keeps every event and counts again.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/decision/alert.h"
#include "engine/decision/lifted_targets.h"
#include "engine/rule/correlation_plan.h"
#include "engine/rule/group_key.h"
#include "engine/rule/rule_set.h"
#include "engine/rule/window_places.h"
#include "engine/window/keyed_table.h"

namespace stockade {

// One window that a rule looked at, for `explain`. Views live during the call that hands it on.
struct WindowReading {
  // What its value counts: events, values of `counted_field`, rules of a temporal correlation; or none of these, but a sum,
  // an average or a percentile.
  enum class Counts : uint8_t { kEvents, kValues, kRules, kNothing };

  std::string_view rule;
  std::string_view condition;  // "gte 8"
  int64_t span_ms = 0;
  double value = 0;       // with this event
  bool at_least = false;  // there may be more: the window keeps no more than its condition needs
  bool estimated = false;
  bool met = false;      // the condition holds
  bool quiet = false;    // it holds, but that was said for this key already
  int64_t first_ms = 0;  // the window's edges: the oldest and the newest event in it
  int64_t last_ms = 0;
  // The threshold with which the condition would not have been met at `value`; NaN where none would. Where there may be more, it
  // is only the least that is not known to be met.
  double allowed = 0;
  Counts counts = Counts::kEvents;
  std::string_view counted_field;  // of value_*
  uint32_t tag = 0;                // of kValues: equal for equal values of this event and others
  Hash128 key;                     // equal for events that count together
  std::vector<std::pair<std::string_view, std::string>> group;
};

class CorrelationListener {
 public:
  virtual ~CorrelationListener() = default;
  // A correlation fired. The alert's views live during the call.
  virtual void OnAlert(const Alert& alert) = 0;
  // Every window an event was counted in; only while tracing.
  virtual void OnWindow(const WindowReading& reading) = 0;
};

class Correlator {
 public:
  // The most windows one event may be counted in: bounds the work an event can cause, chains included.
  static constexpr size_t kFeedsMax = 1024;

  struct Options {
    KeyedTable::Options table;
    HashKey hash_key;
  };

  // `rules` outlives the correlator. kInvalidArgument with the place of a correlation whose threshold no
  // window can hold, or as KeyedTable::Create.
  static absl::StatusOr<std::unique_ptr<Correlator>> Create(const RuleSet* rules, const Options& options);

  // Goes on with other rules, and with the windows of those that stay (window_places.h). `rules` outlives the correlator;
  // the set before is not looked at again. Errors, naming the place, leave everything as it was: those of Create, and
  // kInvalidArgument for a window that only a new table could hold. Feeds prepared before are void.
  absl::Status SwapRules(const RuleSet* rules);

  // One entry to be made: this event, as the reference-th input of that correlation, under this key.
  struct Feed {
    uint16_t correlation = 0;
    uint16_t reference = 0;
    uint32_t tag = 0;          // of a value_count: the value's fingerprint; of a temporal one: the reference
    uint32_t cause = 0;        // 1 + index of the firing that made this entry; 0: the event itself
    uint32_t hint = kNoEntry;  // where PrefetchBlocks found the key
    uint32_t order = 0;        // of what an event itself makes: the number of its route
    Hash128 key;
  };
  // What an event means to one group of correlations.
  struct GroupFeed {
    uint32_t group = 0;
    uint32_t feeds = 0;  // inputs of the group, as bits
    std::array<uint32_t, kEarlyTagsMax> tags{};
    uint32_t hint = kNoEntry;
    // Where PrefetchWindows found the first windows of an open key. Most events are counted in no more that are open.
    static constexpr size_t kHints = 2;
    std::array<uint32_t, kHints> window_hints{kNoEntry, kNoEntry};
    Hash128 parts;  // of the key, which each window salts for itself
  };

  // Feeds in a row, never more than there was room for from the begin: appending one is cheap, and those there stay
  // where they are.
  class FeedList {
   public:
    explicit FeedList(size_t room) : feeds_(std::make_unique<Feed[]>(room)) {}
    // One more, to be filled: its content is whatever was there.
    Feed& Append() noexcept { return feeds_[size_++]; }
    void clear() noexcept { size_ = 0; }
    size_t size() const noexcept { return size_; }
    Feed& operator[](size_t i) noexcept { return feeds_[i]; }
    Feed* begin() noexcept { return feeds_.get(); }
    Feed* end() noexcept { return feeds_.get() + size_; }

   private:
    std::unique_ptr<Feed[]> feeds_;
    size_t size_ = 0;
  };

  // What one event will be counted in, worked out ahead. Reused, it allocates no more.
  struct Feeds {
    Feeds();
    std::array<GroupFeed, kKeyGroupsMax> groups;
    size_t groups_size = 0;
    FeedList entries;  // of correlations that cannot wait
    bool sources_only = false;
  };
  // What an event is charged to.
  enum class Charge : uint8_t {
    kAll,
    kSources,  // nothing that has the account in its key: it must not move
  };

  // The entries that an event which matched these base rules (RuleSet::Match) will make, and a hint to memory that they
  // come soon.
  void Prepare(const LoginEvent& event, std::span<const uint16_t> matched, Feeds* feeds,
               Charge charge = Charge::kAll) noexcept;
  // Of the event that was prepared last: the hash of its account under Options::hash_key, for others who need it; null
  // where the event has none.
  const Hash128* account_hash() noexcept { return keys_.Find(account_slot_); }
  // The same of its fingerprint, FingerprintHash; null where no rule asks for it either.
  const Hash128* fingerprint_hash() noexcept {
    return fingerprint_slot_ == FeedRoute::kNoSlot ? nullptr : keys_.Find(fingerprint_slot_);
  }
  // The second and the third part of the hint, best some 100 ns after the one before.
  void PrefetchBlocks(Feeds* feeds) const noexcept;
  void PrefetchWindows(Feeds* feeds) const noexcept;
  // Makes the entries of Prepare, at the event's own time, and those of correlations that fire. Spends `feeds`.
  void Observe(const LoginEvent& event, Feeds* feeds, int64_t time_ms, CorrelationListener* listener);

  void SetTracing(bool on) noexcept { tracing_ = on; }
  // Where it is known which decisions were lifted; outlives this. Null: none ever is.
  void SetLifted(const LiftedTargets* lifted) noexcept { lifted_ = lifted; }
  // After the watermark has moved back. Looks at all keys.
  void SetNow(int64_t now_ms) noexcept;

  const KeyedTable& table() const noexcept { return *table_; }

 private:
  Correlator(const RuleSet* rules, const Options& options, std::unique_ptr<KeyedTable> table);

  // One event on its way through its entries, of now or of a replay.
  struct Run {
    int64_t time_ms = 0;
    CorrelationListener* listener = nullptr;  // null: a replay
    bool sources_only = false;
    bool keys_begun = false;
  };
  // A correlation that fired while the current event is observed: the cause of the entries it makes in
  // others.
  struct Firing {
    Feed feed;
    Reading reading;
    double value = 0;
  };

  // Appends the entry of this route; nothing where the event lacks a part of the key or the value.
  void AddFeed(const FeedRoute& route, uint32_t order, uint32_t cause, FeedList* entries) noexcept;
  // The values of a key's parts together; false where the event lacks one.
  template <typename Keyed>
  bool PartsOf(const Keyed& keyed, Hash128* parts) noexcept;
  // The entries of those that a correlation feeds which has just fired. `temporal_only`: it is met but quiet, which is no
  // new finding to be counted. Of a replay only those under the same key: no other can be met then.
  void AddChain(const Feed& feed, uint32_t cause, bool temporal_only, Run* run, FeedList* entries) noexcept;
  void AddChained(const FeedRoute& route, const Feed& feed, uint32_t cause, Run* run,
                  FeedList* entries) noexcept;
  // The entry `due` of a correlation that is a noted input (NotedInput) of those on its routes order … tag: notes the time,
  // and enters it where windows are held after all.
  static constexpr uint16_t kNoteReference = 0xfffe;
  void EnterNoted(const Feed& due, Run* run, FeedList* entries);
  // Makes the window of a correlation with a noted input from that note, unless it is held.
  void Recall(size_t correlation, const Hash128& key, int64_t time_ms) noexcept;
  // All notes become windows.
  void CarryOutNotes() noexcept;

  // What an event means to groups.
  void PrepareGroups(std::span<const uint16_t> matched, Feeds* feeds) noexcept;
  // Keeps the event in the rows of its groups, and adds the entries of those whose windows are open, or are opened now.
  void AddGroups(Feeds* feeds, int64_t time_ms) noexcept;
  // Counts what a row held in the windows of its key.
  void Replay(size_t group, const Hash128& parts, const EarlyEvents& events) noexcept;
  void AddInputs(const GroupPlan& group, const Hash128& parts, uint32_t feeds,
                 const std::array<uint32_t, kEarlyTagsMax>& tags, std::span<const uint32_t> hints,
                 FeedList* entries) const noexcept;
  // Walks over the keys of a window: use(entry, key).
  template <typename Use>
  void ForEachKey(uint16_t window, Use&& use) noexcept {
    Hash128 key;
    for (uint32_t entry = table_->NextKey(window, 0, &key); entry != kNoEntry;
         entry = table_->NextKey(window, entry + 1, &key)) {
      use(entry, key);
    }
  }
  // Opens all keys that have seen something newer.
  void OpenRows(int64_t newer_than_ms) noexcept;
  // A window of the table for the rows of each group. Those there stay.
  absl::Status MakeRoomForGroups(size_t count);
  // Says to the plans and the table where rows are. `anew`: those there were are of no account.
  void PlaceGroups(bool anew);
  Reading Enter(const CorrelationPlan& plan, const Feed& feed, int64_t time_ms) noexcept;
  bool Met(size_t correlation, const Reading& reading) noexcept;
  // What the condition was compared with: of a temporal correlation, how many of its rules were seen.
  double ValueOf(size_t correlation, const Reading& reading) const noexcept;
  // Makes entries, and those that follow from them behind them.
  void Enter(FeedList* entries, Run* run);
  void EnterOne(const Feed& feed, Run* run, FeedList* entries);
  // The condition holds: whether that was said for this key already.
  bool IsQuiet(const CorrelationPlan& plan, const Reading& reading) const noexcept;
  bool MetInOrder(const CompiledCorrelation& correlation, std::span<const TimedTag> entries) const noexcept;
  WindowReading Describe(const Feed& feed, const Reading& reading, double value, bool met, bool quiet);
  void Raise(const Firing& firing, int64_t time_ms, CorrelationListener* listener);

  const RuleSet* rules_;
  HashKey hash_key_;
  std::unique_ptr<KeyedTable> table_;
  WindowPlaces window_places_;
  GroupKeys keys_;
  CorrelationPlans plans_;
  uint16_t account_slot_ = 0;                       // of user.name among the keys
  uint16_t fingerprint_slot_ = FeedRoute::kNoSlot;  // of source.fingerprint
  std::vector<Firing> firings_;                     // reused
  std::vector<uint16_t> row_windows_;               // of the rows, by group
  std::vector<int64_t> open_until_ms_;  // until when a group opens every key, after a change of rules
  uint32_t generation_ = 0;             // of the groups: rows of one never meet keys of another
  EarlyEvents opened_;                  // reused
  FeedList replayed_;                   // reused
  const LoginEvent* event_ = nullptr;
  const LiftedTargets* lifted_ = nullptr;
  bool tracing_ = false;
};

template <typename Keyed>
inline bool Correlator::PartsOf(const Keyed& keyed, Hash128* parts) noexcept {
  parts->low = parts->high = 0;
  if (keyed.first_part == FeedRoute::kNoSlot) return true;
  const Hash128* const first = keys_.Find(keyed.first_part);
  if (first == nullptr) return false;
  // Member by member: a copy made at once would read what is still being written.
  parts->low = first->low;
  parts->high = first->high;
  for (const uint16_t slot : plans_.more_parts(keyed)) {
    const Hash128* const more = keys_.Find(slot);
    if (more == nullptr) return false;
    *parts = Combine(*parts, *more);
  }
  return true;
}

}  // namespace stockade
