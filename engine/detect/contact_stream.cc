#include "engine/detect/contact_stream.h"

#include <algorithm>

#include "engine/window/decayed_score.h"

namespace stockade {
namespace {

constexpr float kBaseStep = 0.2F;  // a day
constexpr float kFirstStep = 0.5F;
constexpr int64_t kSilenceHolds = 4;
constexpr size_t kBinsToLearn = 8;
constexpr int64_t kBaseHourMs = int64_t{3600} * 1000;

}  // namespace

ContactStream::ContactStream(const StreamPrior& prior, const PressureSettings& settings)
    : prior_(prior), settings_(settings), p0_(prior.base) {
  charts_.SetBase(p0_);
}

int ContactStream::Level(int64_t now_ms) const noexcept {
  // Charts that nobody feeds any more say nothing.
  if (!(on_ && IsFed(now_ms)) && now_ms >= on_until_ms_) return 0;
  const float contacts = failures_ + successes_;
  const float bad = contacts > 0 ? (failures_ - p0_ / (1 - p0_) * successes_) / contacts : 0;
  if (bad >= 0.9F && contacts >= kMostMin) return 3;
  return bad >= 0.5F && contacts >= kManyMin ? 2 : 1;
}

bool ContactStream::IsFed(int64_t now_ms) const noexcept {
  return rate_ms_ != INT64_MIN && now_ms - rate_ms_ < kSilenceHolds * settings_.hold_ms;
}

void ContactStream::Decay(int64_t now_ms) noexcept {
  if (rate_ms_ != INT64_MIN && now_ms > rate_ms_) {
    failures_ = Decayed(failures_, now_ms - rate_ms_, kRateHalfLifeMs);
    successes_ = Decayed(successes_, now_ms - rate_ms_, kRateHalfLifeMs);
  }
  rate_ms_ = std::max(rate_ms_, now_ms);
}

void ContactStream::Feed(bool failed, int64_t now_ms) noexcept {
  CloseBin(now_ms);
  // What was said before a silence is not said of now.
  if (!IsFed(now_ms)) {
    charts_.Clear();
    on_ = false;
  }
  Decay(now_ms);
  ++(failed ? failures_ : successes_);
  // What is seen while more fail than usual says nothing of what is usual.
  if (Level(now_ms) == 0) {
    ++bin_contacts_;
    bin_failures_ += failed ? 1 : 0;
  }
  charts_.Add(failed, h());
  if (charts_.IsAbove(h())) {
    on_ = true;
    on_until_ms_ = std::max(on_until_ms_, now_ms + settings_.hold_ms);
  } else if (!charts_.IsAbove(h() / 2)) {
    on_ = false;  // the hold still lasts
  }
}

void ContactStream::TakeBack(int64_t now_ms) noexcept {
  Decay(now_ms);
  charts_.TakeBack(true);
  failures_ = std::max(0.0F, failures_ - 1);
  if (bin_failures_ > 0) --bin_failures_;
  if (bin_contacts_ > 0) --bin_contacts_;
}

void ContactStream::CloseBin(int64_t now_ms) noexcept {
  const int64_t hour = now_ms / kBaseHourMs;
  if (hour <= hour_) return;
  hour_ = hour;
  if (bin_contacts_ < kBinMin) return;
  bins_[bin_count_++ % kBins] = static_cast<uint8_t>(bin_failures_ * 254 / bin_contacts_);
  bin_failures_ = bin_contacts_ = 0;
  const int64_t day = hour / 24;
  if (learnt_ && day == learnt_day_) return;
  learnt_day_ = day;
  LearnBase();
}

void ContactStream::LearnBase() noexcept {
  const size_t known = std::min(bin_count_, kBins);
  if (known < kBinsToLearn) return;
  std::array<uint8_t, kBins> sorted = bins_;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(known);
  const auto quartile = sorted.begin() + static_cast<std::ptrdiff_t>(known / 4);
  std::nth_element(sorted.begin(), quartile, end);
  const float wanted =
      std::clamp(static_cast<float>(*quartile) / 254 + prior_.luck, prior_.base_min, prior_.base_max);
  // What was guessed at the start may have been far off, but an attack may have been on since.
  const float step = learnt_ ? kBaseStep : kFirstStep;
  p0_ = std::clamp(wanted, p0_ * (1 - step), p0_ * (1 + step));
  learnt_ = true;
  charts_.SetBase(p0_);
}

}  // namespace stockade
