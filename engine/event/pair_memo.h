// Remembers what was worked out for pairs of texts that come again and again: the JA4 and user agent of a login, of
// which a gateway sees the same few hundred all day, and whose hash costs more than everything else that is asked of
// an attempt.
//
// A value is given only for exactly the same bytes, so that what is remembered is what would be computed; texts that
// collide on purpose cost whoever sends them the computation. Two-way: two popular pairs do not drive each other out.
// kSlots pairs of at most kBytesMax bytes together, ~260 bytes each; longer ones (nobody honest sends them) are
// computed anew. A look-up that hits costs 10 to 15 ns. No allocation after construction. Not thread-safe.
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

  PairMemo() : slots_(kSlots) {}

  // The value of this pair: a remembered one, or what `make()` gives, which is remembered.
  template <typename Make>
  Value Of(std::string_view first, std::string_view second, Make&& make) {
    if (first.size() + second.size() > kBytesMax) return make();
    const size_t place = PlaceOf(first, second);
    for (const size_t at : {place, place ^ 1}) {
      const Slot& slot = slots_[at];
      if (!slot.taken || slot.first_size != first.size() || slot.second_size != second.size()) continue;
      if (std::string_view(slot.bytes, first.size()) == first &&
          std::string_view(slot.bytes + first.size(), second.size()) == second) {
        return slot.value;
      }
    }
    turn_ ^= 1;
    Slot& slot = slots_[slots_[place].taken && (turn_ != 0 || !slots_[place ^ 1].taken) ? place ^ 1 : place];
    slot.value = make();
    slot.taken = true;
    slot.first_size = static_cast<uint8_t>(first.size());
    slot.second_size = static_cast<uint8_t>(second.size());
    if (!first.empty()) std::memcpy(slot.bytes, first.data(), first.size());
    if (!second.empty()) std::memcpy(slot.bytes + first.size(), second.data(), second.size());
    return slot.value;
  }

 private:
  struct Slot {
    bool taken = false;
    uint8_t first_size = 0;
    uint8_t second_size = 0;
    Value value{};
    char bytes[kBytesMax];
  };
  static_assert(kBytesMax <= 255);

  // All bytes: user agents of one browser differ in a digit or two, anywhere.
  static size_t PlaceOf(std::string_view first, std::string_view second) noexcept {
    const uint64_t mixed = HashBytes(first) * 0x9e3779b97f4a7c15ULL + HashBytes(second);
    return static_cast<size_t>((mixed ^ mixed >> 32) % kSlots);
  }

  std::vector<Slot> slots_;
  unsigned turn_ = 0;
};

}  // namespace stockade
