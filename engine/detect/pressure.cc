#include "engine/detect/pressure.h"

#include <algorithm>
#include <cmath>

#include "engine/window/decayed_score.h"

namespace stockade {
namespace {

// Of strangers: first logins, new devices, clients that were left behind. Lower quiet hours are luck.
constexpr float kBaseMin = 0.15F;
constexpr float kBaseMax = 0.45F;
constexpr float kLuck = 0.03F;
constexpr float kBaseStep = 0.2F;  // a day
constexpr float kHeadroom = 8;     // how far a chart climbs above h
constexpr int64_t kSilenceHolds = 4;
constexpr size_t kHoursToLearn = 8;
constexpr uint8_t kTooFew = 255;
constexpr int64_t kBaseHourMs = int64_t{3600} * 1000;

// ln(x) for x in [0.01, 100], from IEEE's four operations alone, so that a chart is the same on every machine: by halving the
// exponent away and a series in (x-1)/(x+1).
float Log(float x) noexcept {
  double value = x;
  int twos = 0;
  for (; value > 1.5; value /= 2) ++twos;
  for (; value < 0.75; value *= 2) --twos;
  const double t = (value - 1) / (value + 1);
  double power = t;
  double sum = 0;
  for (int i = 1; i < 24; i += 2, power *= t * t) sum += power / i;
  return static_cast<float>(2 * sum + twos * 0.6931471805599453);
}

}  // namespace

void PageCharts::SetBase(float p0) noexcept {
  for (size_t i = 0; i < kShares.size(); ++i) {
    const float p1 = 0.985F * kShares[i] + (1 - kShares[i]) * p0;
    of_failure_[i] = Log(p1 / p0);
    of_success_[i] = Log((1 - p1) / (1 - p0));
  }
}

void PageCharts::Add(bool failed, float h) noexcept {
  for (size_t i = 0; i < scores_.size(); ++i)
    scores_[i] = std::clamp(scores_[i] + (failed ? of_failure_[i] : of_success_[i]), 0.0F, h + kHeadroom);
}

void PageCharts::TakeBack(bool failed) noexcept {
  for (size_t i = 0; i < scores_.size(); ++i)
    scores_[i] = std::max(0.0F, scores_[i] - (failed ? of_failure_[i] : of_success_[i]));
}

bool PageCharts::IsAbove(float level) const noexcept {
  return std::ranges::any_of(scores_, [level](float score) { return score >= level; });
}

Pressure::Pressure(const PressureSettings& settings) : settings_(settings) {
  hours_.fill(kTooFew);
  charts_.SetBase(p0_);
  solved_.SetBase(p0_);
}

int Pressure::Level(int64_t now_ms) const noexcept {
  // Charts that nobody feeds any more say nothing.
  const bool fed = rate_ms_ != INT64_MIN && now_ms - rate_ms_ < kSilenceHolds * settings_.hold_ms;
  if (!(on_ && fed) && now_ms >= on_until_ms_) return 0;
  if (solver_alarm(now_ms)) return 3;
  const float contacts = failures_ + successes_;
  const float bad = contacts > 0 ? (failures_ - p0_ / (1 - p0_) * successes_) / contacts : 0;
  if (bad >= 0.9F && contacts >= kMostMin) return 3;
  return bad >= 0.5F && contacts >= kManyMin ? 2 : 1;
}

void Pressure::Decay(int64_t now_ms) noexcept {
  if (rate_ms_ != INT64_MIN && now_ms > rate_ms_) {
    failures_ = Decayed(failures_, now_ms - rate_ms_, kRateHalfLifeMs);
    successes_ = Decayed(successes_, now_ms - rate_ms_, kRateHalfLifeMs);
  }
  rate_ms_ = std::max(rate_ms_, now_ms);
}

void Pressure::Feed(bool failed, int64_t now_ms) noexcept {
  Learn(now_ms);
  Decay(now_ms);
  ++(failed ? failures_ : successes_);
  ++hour_contacts_;
  hour_failures_ += failed ? 1 : 0;
  charts_.Add(failed, settings_.h);
  if (charts_.IsAbove(settings_.h)) {
    on_ = true;
    on_until_ms_ = std::max(on_until_ms_, now_ms + settings_.hold_ms);
  } else if (!charts_.IsAbove(1)) {
    on_ = false;  // the hold still lasts
  }
}

void Pressure::Correct(int64_t now_ms) noexcept {
  charts_.TakeBack(true);
  failures_ = std::max(0.0F, failures_ - 1);
  if (hour_failures_ > 0) --hour_failures_;
  if (hour_contacts_ > 0) --hour_contacts_;
  Feed(false, now_ms);
}

void Pressure::FeedSolved(bool failed, int64_t now_ms) noexcept {
  solved_.Add(failed, settings_.h);
  if (solved_.IsAbove(settings_.h)) solved_until_ms_ = std::max(solved_until_ms_, now_ms + settings_.hold_ms);
}

void Pressure::Explained() noexcept {
  charts_.Clear();
  on_ = false;
  on_until_ms_ = INT64_MIN;
}

void Pressure::Learn(int64_t now_ms) noexcept {
  const int64_t hour = now_ms / kBaseHourMs;
  if (hour <= hour_) return;
  if (hour_ != INT64_MIN) {
    hours_[static_cast<size_t>(hour_) % kHours] =
        hour_contacts_ < kHourMin
            ? kTooFew
            : static_cast<uint8_t>(std::min<uint32_t>(hour_failures_ * 254 / hour_contacts_, 254));
    // Hours in which nobody came.
    for (int64_t between = hour_ + 1; between < std::min(hour, hour_ + static_cast<int64_t>(kHours));
         ++between)
      hours_[static_cast<size_t>(between) % kHours] = kTooFew;
  }
  const bool new_day = hour_ != INT64_MIN && hour / 24 != hour_ / 24;
  hour_ = hour;
  hour_failures_ = hour_contacts_ = 0;
  if (!new_day && learnt_) return;
  std::array<uint8_t, kHours> known;
  const auto end = std::copy_if(hours_.begin(), hours_.end(), known.begin(),
                                [](uint8_t share) { return share != kTooFew; });
  const auto count = static_cast<size_t>(end - known.begin());
  if (count < kHoursToLearn) return;
  const auto quartile = known.begin() + static_cast<std::ptrdiff_t>(count / 4);
  std::nth_element(known.begin(), quartile, end);
  // The least attacked hours were lucky ones, too.
  const float wanted = std::clamp(static_cast<float>(*quartile) / 254 + kLuck, kBaseMin, kBaseMax);
  // What was guessed at the start may have been far off.
  p0_ = learnt_ ? std::clamp(wanted, p0_ * (1 - kBaseStep), p0_ * (1 + kBaseStep)) : wanted;
  learnt_ = true;
  charts_.SetBase(p0_);
  solved_.SetBase(p0_);
}

}  // namespace stockade
