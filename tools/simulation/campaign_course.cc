#include "tools/simulation/campaign_course.h"

#include "tools/simulation/settling.h"
#include "tools/simulation/trading_day.h"

namespace stockade {

void CampaignCourse::Add(const CampaignStep& step, CampaignFigures* figures) {
  if (figures->attempts == 0) begin_ms_ = step.time_ms;
  const int64_t after_ms = step.time_ms - begin_ms_;
  ++figures->attempts;
  stopped_.push_back(!step.reached);
  after_ms_.push_back(after_ms);
  if (step.right) ++figures->valid_tried;
  if (step.reached) {
    ++figures->reached;
    if (after_ms < kMinuteMs) ++figures->reached_first_minute;
    if (after_ms < 10 * kMinuteMs) ++figures->reached_first_ten_minutes;
    if (step.challenged) ++figures->challenges_solved;
    if (step.got_in) ++figures->taken_over;
  } else if (figures->first_stop == 0) {
    figures->first_stop = figures->attempts;
    figures->first_stop_ms = after_ms;
  }
}

void CampaignCourse::Settle(CampaignFigures* figures) const {
  const Settling settling = FindSettling(stopped_);
  if (!settling.settled) return;
  figures->settled = true;
  figures->settled_after = settling.after;
  figures->settled_after_ms = after_ms_[settling.after];
}

}  // namespace stockade
