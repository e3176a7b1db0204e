// Which block holds a key: open addressing over slots of 8 bytes, each a 32-bit tag and a block number.
//
// The tag is 32 bits of the key's hash and its low bits say which line of the cache is its home. So growing and
// deleting never look at a block, and a look-up visits a wrong block once in 2^32 · load times. Linear probing from the
// begin of that line: with the line fetched ahead, hardly any look-up waits for another. Deletion by shifting back: no
// tombstones, so a table that lives for months at its ceiling stays as fast as a fresh one.
// Starts small and doubles in place, in memory reserved for slots_max, when 3/4 full; at its last size it
// takes 7/8. Doubling takes about 5 ns a key, once.
//
// Keys must be outputs of a keyed hash. Find, Insert, Erase: O(1) expected, noexcept. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/event/keyed_hash.h"
#include "engine/window/lazy_memory.h"

namespace stockade {

class KeyIndex {
 public:
  static constexpr uint32_t kNoBlock = 0xffffffff;
  static constexpr size_t kSlotBytes = 8;
  static constexpr size_t kSlotsMin = 4096;

  // slots_max is a power of two, kSlotsMin to 2^32.
  explicit KeyIndex(size_t slots_max) noexcept;

  bool is_reserved() const noexcept { return memory_.data() != nullptr; }

  // Where the search for a key begins, to be prefetched by the caller: GCC takes a function that does nothing
  // but prefetch for one that does nothing, and drops the call.
  const void* home(const Hash128& key) const noexcept { return slots_ + Home(Tag(key)); }

  // The first block for which is_key(block) among those whose tag fits; kNoBlock if there is none.
  template <typename IsKey>
  uint32_t Find(const Hash128& key, IsKey is_key) const noexcept {
    const uint32_t tag = Tag(key);
#ifdef __SSE2__
    // A whole line at once: where in it the key is, or whether, is chance, and a loop that ends by chance is mispredicted
    // every other time.
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
    for (size_t line = Home(tag);; line = (line + kLineSlots) & mask_) {
      const auto* const slots = reinterpret_cast<const __m128i*>(slots_ + line);
      unsigned fits = 0;
      unsigned empty = 0;
      for (unsigned i = 0; i < kLineSlots; i += 4) {
        const __m128 first = _mm_castsi128_ps(_mm_load_si128(slots + i / 2));
        const __m128 second = _mm_castsi128_ps(_mm_load_si128(slots + i / 2 + 1));
        const __m128i tags = _mm_castps_si128(_mm_shuffle_ps(first, second, 0x88));
        const __m128i blocks = _mm_castps_si128(_mm_shuffle_ps(first, second, 0xdd));
        const auto bits = [](__m128i lanes) {
          return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(lanes)));
        };
        fits |= bits(_mm_cmpeq_epi32(tags, wanted)) << i;
        empty |= bits(_mm_cmpeq_epi32(blocks, _mm_setzero_si128())) << i;
      }
      // An empty slot's tag may be a key's as well: of those that fit, those in front of the first empty one.
      for (fits &= (empty & -empty) - 1; fits != 0; fits &= fits - 1) {
        const uint32_t block = slots_[line + static_cast<unsigned>(__builtin_ctz(fits))].block - 1;
        if (is_key(block)) return block;
      }
      if (empty != 0) return kNoBlock;
    }
#else
    for (size_t at = Home(tag);; at = (at + 1) & mask_) {
      const Slot slot = slots_[at];
      if (slot.block == 0) return kNoBlock;
      if (slot.tag == tag && is_key(slot.block - 1)) return slot.block - 1;
    }
#endif
  }

  // True if Insert would exceed the load that the last size allows; then something must be erased first.
  bool is_full() const noexcept {
    return size_ >= size_max_ && mask_ + 1 == slots_max_;
  }

  // `key` must not be in it, and is_full() must be false. block < 2^32 - 1.
  void Insert(const Hash128& key, uint32_t block) noexcept;
  // `key` must be in it under this block.
  void Erase(const Hash128& key, uint32_t block) noexcept;

  size_t size() const noexcept {
    return size_;
  }
  size_t bytes() const noexcept {
    return (mask_ + 1) * kSlotBytes;
  }

 private:
  // Zeroed memory is an empty index: block numbers are stored plus one.
  struct Slot {
    uint32_t tag;
    uint32_t block;
  };
  static_assert(sizeof(Slot) == kSlotBytes);

  // Of a slot, the first of its line.
  static constexpr size_t kLineSlots = 64 / kSlotBytes;
  size_t Home(uint32_t tag) const noexcept {
    return tag & mask_ & ~(kLineSlots - 1);
  }
  static uint32_t Tag(const Hash128& key) noexcept {
    return static_cast<uint32_t>(key.low);
  }
  void Place(Slot slot) noexcept;
  void Grow() noexcept;

  LazyMemory memory_;
  Slot* slots_;
  size_t mask_;
  size_t slots_max_;
  size_t size_ = 0;
  size_t size_max_;
};

}  // namespace stockade
