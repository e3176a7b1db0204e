// D7a, the outage interlock: when the customers who are at home fail, it is not they who are the attack.
//
// Of the certified and familiar lanes, in bins of ten seconds over a minute: at least kAttemptsMin attempts, and a share of failures
// above three times what is usual (a day's average, within [0.02, 0.15]), plus a tenth. While it holds, and for a minute
// after: nothing is learnt from failures, nothing is denied by a detector (challenged instead), and an alarm says why. A reset day, a
// broken password store, a bug in a password manager look like this.
//
// O(1), below 200 bytes. Deterministic; not thread-safe. Source: detectors.md, D7.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stockade {

class OutageInterlock {
 public:
  static constexpr int64_t kBinMs = 10'000;
  static constexpr size_t kBins = 6;
  static constexpr uint32_t kAttemptsMin = 50;
  static constexpr int64_t kHoldMs = 60'000;

  // The outcome of somebody in an upper lane; of an account's failures the first of a quarter of an hour.
  void Feed(bool failed, int64_t now_ms) noexcept;
  bool IsOn(int64_t now_ms) const noexcept { return now_ms < until_ms_; }
  // The share of failures it went by.
  float usual() const noexcept { return usual_; }

 private:
  struct Bin {
    int64_t number = INT64_MIN;
    uint32_t attempts = 0;
    uint32_t failures = 0;
  };
  std::array<Bin, kBins> bins_;
  float usual_ = 0.1F;
  int64_t until_ms_ = INT64_MIN;
};

}  // namespace stockade
