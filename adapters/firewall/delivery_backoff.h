// When to try again: after each failure in a row twice the wait, from the first to the longest, less up to a half of it at
// random, so that those who failed together do not come back together. Steady nanoseconds. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stockade {

class DeliveryBackoff {
 public:
  // 0 < first_ns; a longest below it counts as equal. Same seed, same waits.
  DeliveryBackoff(int64_t first_ns, int64_t longest_ns, uint64_t seed)
      : first_ns_(std::max<int64_t>(first_ns, 1)),
        longest_ns_(std::max(first_ns_, longest_ns)),
        state_(seed) {}

  void Fail(int64_t now_ns) noexcept {
    if (failures_++ == 0) {
      failing_since_ns_ = now_ns;
      wait_ns_ = first_ns_;
    } else {
      wait_ns_ = wait_ns_ > longest_ns_ / 2 ? longest_ns_ : 2 * wait_ns_;
    }
    const double share = 0.5 + 0.5 * Random();
    retry_at_ns_ = now_ns + std::max<int64_t>(static_cast<int64_t>(static_cast<double>(wait_ns_) * share), 1);
  }
  void Succeed() noexcept {
    failures_ = 0;
    retry_at_ns_ = INT64_MIN;
  }
  void RetryAt(int64_t now_ns) noexcept { retry_at_ns_ = std::min(retry_at_ns_, now_ns); }

  bool failing() const noexcept { return failures_ > 0; }
  int64_t failing_since_ns() const noexcept { return failing_since_ns_; }
  int64_t retry_at_ns() const noexcept { return retry_at_ns_; }  // INT64_MIN: at once

 private:
  // SplitMix64 (Steele, Lea, Flood 2014), in [0, 1).
  double Random() noexcept {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((bits ^ (bits >> 31)) >> 11) * 0x1p-53;
  }

  int64_t first_ns_;
  int64_t longest_ns_;
  uint64_t state_;
  int64_t wait_ns_ = 0;
  uint64_t failures_ = 0;
  int64_t failing_since_ns_ = 0;
  int64_t retry_at_ns_ = INT64_MIN;
};

}  // namespace stockade
