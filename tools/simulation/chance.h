// Chance that is a function of a number: the same seed gives the same world on every machine.
//
// The standard library's distributions differ between libraries, and its logarithms between versions; so everything here
// is integer arithmetic. Numbers come from splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
// Generators", OOPSLA 2014); exponential waits from von Neumann's comparison of uniforms ("Various techniques used in
// connection with random digits", 1951), which needs no logarithm.
//
// Streams: what belongs to one customer, day or campaign is drawn from a stream of its own (Chance::Of). So a customer does
// the same things whether there is an attack beside him or not, and two runs can be compared customer by customer.
//
// Two draws never stand among the arguments of one call: compilers evaluate those in different orders.
//
// Shares are parts of a million (ppm). 8 bytes, 1 ns a draw, a wait 8 ns on average. Not thread-safe; copy it.
#pragma once

#include <cstdint>

namespace stockade {

inline constexpr uint32_t kMillion = 1'000'000;

// What a stream is for; two streams of one number and different purposes have nothing in common.
enum class Stream : uint64_t {
  kPopulation = 1,
  kDay,
  kVisit,
  kStaleClient,
  kCampaign,
  kToken,
  kPassword,
  kShock
};

class Chance {
 public:
  explicit constexpr Chance(uint64_t state) noexcept : state_(state) {}
  static constexpr Chance Of(uint64_t seed, Stream purpose, uint64_t first = 0,
                             uint64_t second = 0) noexcept {
    return Chance(Mix(Mix(Mix(seed ^ static_cast<uint64_t>(purpose) * kStep) + first) + second));
  }
  // A bijection of 64 bits in which every bit of the input moves every bit of the result.
  static constexpr uint64_t Mix(uint64_t x) noexcept {
    x += kStep;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }

  constexpr uint64_t Next() noexcept {
    const uint64_t drawn = Mix(state_);
    state_ += kStep;
    return drawn;
  }
  // 0 … bound - 1; bound > 0. The bias is below bound / 2^64.
  constexpr uint64_t Below(uint64_t bound) noexcept {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // low … high, both included.
  constexpr int64_t Between(int64_t low, int64_t high) noexcept {
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  constexpr bool Happens(uint32_t ppm) noexcept { return Below(kMillion) < ppm; }
  // Exponential with this mean, at least 0; in the unit of the mean.
  constexpr int64_t Wait(int64_t mean) noexcept {
    for (uint64_t whole = 0;; ++whole) {
      const uint64_t first = Next();
      uint64_t last = first;
      bool odd = true;  // length of the falling run so far
      for (uint64_t next = Next(); next < last; next = Next()) {
        last = next;
        odd = !odd;
      }
      if (!odd) continue;
      const unsigned __int128 fraction = static_cast<unsigned __int128>(mean) * (first >> 32) >> 32;
      return static_cast<int64_t>(whole) * mean + static_cast<int64_t>(fraction);
    }
  }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  uint64_t state_;
};

}  // namespace stockade
