#include "engine/decision/lifted_targets.h"

#include <algorithm>

namespace stockade {

void LiftedTargets::Note(const Decision& decision) {
  newest_ms_ = std::max(newest_ms_, now_ms_);
  if (const uint32_t known = index_.Find(decision); known != TargetIndex::kNone) {
    times_ms_[known] = now_ms_;
    return;
  }
  if (times_ms_.size() == kTargetsMax) {
    all_ms_ = now_ms_;
    index_.Clear();
    times_ms_.clear();
  }
  if (index_.Set(decision, static_cast<uint32_t>(times_ms_.size()))) times_ms_.push_back(now_ms_);
}

bool LiftedTargets::FreesSlowly(const Attempt& attempt, int64_t fired_ms) const noexcept {
  if (fired_ms <= all_ms_) return true;
  bool freed = false;
  index_.VisitSource(attempt, nullptr, [&](uint32_t at) { freed |= fired_ms <= times_ms_[at]; });
  const uint32_t account = index_.FindAccount(attempt);
  return freed || (account != TargetIndex::kNone && fired_ms <= times_ms_[account]);
}

}  // namespace stockade
