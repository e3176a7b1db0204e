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
// Of most temporal correlations a key sees one input only, the commonest. That is noted and makes no window, which changes
// no answer (NotedInput, correlation_plan.h).
//
// Windows slide and are never aligned to a clock; see window/window.h for late events, exactness and
// estimates. One table holds the windows of all rules under one ceiling in bytes. O(correlations fed) an
// event; allocates only where an alert is raised. Not thread-safe. Oracle:
// tests/engine/rule/correlate_test.cc keeps every event and counts again.
#pragma once

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
  double allowed = 0;  // the threshold with which the condition would not have been met; NaN where none would
  Hash128 key;         // equal for events that count together
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
    Hash128 key;
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
    // The entries that rules make which `unified` feeds, should it fire: chained[begin, end).
    struct Chain {
      uint32_t unified = 0;
      uint32_t begin = 0;
      uint32_t end = 0;
    };
    FeedList entries;
    std::vector<Chain> chains;
    FeedList chained;
    bool sources_only = false;
  };
  // What an event is charged to.
  enum class Charge : uint8_t {
    kAll,
    kSources,  // nothing that has the account in its key: it must not move
  };

  // The entries that an event which matched these base rules (RuleSet::Match) will make, those that are likely to
  // follow from them, and a hint to memory that they come soon.
  void Prepare(const LoginEvent& event, std::span<const uint16_t> matched, Feeds* feeds,
               Charge charge = Charge::kAll) noexcept;
  // Of the event that was prepared last: the hash of its account under Options::hash_key, for others who need it; null
  // where no rule asks for it or the event has none.
  const Hash128* account_hash() noexcept {
    return account_slot_ == FeedRoute::kNoSlot ? nullptr : keys_.Find(account_slot_);
  }
  // The same of its fingerprint: FingerprintHash.
  const Hash128* fingerprint_hash() noexcept {
    return fingerprint_slot_ == FeedRoute::kNoSlot ? nullptr : keys_.Find(fingerprint_slot_);
  }
  // The second half of the hint, best some 100 ns after the first.
  void PrefetchBlocks(Feeds* feeds) const noexcept;
  // Makes the entries of Prepare, at the event's own time, and those of correlations that fire. Spends `feeds`.
  void Observe(const LoginEvent& event, Feeds* feeds, int64_t time_ms, CorrelationListener* listener);

  void SetTracing(bool on) noexcept { tracing_ = on; }
  // Where it is known which decisions were lifted; outlives this. Null: none ever is.
  void SetLifted(const LiftedTargets* lifted) noexcept { lifted_ = lifted; }
  // After the watermark has moved back.
  void SetNow(int64_t now_ms) noexcept { table_->SetNow(now_ms); }

  const KeyedTable& table() const noexcept { return *table_; }

 private:
  Correlator(const RuleSet* rules, const Options& options, std::unique_ptr<KeyedTable> table);

  // A correlation that fired while the current event is observed: the cause of the entries it makes in
  // others.
  struct Firing {
    Feed feed;
    Reading reading;
    double value = 0;
  };

  // Chains that are worth foreseeing: more would be a rule set of its own kind, and are worked out when they fire.
  static constexpr size_t kChainedMax = 64;
  // How often a correlation was met lately, in 65536ths: an average over some 64 entries. From an eighth on its chain
  // is foreseen. A hint to memory and nothing else: what is not foreseen is worked out when it fires.
  static constexpr uint16_t kLucky = 8192;
  void NoteLuck(size_t correlation, bool met) noexcept {
    const int now = luck_[correlation];
    luck_[correlation] = static_cast<uint16_t>(now + ((met ? 65535 : 0) - now) / 64);
  }

  // Appends the entry of this route; nothing where the event lacks a part of the key or the value.
  void AddFeed(const FeedRoute& route, uint32_t cause, FeedList* entries) noexcept;
  // The same, for the rare ways: AddFeed is made part of the common one.
  void AddFeedApart(const FeedRoute& route, uint32_t cause, FeedList* entries) noexcept;
  // `temporal_only`: for a correlation that is met but quiet, which is no new finding to be counted.
  void AddFeeds(size_t unified, uint32_t cause, bool temporal_only, bool sources_only,
                FeedList* entries) noexcept;
  void AddChain(size_t unified, uint32_t cause, bool temporal_only, bool* keys_begun, Feeds* feeds) noexcept;
  // The same of a correlation that is a noted input (NotedInput): notes the time, and adds entries for those
  // of its consumers whose windows are held after all. False: none is, and AddChain knows the rest.
  bool AddChainByNote(const Feed& feed, uint32_t entry, uint32_t cause, int64_t time_ms, bool temporal_only,
                      bool* keys_begun, Feeds* feeds) noexcept;
  // Makes the window of a correlation with a noted input from that note, unless it is held.
  void Recall(size_t correlation, const Hash128& key, int64_t time_ms) noexcept;
  // All notes become windows.
  void CarryOutNotes() noexcept;
  Reading Enter(const CorrelationPlan& plan, const Feed& feed, int64_t time_ms) noexcept;
  bool Met(size_t correlation, const Reading& reading) noexcept;
  // What the condition was compared with: of a temporal correlation, how many of its rules were seen.
  double ValueOf(size_t correlation, const Reading& reading) const noexcept;
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
  uint16_t account_slot_ = FeedRoute::kNoSlot;      // of user.name among the keys
  uint16_t fingerprint_slot_ = FeedRoute::kNoSlot;  // of source.fingerprint
  std::vector<uint16_t> luck_;                      // of each correlation
  std::vector<Firing> firings_;                     // reused
  const LoginEvent* event_ = nullptr;
  const LiftedTargets* lifted_ = nullptr;
  bool tracing_ = false;
};

}  // namespace stockade
