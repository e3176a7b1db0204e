// How long something took, in buckets fit for a gate that answers in microseconds: a Prometheus histogram, as plain
// numbers that whoever holds them may copy under his own lock. Adding is a few compares. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stockade {

struct LatencyHistogram {
  // Upper bounds, inclusive: from 1 µs, below which nothing is worth telling apart, to 1 ms, above which something is
  // wrong however much.
  static constexpr std::array<int64_t, 14> kBoundsNs = {1'000,   1'500,   2'000,   3'000,    5'000,
                                                        7'500,   10'000,  15'000,  20'000,   50'000,
                                                        100'000, 200'000, 500'000, 1'000'000};

  std::array<uint64_t, kBoundsNs.size() + 1> counts{};  // of each bucket alone; the last: above all bounds
  uint64_t count = 0;
  int64_t sum_ns = 0;

  void Add(int64_t ns) noexcept {
    size_t bucket = 0;
    while (bucket < kBoundsNs.size() && ns > kBoundsNs[bucket]) ++bucket;
    ++counts[bucket];
    ++count;
    sum_ns += ns;
  }
};

}  // namespace stockade
