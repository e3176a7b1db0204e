// What a window is (kind, span, limit) and what it says after an event: the words shared by every window of
// this room.
//
// Spans slide with event time and are never aligned to a clock. The "now" of a key is the newest time that
// this key has seen; an event at t counts for every now in [t, t + span). So a late event counts where it
// belongs, is judged against its own key only, and the order in which two keys' events arrive is of no
// matter. An event that is older than its key's newest by span or more no longer counts, and the reading says
// so (`counted`).
//
// Exact or estimated. Up to kExactLimit (64) values a window is exact: it keeps the newest `limit` of them, and with
// those "at least `limit` within `span`" is decided without error, which is all that a rule asks. Beyond 64 values:
//   kCount         cells of growing size (after Datar, Gionis, Indyk, Motwani 2002): standard error below 2 %.
//   kDistinct      exact to about 8,000 values, then a sample by hash (after Gibbons & Tirthapura 2002): below 2 %.
//   kSum, kAverage cells as for kCount: below 2 % of the sum of absolute values.
//   kPercentile    exact to 2,048 events, then a sample: below 2 % of rank.
//   kSequence      keeps the newest 64 entries and no more, which is its definition.
// A reading that is an estimate says so (`estimated`), and decisions repeat it.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/status/status.h"
#include "engine/limits.h"

namespace stockade {

enum class WindowKind : uint8_t {
  kCount,       // how many events                                        KeyedTable::Add
  kDistinct,    // how many different tags, each at its newest time       KeyedTable::AddTag
  kSequence,    // the newest tags in order of time, repeats included     KeyedTable::AddTag
  kSum,         // sum of a number over the events                        KeyedTable::AddNumber
  kAverage,     // its mean                                               KeyedTable::AddNumber
  kPercentile,  // its value at a rank                                    KeyedTable::AddNumber
  kEarly,       // the few first events of a key, for windows unopened    KeyedTable::AddEarly
};

// "No such time": an empty window's edges, a key that never fired.
inline constexpr int64_t kNeverMs = std::numeric_limits<int64_t>::min();

struct WindowConfig {
  WindowKind kind = WindowKind::kCount;
  // Milliseconds, 1 to kSpanMsMax.
  int64_t span_ms = 0;
  // kCount, kDistinct: what the count saturates at, 1 to kWindowLimitMax; ask for the rule's threshold, or,
  // for an upper bound (lte 8), for one more than it. kSequence: entries kept, 1 to 64. For the other kinds
  // it only says at how many events a key is as suspicious as can be, for eviction; 64 where nothing better
  // is known.
  int limit = 64;
  // kPercentile: above 0, up to 100. The value at rank ceil(percentile/100 · n), "nearest rank".
  double percentile = 50;

  friend bool operator==(const WindowConfig&, const WindowConfig&) = default;
};

// A threshold above a million within 30 days is no rule about logins, and a distinct window of it takes 2 MiB
// a key.
inline constexpr int kWindowLimitMax = 1'000'000;

// OK, or kInvalidArgument that names the member, its value and what it may be.
absl::Status Validate(const WindowConfig& config);

// What a window says at its key's now. Plain; cheap to copy.
struct Reading {
  // The number a condition is compared with: the count, distinct count, entries kept, sum, average or
  // percentile. Sum of nothing is 0; average and percentile of nothing are NaN, which no comparison is true
  // of.
  double value = 0;
  // The same at the same now without the event just added: value >= 5 && !(before >= 5) is the rising edge.
  // After a Read, equal to value.
  double before = 0;
  // Events in the window (kDistinct: different tags), saturating like value. Rounded if estimated.
  int64_t count = 0;
  // The oldest and the newest event that count; kNeverMs if none does. Of an estimate the oldest may be too
  // young, by what was merged with it.
  int64_t oldest_ms = kNeverMs;
  int64_t newest_ms = kNeverMs;
  // When the caller last called SetFired for this key, unless the window has been empty since; else kNeverMs.
  int64_t fired_ms = kNeverMs;
  // After an AddTag, of a window of at most 64 values: which tags below 64 it holds, as bits: what Entries would list,
  // without its order. For callers whose tags are small numbers of their own rather than fingerprints.
  uint64_t small_tags = 0;
  // The key's place for SetFired and Entries, until the next Add of any key; kNoEntry if the table does not
  // hold it.
  uint32_t entry = 0xffffffff;
  // False: the event is too old for its key, nothing changed.
  bool counted = false;
  bool estimated = false;
  // value is at limit: there may be more.
  bool saturated = false;
};
inline constexpr uint32_t kNoEntry = 0xffffffff;

// One entry of a kDistinct or kSequence window, for the caller to look at.
struct TimedTag {
  int64_t time_ms = 0;
  uint32_t tag = 0;
  friend bool operator==(const TimedTag&, const TimedTag&) = default;
};

}  // namespace stockade
