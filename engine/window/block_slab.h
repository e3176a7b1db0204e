// The cache lines of the keyed table: how one is laid out, and where free ones come from.
//
// A key is one HeadBlock. While it counts more than fits there it owns up to 8 plain Blocks of 16 words more;
// beyond 64 values its head holds the number of an object instead. Blocks are numbered from 0 in the order
// they were first used; the slab never moves or returns one, and gives freed ones out again, last freed
// first. Not thread-safe. noexcept throughout.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/event/keyed_hash.h"
#include "engine/status.h"
#include "engine/window/lazy_memory.h"

namespace stockade {

struct alignas(64) Block {
  std::array<uint32_t, 16> words;
};
static_assert(sizeof(Block) == 64);

struct alignas(64) HeadBlock {
  static constexpr uint8_t kGrown = 255;
  static constexpr int kTimesInline = 8;
  static constexpr int kTagsInline = 4;
  static constexpr int kNumbersInline = 2;

  Hash128 key;
  // The newest event of the key. Times below are the low 32 bits of milliseconds, all less than a span older.
  int64_t newest_ms;
  uint32_t fired;  // low 32 bits; 0: never
  uint16_t window;
  uint8_t size;       // values held; kGrown: they are in object payload[0]
  uint8_t links : 4;  // blocks owned beyond this one, their numbers in payload[0..links)
  uint8_t level : 4;  // suspicion, 0 to 15
  // Without links: times[8], oldest first; or tags[4], times[4]; or 2 numbers (double), then their times[2].
  // With links, by kind: every block 16 times; or blocks of 16 tags and of 16 times in turn.
  std::array<uint32_t, 8> payload;

  bool is_grown() const noexcept { return size == kGrown; }
};
static_assert(sizeof(HeadBlock) == 64);

class BlockSlab {
 public:
  explicit BlockSlab(size_t blocks_max) noexcept
      : blocks_(blocks_max * sizeof(Block)), is_head_(blocks_max / 8 + 8), blocks_max_(blocks_max) {}

  bool is_reserved() const noexcept { return blocks_.data() != nullptr && is_head_.data() != nullptr; }

  Block& block(uint32_t number) noexcept { return static_cast<Block*>(blocks_.data())[number]; }
  const Block& block(uint32_t number) const noexcept {
    return static_cast<const Block*>(blocks_.data())[number];
  }
  HeadBlock& head(uint32_t number) noexcept { return static_cast<HeadBlock*>(blocks_.data())[number]; }
  const HeadBlock& head(uint32_t number) const noexcept {
    return static_cast<const HeadBlock*>(blocks_.data())[number];
  }

  bool is_exhausted() const noexcept { return free_count_ == 0 && used_ == blocks_max_; }

  // is_exhausted() must be false. The block's content is whatever was there.
  uint32_t Take() noexcept {
    if (free_count_ > 0) {
      const uint32_t number = free_head_;
      free_head_ = block(number).words[0];
      --free_count_;
      return number;
    }
    STOCKADE_CHECK(used_ < blocks_max_);
    return static_cast<uint32_t>(used_++);
  }
  void Give(uint32_t number) noexcept {
    block(number).words[0] = free_head_;
    free_head_ = number;
    ++free_count_;
  }

  // Which blocks are heads, for whoever walks over them.
  void MarkHead(uint32_t number) noexcept { words()[number / 64] |= uint64_t{1} << (number % 64); }
  void UnmarkHead(uint32_t number) noexcept { words()[number / 64] &= ~(uint64_t{1} << (number % 64)); }
  bool is_head(uint32_t number) const noexcept { return (words()[number / 64] >> (number % 64) & 1) != 0; }
  // The first head at or after `number`, going round; there must be one.
  uint32_t NextHead(uint32_t number) const noexcept {
    size_t word = number / 64;
    uint64_t bits = words()[word] & (~uint64_t{0} << (number % 64));
    const size_t words_used = used_ / 64 + 1;
    while (bits == 0) {
      if (++word >= words_used) word = 0;
      bits = words()[word];
    }
    return static_cast<uint32_t>(word * 64 + static_cast<size_t>(__builtin_ctzll(bits)));
  }

  size_t used() const noexcept { return used_; }
  size_t bytes() const noexcept { return used_ * sizeof(Block) + used_ / 8 + 8; }

 private:
  uint64_t* words() noexcept { return static_cast<uint64_t*>(is_head_.data()); }
  const uint64_t* words() const noexcept { return static_cast<const uint64_t*>(is_head_.data()); }

  LazyMemory blocks_;
  LazyMemory is_head_;
  size_t blocks_max_;
  size_t used_ = 0;
  size_t free_count_ = 0;
  uint32_t free_head_ = 0;
};

}  // namespace stockade
