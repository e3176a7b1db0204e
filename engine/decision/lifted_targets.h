// Whose decisions were taken out before their time: by hand, for want of room, or because there never was any. A rule that has
// fired is quiet for as long as its decision lasts (rule/correlate.h); of these it must speak again, or whoever was let go by
// mistake could go on attacking until then.
//
// Time: event time in milliseconds, as of the rules' own. At most kTargetsMax targets are told apart; with the next one all
// rules speak once more. ~100 bytes each. Frees costs a comparison while nothing was lifted since the rule fired, and a
// look-up as in target_index.h otherwise. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/decision/decision.h"
#include "engine/decision/target_index.h"
#include "engine/event/login_event.h"

namespace stockade {

class LiftedTargets {
 public:
  static constexpr size_t kTargetsMax = 4096;

  explicit LiftedTargets(const HashKey& key) : index_(key) {}

  // No event that was counted until now is newer. Times may go back, as a watermark's do.
  void SetNow(int64_t now_ms) noexcept { now_ms_ = now_ms; }
  void Note(const Decision& decision);

  // Whether what a rule decided at `fired_ms` about this attempt's source or account may have been lifted since.
  bool Frees(const Attempt& attempt, int64_t fired_ms) const noexcept {
    return fired_ms <= newest_ms_ && FreesSlowly(attempt, fired_ms);
  }

 private:
  bool FreesSlowly(const Attempt& attempt, int64_t fired_ms) const noexcept;

  int64_t now_ms_ = INT64_MIN;
  int64_t newest_ms_ = INT64_MIN;  // of all
  int64_t all_ms_ = INT64_MIN;     // when too many were lifted to be told apart
  TargetIndex index_;              // into times_ms_
  std::vector<int64_t> times_ms_;
};

}  // namespace stockade
