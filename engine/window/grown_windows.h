// The objects of those keys that have passed 64 values, under a ceiling in bytes of their own.
//
// Each belongs to one head block of the keyed table and has its number in it. This room only keeps them,
// counts their bytes, and names the one to go when room is needed: an expired one met on the way, else the
// least suspicious that a hand finds, as the table does with its blocks. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "engine/window/sliding_count.h"
#include "engine/window/sliding_distinct.h"
#include "engine/window/sliding_percentile.h"
#include "engine/window/sliding_sum.h"

namespace stockade {

using GrownWindow = std::variant<EstimatedCount, DistinctSample, SlidingSum, SlidingPercentile>;

class GrownWindows {
 public:
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr int kHandStepsMax = 64;

  explicit GrownWindows(size_t bytes_max);

  // The bytes that one more object of that size takes, with what the allocator adds.
  static size_t CostOf(size_t window_bytes) noexcept {
    return sizeof(GrownWindow) + window_bytes + kOverheadBytes;
  }
  bool HasRoomFor(size_t more_bytes) const noexcept {
    return bytes_ + more_bytes <= bytes_max_ && (!free_.empty() || slots_.size() < slots_max_);
  }

  uint32_t Insert(uint32_t head, std::unique_ptr<GrownWindow> window);
  void Erase(uint32_t number) noexcept;
  GrownWindow& at(uint32_t number) noexcept { return *slots_[number].window; }
  const GrownWindow& at(uint32_t number) const noexcept { return *slots_[number].window; }
  // After any change of the object: its bytes and its suspicion now.
  void Update(uint32_t number, uint8_t level) noexcept;

  // The head of the one to evict, which is not that of `pinned`; kNone if there is no other.
  // is_expired(head).
  template <typename IsExpired>
  uint32_t Victim(uint32_t pinned, IsExpired is_expired) noexcept {
    uint32_t best = kNone;
    uint8_t best_level = 16;
    size_t lowest = 0;
    while (lowest < 15 && levels_[lowest] == 0) ++lowest;
    int steps = 0;
    for (size_t looked = 0; looked < slots_.size() && steps < kHandStepsMax; ++looked) {
      hand_ = hand_ + 1 < slots_.size() ? hand_ + 1 : 0;
      const Slot& slot = slots_[hand_];
      if (slot.window == nullptr || hand_ == pinned) continue;
      ++steps;
      if (is_expired(slot.head)) return slot.head;
      if (slot.level < best_level) {
        best_level = slot.level;
        best = slot.head;
        if (best_level <= lowest) break;
      }
    }
    return best;
  }

  size_t bytes() const noexcept { return bytes_; }

 private:
  // What malloc puts around each of the up to three pieces of an object, and its slot here.
  static constexpr size_t kOverheadBytes = 3 * 16 + 48;

  struct Slot {
    std::unique_ptr<GrownWindow> window;
    size_t bytes = 0;
    uint32_t head = 0;
    uint8_t level = 0;
  };

  size_t bytes_max_;
  size_t slots_max_;
  size_t bytes_ = 0;
  size_t hand_ = 0;
  std::array<size_t, 16> levels_{};
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

inline size_t WindowBytes(const GrownWindow& window) noexcept {
  return std::visit([](const auto& w) { return w.bytes(); }, window);
}

}  // namespace stockade
