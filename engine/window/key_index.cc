#include "engine/window/key_index.h"

#include "engine/status.h"

namespace stockade {

KeyIndex::KeyIndex(size_t slots_max) noexcept
    : memory_(slots_max * kSlotBytes),
      lines_(static_cast<Line*>(memory_.data())),
      mask_(kSlotsMin - 1),
      slots_max_(slots_max),
      size_max_(kSlotsMin / 4 * 3) {
  STOCKADE_CHECK(slots_max >= kSlotsMin && (slots_max & (slots_max - 1)) == 0);
  if (slots_max == kSlotsMin) size_max_ = kSlotsMin / 8 * 7;
}

void KeyIndex::Place(uint32_t tag, uint32_t stored_block) noexcept {
  size_t at = HomeLine(tag);
  unsigned empty = Look(lines_[at], tag).empty;
  for (; empty == 0; empty = Look(lines_[at], tag).empty) at = (at + 1) & (mask_ / kLineSlots);
  const auto slot = static_cast<size_t>(__builtin_ctz(empty));
  lines_[at].tags[slot] = tag;
  lines_[at].blocks[slot] = stored_block;
}

void KeyIndex::Insert(const Hash128& key, uint32_t block) noexcept {
  if (size_ >= size_max_) Grow();
  Place(Tag(key), block + 1);
  ++size_;
}

void KeyIndex::Erase(const Hash128& key, uint32_t block) noexcept {
  size_t hole = Home(Tag(key));
  while (block_at(hole) != block + 1) {
    STOCKADE_CHECK(block_at(hole) != 0);
    hole = (hole + 1) & mask_;
  }
  // Whatever follows in the same run and may stand in the hole moves there, and leaves the next hole.
  for (size_t at = (hole + 1) & mask_; block_at(at) != 0; at = (at + 1) & mask_) {
    const size_t home = Home(tag_at(at));
    if (((at - home) & mask_) >= ((at - hole) & mask_)) {
      tag_at(hole) = tag_at(at);
      block_at(hole) = block_at(at);
      hole = at;
    }
  }
  tag_at(hole) = 0;
  block_at(hole) = 0;
  --size_;
}

void KeyIndex::Grow() noexcept {
  const size_t slots_old = mask_ + 1;
  STOCKADE_CHECK(slots_old < slots_max_);
  mask_ = slots_old * 2 - 1;
  size_max_ = (mask_ + 1 == slots_max_) ? (mask_ + 1) / 8 * 7 : (mask_ + 1) / 4 * 3;
  // In place. Taken in the order of the old probing, from just after an empty slot: what a slot's run needs
  // before it has then been placed already, so no placement ever passes over a slot that is still to be
  // moved.
  size_t start = 0;
  while (block_at(start) != 0) ++start;
  for (size_t step = 1; step <= slots_old; ++step) {
    const size_t old = (start + step) & (slots_old - 1);
    const uint32_t block = block_at(old);
    if (block == 0) continue;
    const uint32_t tag = tag_at(old);
    tag_at(old) = 0;
    block_at(old) = 0;
    Place(tag, block);
  }
}

}  // namespace stockade
