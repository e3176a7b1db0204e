#include "engine/detect/page_charts.h"

#include <algorithm>

namespace stockade {
namespace {

constexpr float kHeadroom = 4;  // how far a chart climbs above h

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

}  // namespace stockade
