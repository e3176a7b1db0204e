// The last pass of `explain`: which attempts were counted in the windows it tells of, and which a detector's decision rests on.
//
// A window keeps no more than its condition needs, and says "at least" where more may have been counted. All attempts of its span
// are seen here, so that such a count is made exact: a WindowReading that says at_least begins where its span does, and its
// value, first time and allowed threshold are those of what was counted. Of sums, averages and percentiles it stays a bound.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "tools/stockade/attempt_tracer.h"
#include "tools/stockade/trace.h"

namespace stockade {

class CountedAttempts final : public EngineListener {
 public:
  explicit CountedAttempts(ReplaySession* session) : session_(*session) {}

  // Fills the windows of an attempt.
  void Want(TracedAttempt* attempt);
  // Fills what a detector's decision rests on: failed and stopped attempts that have these fields in common, or where there are
  // none are on the decision's account, from `since_ms` on and up to this attempt and the time of the decision.
  void Want(const Decision& decision, const AttemptId& last, DetectorGrounds* grounds);
  bool needed() const noexcept { return last_.line != 0; }
  // After the pass: what the windows counted.
  void Finish();

  void OnWindow(const WindowReading& reading) override;
  bool OnBatch() const;
  void OnUnreadable(const Record&) {}
  bool BeforeAssess(const Record& record);
  void OnOutcome(const Record& record);
  void OnVerdict(const Record& record, const Verdict& verdict, bool reaches);
  void AfterRecord(const Record& record);

 private:
  struct WantedWindow {
    TracedWindow* window;
    AttemptId id;      // of the attempt that saw it so: later ones are not in it
    int64_t first_ms;  // from when on it counts
    uint64_t entries = 0;
    absl::flat_hash_set<uint32_t> tags{};
  };

  void Attend(const Record& record);
  bool Concerns(const LoginEvent& event) const;
  void AddGround(const Record& record, bool stopped);

  ReplaySession& session_;
  std::deque<WantedWindow> wanted_;
  Turn turn_;
  AttemptNote note_;  // of the current attempt, where it lies in a window's time
  AttemptId note_of_;
  AttemptNote held_note_;  // of the held one
  AttemptId held_note_of_;
  AttemptId last_;  // the last attempt that matters
  int64_t from_ms_ = INT64_MAX;
  int64_t to_ms_ = INT64_MIN;
  bool done_ = false;

  DetectorGrounds* grounds_ = nullptr;
  std::string account_;  // where they share no fields
  AttemptId grounds_last_;
  int64_t since_ms_ = INT64_MIN;
  int64_t until_ms_ = INT64_MAX;
};

}  // namespace stockade
