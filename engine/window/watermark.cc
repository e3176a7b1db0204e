#include "engine/window/watermark.h"

#include <algorithm>

#include "engine/status.h"

namespace stockade {

Watermark::Watermark(const Options& options) noexcept
    : lateness_ms_(options.lateness_ms),
      jump_ms_(options.jump_ms),
      step_ms_(std::min(options.jump_ms, std::max(options.lateness_ms, kStepMsMin))) {
  STOCKADE_CHECK(lateness_ms_ >= 0 && lateness_ms_ <= kLatenessMsMax);
  STOCKADE_CHECK(jump_ms_ >= 1);
}

Admission Watermark::Admit(int64_t time_ms) noexcept {
  Admission admission;
  if (is_holding()) {
    const bool is_first = now_ms_ == kNone;
    if (time_ms > held_ms_ + jump_ms_) {
      const bool is_plausible = is_first || held_ms_ - now_ms_ <= kSpanMsMax;
      admission.held = is_plausible ? HeldFate::kConfirmed : HeldFate::kWild;
    } else if (time_ms >= held_ms_ - lateness_ms_) {
      admission.held = HeldFate::kConfirmed;
    } else if (is_first || time_ms >= now_ms_ - lateness_ms_) {
      admission.held = HeldFate::kWild;
    }
    if (admission.held == HeldFate::kConfirmed) ConfirmHeld();
    if (admission.held == HeldFate::kWild) DropHeld();
  }

  if (now_ms_ == kNone || time_ms > now_ms_ + step_ms_) {
    held_ms_ = time_ms;
    returned_ = 0;
    admission.arrival = Arrival::kHeld;
    return admission;
  }
  if (time_ms < now_ms_ - lateness_ms_) {
    admission.rolled_back = RollsBack(time_ms);
    if (time_ms < now_ms_ - lateness_ms_) {
      ++counters_.too_late;
      admission.arrival = Arrival::kTooLate;
      return admission;
    }
  }
  returned_ = 0;
  if (time_ms >= now_ms_) {
    now_ms_ = time_ms;
    ++counters_.on_time;
    admission.arrival = Arrival::kOnTime;
  } else {
    ++counters_.late;
    admission.arrival = Arrival::kLate;
  }
  CountAdmitted();
  return admission;
}

HeldFate Watermark::Finish() noexcept {
  if (!is_holding()) return HeldFate::kNone;
  ConfirmHeld();
  return HeldFate::kConfirmed;
}

void Watermark::ConfirmHeld() noexcept {
  // A step on top of a step that nobody has settled does not hide the time to which both may have to go back.
  if (!unsettled_) {
    unsettled_ = true;
    before_step_ms_ = now_ms_;
    since_step_ = 0;
  }
  now_ms_ = held_ms_;
  held_ms_ = kNone;
  ++counters_.on_time;
  CountAdmitted();
}

void Watermark::DropHeld() noexcept {
  held_ms_ = kNone;
  ++counters_.wild;
}

void Watermark::CountAdmitted() noexcept {
  if (unsettled_ && ++since_step_ >= kSettledAfter) unsettled_ = false;
}

bool Watermark::RollsBack(int64_t time_ms) noexcept {
  if (!unsettled_) return false;
  int64_t anchor_ms = before_step_ms_;
  if (anchor_ms == kNone) anchor_ms = returned_ > 0 ? returned_newest_ms_ : time_ms;
  if (time_ms < anchor_ms - lateness_ms_ || time_ms > anchor_ms + step_ms_) {
    returned_ = 0;
    return false;
  }
  returned_newest_ms_ = returned_ == 0 ? time_ms : std::max(returned_newest_ms_, time_ms);
  if (++returned_ < kRollbackAfter) return false;
  now_ms_ = std::max(before_step_ms_, returned_newest_ms_);
  unsettled_ = false;
  returned_ = 0;
  ++counters_.rollbacks;
  return true;
}

}  // namespace stockade
