// Remembers what was worked out for pairs of texts that come again and again: the JA4 and user agent of a login, of
// which a gateway sees the same few hundred all day, and whose hash costs more than everything else that is asked of
// an attempt.
//
// A value is given only for exactly the same bytes, so that what is remembered is what would be computed; texts that
// collide on purpose cost whoever sends them the computation. kSlots pairs of at most kBytesMax bytes together, ~260
// bytes each; longer ones (nobody honest sends them) are computed anew. A pair lies in one of kWays slots from its own
// on, the first that was free, so that popular pairs do not drive each other out while there is room for them all. A
// look-up that hits costs some 10 instructions and ~9 for each 16 bytes. No allocation after construction. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/event/byte_hash.h"

namespace stockade {

template <typename Value>
class PairMemo {
 public:
  static constexpr size_t kSlots = 512;
  static constexpr size_t kBytesMax = 224;
  // Of three hundred pairs hardly one finds its eight slots taken.
  static constexpr size_t kWays = 8;

  PairMemo() : tags_(kSlots), slots_(kSlots) {}

  // The value of this pair: a remembered one, or what `make()` gives, which is remembered.
  template <typename Make>
  Value Of(std::string_view first, std::string_view second, Make&& make) {
    if (first.size() + second.size() > kBytesMax) return make();
    // All bytes: user agents of one browser differ in a digit or two, anywhere.
    const uint64_t hash = FoldedProduct(HashBytes(first) ^ 0x9e3779b97f4a7c15, HashBytes(second));
    const auto home = static_cast<size_t>(hash);
    const uint32_t tag = static_cast<uint32_t>(hash >> 32) | 1;  // 0: nobody's
    size_t way = 0;
    for (; way < kWays; ++way) {
      const size_t at = (home + way) % kSlots;
      if (tags_[at] == tag && slots_[at].Holds(first, second)) return slots_[at].value;
      if (tags_[at] == 0) break;
    }
    if (way == kWays) way = turn_++ % kWays;
    const size_t at = (home + way) % kSlots;
    tags_[at] = tag;
    slots_[at].Take(first, second);
    return slots_[at].value = make();
  }

 private:
  struct Slot {
    uint8_t first_size = 0;
    uint8_t second_size = 0;
    Value value{};
    char bytes[kBytesMax];

    bool Holds(std::string_view first, std::string_view second) const noexcept {
      return first_size == first.size() && second_size == second.size() &&
             std::string_view(bytes, first_size) == first &&
             std::string_view(bytes + first_size, second_size) == second;
    }
    void Take(std::string_view first, std::string_view second) noexcept {
      first_size = static_cast<uint8_t>(first.size());
      second_size = static_cast<uint8_t>(second.size());
      if (!first.empty()) std::memcpy(bytes, first.data(), first.size());
      if (!second.empty()) std::memcpy(bytes + first.size(), second.data(), second.size());
    }
  };
  static_assert(kBytesMax <= 255);

  std::vector<uint32_t> tags_;  // of each slot's pair, with which most others are told apart
  std::vector<Slot> slots_;
  size_t turn_ = 0;
};

}  // namespace stockade
