// Lanes out of a snapshot and into one.
#include <algorithm>

#include "engine/detect/lanes.h"

namespace stockade {

uint64_t Lanes::CopyShares(ShareKind kind, std::vector<uint32_t>* out) const {
  const TokenShares& shares = kind == ShareKind::kNetwork ? network_shares_ : device_shares_;
  out->assign(shares.counts().begin(), shares.counts().end());
  return shares.total();
}

void Lanes::CopyStepUps(std::vector<StepUp>* out) const {
  std::copy_if(step_ups_->begin(), step_ups_->end(), std::back_inserter(*out),
               [](const StepUp& step_up) { return step_up.tag != 0; });
}

void Lanes::RestoreShares(ShareKind kind, size_t row, size_t column,
                          std::span<const uint32_t> counts) noexcept {
  TokenShares& shares = kind == ShareKind::kNetwork ? network_shares_ : device_shares_;
  std::copy(counts.begin(), counts.end(),
            shares.counts().begin() + static_cast<std::ptrdiff_t>(row * kShareColumns + column));
}

void Lanes::RestoreShareTotal(ShareKind kind, uint64_t total) noexcept {
  (kind == ShareKind::kNetwork ? network_shares_ : device_shares_).set_total(total);
}

void Lanes::Restore(const StepUp& step_up) noexcept {
  (*step_ups_)[(step_up.tag >> 32) % kStepUps] = step_up;
  has_step_ups_ = true;
}

void Lanes::Clear() noexcept {
  records_.Clear();
  sketches_.Clear();
  network_shares_.set_total(0);
  device_shares_.set_total(0);
  step_ups_->fill(StepUp{});
  has_step_ups_ = false;
}

}  // namespace stockade
