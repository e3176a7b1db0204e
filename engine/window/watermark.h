// The engine's only clock: event time, that moves forward with the events and with nothing else.
//
// The watermark is the newest time believed. Every event is admitted once, in the order it is read:
//   kOnTime   at or after the watermark, which moves to it.
//   kLate     older than the watermark by at most `lateness`: counts where it belongs; the watermark stays.
//   kTooLate  older than that: refused and counted.
//   kHeld     a step forward that nobody else has confirmed yet. The caller keeps this one event back; the next
//             admission says what it was. At most one event is held at any time.
// A step forward is held if it is longer than min(jump, max(lateness, kStepMsMin)): a shorter one is harmless even if
// it is wrong, for the events that follow it at the right time are merely late. The very first event is held too.
//
// With a held event H and watermark W, the next event t decides:
//   t in [H - lateness, H + jump]      H is confirmed: a quiet night, nothing is lost. Then t is admitted on top of H.
//   t beyond H + jump                  time moved on past H. H is confirmed if its own step was at most kSpanMsMax (no
//                                      window could tell a longer one from a new stream), or if it is the first event;
//                                      else it was wild. Then t is admitted, and is held in turn.
//   t in [W - lateness, H - lateness)  H was wild: dropped and counted. Then t is admitted as if H had never been.
//   t before W - lateness              too late, and says nothing about H, which stays held. (First event: H was wild,
//                                      and t is held as the first.)
//
// Two wild events in a row can still confirm each other. So the time before the last held step is remembered
// until kSettledAfter events were admitted since; if meanwhile kRollbackAfter events in a row are too late
// but lie around that time (after two wild first events: around one another), the watermark rolls back to it
// or to the newest of them, and `rolled_back` is set. The last of them is judged against that; the earlier
// ones stay refused. The owner of the windows then tells them with KeyedTable::SetNow.
//
// Time is in milliseconds since 1970, any int64 within ±2^62. O(1), no allocation, noexcept; the result
// depends on the sequence of times only. Not thread-safe. Oracle: none; tests/engine/window/watermark_test.cc
// tries all short sequences against the rules above.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "engine/limits.h"

namespace stockade {

enum class Arrival : uint8_t { kOnTime, kLate, kTooLate, kHeld };

// What became of the event held before this admission.
enum class HeldFate : uint8_t {
  kNone,       // nothing was held, or it still is
  kConfirmed,  // observe it now, before the event just admitted
  kWild,       // drop it
};

struct Admission {
  Arrival arrival = Arrival::kOnTime;
  HeldFate held = HeldFate::kNone;
  bool rolled_back = false;
};

class Watermark {
 public:
  // Steps up to here are never held, however small the lateness: logs are written in batches.
  static constexpr int64_t kStepMsMin = 60 * 1000;
  static constexpr int kSettledAfter = 8;
  static constexpr int kRollbackAfter = 3;

  struct Options {
    int64_t lateness_ms = kLatenessMsDefault;  // 0 to kLatenessMsMax
    int64_t jump_ms = kJumpMsMax;              // at least 1
  };

  // Counts of admitted events by what became of them; a held event counts under its fate once that is known.
  struct Counters {
    uint64_t on_time = 0;
    uint64_t late = 0;
    uint64_t too_late = 0;
    uint64_t wild = 0;
    uint64_t rollbacks = 0;
  };

  Watermark() : Watermark(Options()) {}
  explicit Watermark(const Options& options) noexcept;

  // Judges the next event. If the result's `held` is kConfirmed the caller observes the held event first,
  // then this one (unless that is kHeld or kTooLate itself).
  Admission Admit(int64_t time_ms) noexcept;

  // The end of the stream: a held event has nobody left to contradict it and is confirmed. The watermark may
  // be used further afterwards.
  HeldFate Finish() noexcept;

  // The newest time believed; nothing before the first event was confirmed.
  std::optional<int64_t> now_ms() const noexcept {
    return now_ms_ == kNone ? std::nullopt : std::optional<int64_t>(now_ms_);
  }
  // The newest time that no rollback will take back: now_ms(), or where it stood before a step that is not settled yet
  // (nothing while that is the first one).
  std::optional<int64_t> settled_ms() const noexcept {
    const int64_t settled_ms = unsettled_ ? before_step_ms_ : now_ms_;
    return settled_ms == kNone ? std::nullopt : std::optional<int64_t>(settled_ms);
  }
  bool is_holding() const noexcept { return held_ms_ != kNone; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

  void ConfirmHeld() noexcept;
  void DropHeld() noexcept;
  void CountAdmitted() noexcept;
  // True if this too-late event is the one that makes the watermark roll back.
  bool RollsBack(int64_t time_ms) noexcept;

  int64_t lateness_ms_;
  int64_t jump_ms_;
  int64_t step_ms_;
  int64_t now_ms_ = kNone;
  int64_t held_ms_ = kNone;
  // The watermark before the oldest step that had been held and is not settled yet; kNone if that was the
  // first event.
  int64_t before_step_ms_ = kNone;
  bool unsettled_ = false;
  int since_step_ = 0;
  // Too-late events in a row that lie around before_step_ms_, and the newest of them.
  int returned_ = 0;
  int64_t returned_newest_ms_ = kNone;
  Counters counters_;
};

}  // namespace stockade
