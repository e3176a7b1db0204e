// Which block holds a key: open addressing over slots of 8 bytes, each a 32-bit tag and a block number. Eight of them are a line of
// the cache, tags first, so that a line is looked through at once.
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

#include <array>
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
  const void* home(const Hash128& key) const noexcept { return &lines_[HomeLine(Tag(key))]; }

  // The first block for which is_key(block) among those whose tag fits; kNoBlock if there is none.
  template <typename IsKey>
  uint32_t Find(const Hash128& key, IsKey is_key) const noexcept {
    const uint32_t tag = Tag(key);
    for (size_t at = HomeLine(tag);; at = (at + 1) & (mask_ / kLineSlots)) {
      const Line& line = lines_[at];
      const Looked looked = Look(line, tag);
      // An empty slot's tag may be a key's as well: of those that fit, those in front of the first empty one.
      for (unsigned fits = looked.fits & ((looked.empty & -looked.empty) - 1); fits != 0; fits &= fits - 1) {
        const uint32_t block = line.blocks[static_cast<unsigned>(__builtin_ctz(fits))] - 1;
        if (is_key(block)) return block;
      }
      if (looked.empty != 0) return kNoBlock;
    }
  }

  // True if Insert would exceed the load that the last size allows; then something must be erased first.
  bool is_full() const noexcept { return size_ >= size_max_ && mask_ + 1 == slots_max_; }

  // `key` must not be in it, and is_full() must be false. block < 2^32 - 1.
  void Insert(const Hash128& key, uint32_t block) noexcept;
  // `key` must be in it under this block.
  void Erase(const Hash128& key, uint32_t block) noexcept;

  size_t size() const noexcept { return size_; }
  size_t bytes() const noexcept { return (mask_ + 1) * kSlotBytes; }

 private:
  static constexpr size_t kLineSlots = 64 / kSlotBytes;
  // Zeroed memory is an empty index: block numbers are stored plus one.
  struct alignas(64) Line {
    std::array<uint32_t, kLineSlots> tags;
    std::array<uint32_t, kLineSlots> blocks;
  };
  static_assert(sizeof(Line) == 64);

  // Of a line's slots, in their lowest bits: those whose tag fits, the empty ones.
  struct Looked {
    unsigned fits = 0;
    unsigned empty = 0;
  };
  static Looked Look(const Line& line, uint32_t tag) noexcept {
#ifdef __SSE2__
    // All at once: where in it the key is, or whether, is chance, and a loop that ends by chance is mispredicted every
    // other time.
    const auto* const tags = reinterpret_cast<const __m128i*>(line.tags.data());
    const auto* const blocks = reinterpret_cast<const __m128i*>(line.blocks.data());
    const auto equal = [](const __m128i* words, __m128i wanted) {
      return _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(words), wanted),
                             _mm_cmpeq_epi32(_mm_load_si128(words + 1), wanted));
    };
    const __m128i both = _mm_packs_epi16(equal(tags, _mm_set1_epi32(static_cast<int>(tag))),
                                         equal(blocks, _mm_setzero_si128()));
    const auto bits = static_cast<unsigned>(_mm_movemask_epi8(both));
    return {bits & 0xff, bits >> 8};
#else
    Looked looked;
    for (unsigned i = 0; i < kLineSlots; ++i) {
      looked.fits |= (line.tags[i] == tag ? 1u : 0u) << i;
      looked.empty |= (line.blocks[i] == 0 ? 1u : 0u) << i;
    }
    return looked;
#endif
  }

  static uint32_t Tag(const Hash128& key) noexcept {
    return static_cast<uint32_t>(key.low);
  }
  size_t HomeLine(uint32_t tag) const noexcept {
    return (tag & mask_) / kLineSlots;
  }
  // Of a slot of this tag: the first of its line.
  size_t Home(uint32_t tag) const noexcept {
    return HomeLine(tag) * kLineSlots;
  }
  uint32_t& tag_at(size_t slot) noexcept {
    return lines_[slot / kLineSlots].tags[slot % kLineSlots];
  }
  uint32_t& block_at(size_t slot) noexcept {
    return lines_[slot / kLineSlots].blocks[slot % kLineSlots];
  }
  void Place(uint32_t tag, uint32_t stored_block) noexcept;
  void Grow() noexcept;

  LazyMemory memory_;
  Line* lines_;
  size_t mask_;  // of slots
  size_t slots_max_;
  size_t size_ = 0;
  size_t size_max_;
};

}  // namespace stockade
