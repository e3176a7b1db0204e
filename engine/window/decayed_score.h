// A number that forgets: it halves every half-life. For scores of evidence and for shares of what is recent.
//
// By a table of 1/256 half-lives and by powers of two, so that it is the same on every machine; within 0.3 % of 2^(-age/T). A
// late event (age below 0) forgets nothing. A few nanoseconds. Oracle: std::exp2, in tests/engine/window/decayed_score_test.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stockade {

inline constexpr size_t kHalvingSteps = 256;

constexpr std::array<float, kHalvingSteps> MakeHalvings() {
  std::array<float, kHalvingSteps> halvings{};
  double value = 1;
  for (float& entry : halvings) {
    entry = static_cast<float>(value);
    value *= 0.99729605608547013;  // 2^(-1/256)
  }
  return halvings;
}
inline constexpr std::array<float, kHalvingSteps> kHalvings = MakeHalvings();

// What is left of `value` after `age_ms`; `half_life_ms` > 0.
constexpr float Decayed(float value, int64_t age_ms, int64_t half_life_ms) noexcept {
  if (age_ms <= 0 || value == 0) return value;
  const int64_t halves = age_ms / half_life_ms;
  if (halves >= 64) return 0;
  const auto step =
      static_cast<size_t>((age_ms % half_life_ms) * static_cast<int64_t>(kHalvingSteps) / half_life_ms);
  return value * kHalvings[step] / static_cast<float>(uint64_t{1} << halves);
}

}  // namespace stockade
