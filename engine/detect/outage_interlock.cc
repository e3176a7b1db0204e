#include "engine/detect/outage_interlock.h"

#include <algorithm>

namespace stockade {
namespace {

constexpr float kUsualMin = 0.02F;
constexpr float kUsualMax = 0.15F;
constexpr float kTimesUsual = 3;
constexpr float kMargin = 0.1F;
// How fast the usual follows: a share of each attempt, some thousands of them.
constexpr float kPace = 1.0F / 4096;

}  // namespace

void OutageInterlock::Feed(bool failed, int64_t now_ms) noexcept {
  const int64_t number = now_ms / kBinMs;
  Bin& bin = bins_[static_cast<size_t>(number) % kBins];
  if (bin.number < number) bin = {number, 0, 0};
  if (bin.number == number) {
    ++bin.attempts;
    bin.failures += failed ? 1 : 0;
  }
  uint32_t attempts = 0;
  uint32_t failures = 0;
  for (const Bin& one : bins_) {
    if (one.number <= number - static_cast<int64_t>(kBins) || one.number > number) continue;
    attempts += one.attempts;
    failures += one.failures;
  }
  const float share = static_cast<float>(failures) / static_cast<float>(std::max(attempts, 1U));
  if (attempts >= kAttemptsMin && share > kTimesUsual * usual_ + kMargin) {
    until_ms_ = std::max(until_ms_, now_ms + kHoldMs);
    return;
  }
  if (IsOn(now_ms)) return;
  usual_ = std::clamp(usual_ + ((failed ? 1.0F : 0.0F) - usual_) * kPace, kUsualMin, kUsualMax);
}

}  // namespace stockade
