// Whether a pair (of a key and an account) has been seen lately: so that evidence counts first contacts only.
//
// A table of 16-bit fingerprints and times, two places to a pair, the older giving way. A pair that is not known may be taken
// for a known one (once in 30,000: evidence that is lost, the safe side); under a flood of pairs a known one is forgotten early
// and counts anew. Times are quarters of an hour. 4 bytes a place. O(1), noexcept, no allocation after construction. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/window/lazy_memory.h"

namespace stockade {

class ContactMemory {
 public:
  static constexpr int64_t kTickMs = 15 * 60 * 1000;
  static constexpr int kDay = 96;  // ticks

  // `bytes` are rounded down to a power of two, at least 4 KiB. Throws std::bad_alloc where the system refuses.
  explicit ContactMemory(size_t bytes);

  // True the first time within `ticks`; notes it. `pair`: a keyed hash.
  bool IsFirst(uint64_t pair, int64_t time_ms, int ticks) noexcept;
  // True where it was not seen within `ticks`; being seen puts off when it will be new again.
  bool IsNew(uint64_t pair, int64_t time_ms, int ticks) noexcept;
  // Brings closer what IsFirst of this pair will read.
  void Prefetch(uint64_t pair) const noexcept { __builtin_prefetch(PlacesOf(pair)); }
  // Whether it was noted within `ticks`; it is no more.
  bool Forget(uint64_t pair, int64_t time_ms, int ticks) noexcept;
  size_t bytes() const noexcept { return memory_.bytes(); }

 private:
  struct Place {
    uint16_t print = 0;  // 0: free
    uint16_t tick = 0;
  };
  // In ticks; of a late event 0.
  static int AgeOf(const Place& place, uint16_t now) noexcept {
    const auto passed = static_cast<uint16_t>(now - place.tick);
    return passed < 0x8000 ? passed : 0;
  }
  // The place of this pair where there is one; else null. `both`: where it may be.
  static Place* Find(Place* both, uint16_t print) noexcept {
    return both[0].print == print ? &both[0] : both[1].print == print ? &both[1] : nullptr;
  }
  static uint16_t PrintOf(uint64_t pair) noexcept { return static_cast<uint16_t>((pair >> 48) | 1); }
  Place* PlacesOf(uint64_t pair) const noexcept { return &places_[pair & mask_ & ~size_t{1}]; }

  LazyMemory memory_;
  Place* places_;
  size_t mask_;
};

// The pair of two keyed hashes; `kind` keeps pairs of different meaning apart.
constexpr uint64_t PairOf(uint64_t key, uint64_t account, uint64_t kind) noexcept {
  uint64_t mixed = key ^ (account * 0x9e3779b97f4a7c15ULL) ^ (kind * 0xc2b2ae3d27d4eb4fULL);
  mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93ULL;
  return mixed ^ (mixed >> 29);
}

}  // namespace stockade
