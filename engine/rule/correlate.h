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
// further event. A key whose window has run empty starts anew. What it is an input to: a correlation that counts is given
// its alerts, so that "three alerts" are three; a temporal one is given every event with which the condition holds, so
// that "a and not b" is asked again when b has left the window.
//
// The types. event_count: events. value_count: different values of the field (absent: not counted).
// value_sum, value_avg, value_percentile: of the field's number (not a number: not counted). temporal: every
// referenced rule within the span, or what the condition over their names says. temporal_ordered: each
// referenced rule at or after the one before it, in the order of the rule; at most 64 matching events of a
// key are looked back on.
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
#include "engine/rule/group_key.h"
#include "engine/rule/rule_set.h"
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

  // Goes on with other rules. A correlation that stands in both sets under one handle, with the same type, span, limit and
  // percentile, keeps its windows, whatever else changed around it; what it asks of events may be new. All others begin
  // empty. Windows of rules that are gone run out where they lie, and are found again if the rule comes back before.
  // `rules` outlives the correlator; the set before is not looked at again. Errors, naming the place, leave everything
  // as it was: those of Create, and kInvalidArgument for a window that only a new table could hold
  // (KeyedTable::AddWindow). Feeds prepared before are void.
  absl::Status SwapRules(const RuleSet* rules);

  // One entry to be made: this event, as the reference-th input of that correlation, under this key.
  struct Feed {
    uint16_t correlation = 0;
    uint16_t reference = 0;
    uint32_t tag = 0;    // of a value_count: the value's fingerprint
    uint32_t cause = 0;  // 1 + index of the firing that made this entry; 0: the event itself
    Hash128 key;
  };

  // The entries that an event which matched these base rules (RuleSet::Match) will make, and a hint to memory
  // that they come soon. `feeds` is emptied first; reserve kFeedsMax once and it never allocates.
  void Prepare(const LoginEvent& event, std::span<const uint16_t> matched, std::vector<Feed>* feeds) noexcept;
  // The second half of the hint, best some 100 ns after the first.
  void PrefetchBlocks(std::span<const Feed> feeds) const noexcept;
  // Makes the entries of Prepare, at the event's own time, and those of correlations that fire.
  void Observe(const LoginEvent& event, std::vector<Feed>* feeds, int64_t time_ms,
               CorrelationListener* listener);

  void SetTracing(bool on) noexcept { tracing_ = on; }
  // After the watermark has moved back.
  void SetNow(int64_t now_ms) noexcept { table_->SetNow(now_ms); }

  const KeyedTable& table() const noexcept { return *table_; }

 private:
  // Where the windows of a correlation lie: which of the table's, and what its keys are salted with, so that two rules
  // never share one.
  struct Place {
    uint16_t window = 0;
    Hash128 salt;
  };
  // Every window the table has, for whom and where.
  struct Held {
    std::string handle;
    WindowConfig config;
    Place place;
  };

  Correlator(const RuleSet* rules, std::span<const WindowConfig> configs, const Options& options,
             std::unique_ptr<KeyedTable> table);
  Place MakePlace(std::string_view handle, const WindowConfig& config, uint16_t window) const;

  // A correlation that fired while the current event is observed: the cause of the entries it makes in
  // others.
  struct Firing {
    Feed feed;
    Reading reading;
    double value = 0;
  };

  // `temporal_only`: for a correlation that is met but quiet, which is no new finding to be counted.
  void AddFeeds(size_t unified, uint32_t cause, bool temporal_only, std::vector<Feed>* feeds) noexcept;
  Reading Enter(const Feed& feed, int64_t time_ms) noexcept;
  bool Met(const CompiledCorrelation& correlation, const Reading& reading, double* value) noexcept;
  bool MetInOrder(const CompiledCorrelation& correlation, std::span<const TimedTag> entries) const noexcept;
  WindowReading Describe(const CompiledCorrelation& correlation, const Feed& feed, const Reading& reading,
                         double value, bool met, bool quiet);
  void Raise(const Firing& firing, int64_t time_ms, CorrelationListener* listener);

  const RuleSet* rules_;
  HashKey hash_key_;
  std::unique_ptr<KeyedTable> table_;
  GroupKeys keys_;
  std::vector<Place> places_;    // of each correlation
  std::vector<Held> held_;       // by the table's window
  std::vector<Firing> firings_;  // reused
  const LoginEvent* event_ = nullptr;
  bool tracing_ = false;
};

}  // namespace stockade
