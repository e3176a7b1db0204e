// Settling, of metric M3: how many attempts of an attack it takes until it is stopped for good.
//
// Settled is the first attempt from which on at least kSettledPercent of the next kSettlingAttempts are stopped; an attack with
// fewer attempts, where that is so of all of them. O(attempts), whatever happens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

inline constexpr size_t kSettlingAttempts = 200;
inline constexpr size_t kSettledPercent = 95;

struct Settling {
  bool settled = false;
  size_t after = 0;  // attempts before
};

// `stopped`: of each attempt in order.
inline Settling FindSettling(const std::vector<bool>& stopped) {
  const size_t window = std::min(kSettlingAttempts, stopped.size());
  if (window == 0) return {};
  size_t inside =
      static_cast<size_t>(std::count(stopped.begin(), stopped.begin() + static_cast<int64_t>(window), true));
  for (size_t begin = 0; begin + window <= stopped.size(); ++begin) {
    if (inside * 100 >= window * kSettledPercent) return {true, begin};
    if (stopped[begin]) --inside;
    if (begin + window < stopped.size() && stopped[begin + window]) ++inside;
  }
  return {};
}

}  // namespace stockade
