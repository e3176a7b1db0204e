// The value at a rank among the numbers of one key in the last span: exactly to 2,048 events, from a sample
// beyond.
//
// "Nearest rank": of n numbers in order, the one at ceil(percentile/100 · n). When kSampleMax are held, each
// is kept with chance 1/2 and from then on stands for two events; so is every second new one; and so on. When
// few are left, new ones are taken more often again. A number counts with the weight it was taken at, so the
// sample stays fair; of 1,024 numbers and more the standard error of the rank is at most 1/(2·sqrt(1024))
// = 1.6 %. Which events are taken is decided by a generator that starts the same for every window: the same
// events give the same answer. Nobody outside can know whether his event will be taken without knowing all
// others of the key. 16 bytes a number kept, at most 32 KiB. An event costs a binary search and the move of
// what is greater than it (at most 32 KiB, below 1 µs), and a pass over the sample when something ran out.
// Not thread-safe. Oracle: tests/oracle/window_oracle.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

class SlidingPercentile {
 public:
  static constexpr size_t kSampleMax = 2048;

  SlidingPercentile(uint32_t span, double percentile);

  size_t growth_bytes() const noexcept;
  size_t bytes() const noexcept { return numbers_.capacity() * sizeof(Number); }
  void Expire(uint32_t now) noexcept;
  // With may_grow false it samples earlier rather than allocates.
  void Add(uint32_t now, uint32_t time, double number, bool may_grow);

  // NaN if nothing is held. Of what the window held at its last Expire or Add.
  double Value() const noexcept;
  uint64_t Count() const noexcept { return weight_; }
  bool is_estimated() const noexcept { return has_sampled_; }
  uint32_t oldest_age(uint32_t now) const noexcept { return numbers_.empty() ? 0 : now - oldest_; }

 private:
  struct Number {
    double value;
    uint32_t time;
    uint32_t weight;
  };

  uint64_t NextRandom() noexcept;
  void Halve(uint32_t now) noexcept;
  void FindOldest(uint32_t now) noexcept;

  uint32_t span_;
  double percentile_;
  uint32_t weight_of_new_ = 1;
  uint64_t weight_ = 0;
  bool has_sampled_ = false;
  uint32_t oldest_ = 0;
  uint64_t random_ = 0;
  std::vector<Number> numbers_;  // by value
};

}  // namespace stockade
