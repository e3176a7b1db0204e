// How long something took, from a microsecond to half an hour, as plain numbers that whoever holds them may copy under his
// own lock: eight buckets for each doubling, so that a quantile is at most an eighth too high, never too low. What took
// longer than the last bucket counts there. 2 KiB. Adding is some shifts. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace stockade {

struct DelayHistogram {
  static constexpr int kPartBits = 3;
  static constexpr uint64_t kParts = uint64_t{1} << kPartBits;
  static constexpr size_t kBuckets = 29 * kParts;  // up to 2^31 µs

  std::array<uint64_t, kBuckets> counts{};
  uint64_t count = 0;
  uint64_t sum_us = 0;

  // Microseconds below kParts have a bucket each.
  static constexpr size_t BucketOf(uint64_t us) noexcept {
    if (us < kParts) return static_cast<size_t>(us);
    const int doubling = static_cast<int>(std::bit_width(us)) - 1 - kPartBits;
    const size_t bucket = static_cast<size_t>(doubling) * kParts + static_cast<size_t>(us >> doubling);
    return std::min(bucket, kBuckets - 1);
  }
  // The first time that is above the bucket.
  static constexpr uint64_t EndUs(size_t bucket) noexcept {
    if (bucket < kParts) return bucket + 1;
    const uint64_t doubling = bucket / kParts - 1;
    return (bucket % kParts + kParts + 1) << doubling;
  }

  void Add(int64_t ns) noexcept {
    const auto us = static_cast<uint64_t>(std::max<int64_t>(ns, 0)) / 1000;
    ++counts[BucketOf(us)];
    ++count;
    sum_us += us;
  }
  // The time that a share of `quantile` in (0, 1] did not exceed; 0 of nothing.
  uint64_t QuantileUs(double quantile) const noexcept {
    if (count == 0) return 0;
    const double wanted = quantile * static_cast<double>(count);
    uint64_t seen = 0;
    size_t bucket = 0;
    for (; bucket < kBuckets; ++bucket) {
      seen += counts[bucket];
      if (seen > 0 && static_cast<double>(seen) >= wanted) break;
    }
    return EndUs(std::min(bucket, kBuckets - 1));
  }
};
static_assert(DelayHistogram::EndUs(DelayHistogram::BucketOf(7)) == 8);
static_assert(DelayHistogram::BucketOf(8) == 8 && DelayHistogram::EndUs(8) == 9);
static_assert(DelayHistogram::BucketOf(16) == 16 && DelayHistogram::EndUs(16) == 18);

}  // namespace stockade
