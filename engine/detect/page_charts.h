// Three Page charts over one stream of outcomes: whether more of it fails than honest ones do.
//
//   S ← min(h + 4, max(0, S + z)),   z = ln p₁/p₀ where one fails, ln (1-p₁)/(1-p₀) where not,   p₁ = 0.985 ρ + (1-ρ) p₀
//
// for an attack that is ρ = 0.1, 0.3 or 0.9 of the stream. 36 bytes, some 10 ns. Not thread-safe.
// Source: Page 1954; Javed, Paxson, CCS 2013.
#pragma once

#include <array>

namespace stockade {

class PageCharts {
 public:
  // What a failure and a success add to each chart, at this honest failure share, in (0, 1).
  void SetBase(float p0) noexcept;
  void Add(bool failed, float h) noexcept;
  // Takes back what was added, as well as that can be.
  void TakeBack(bool failed) noexcept;
  void Clear() noexcept { scores_ = {}; }
  bool IsAbove(float level) const noexcept;

 private:
  static constexpr std::array<float, 3> kShares = {0.1F, 0.3F, 0.9F};
  std::array<float, 3> scores_ = {};
  std::array<float, 3> of_failure_ = {};
  std::array<float, 3> of_success_ = {};
};

}  // namespace stockade
