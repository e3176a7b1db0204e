#include "engine/window/key_index.h"

#include "engine/status.h"

namespace stockade {

KeyIndex::KeyIndex(size_t slots_max) noexcept
    : memory_(slots_max * kSlotBytes),
      slots_(static_cast<Slot*>(memory_.data())),
      mask_(kSlotsMin - 1),
      slots_max_(slots_max),
      size_max_(kSlotsMin / 4 * 3) {
  STOCKADE_CHECK(slots_max >= kSlotsMin && (slots_max & (slots_max - 1)) == 0);
  if (slots_max == kSlotsMin) size_max_ = kSlotsMin / 8 * 7;
}

void KeyIndex::Place(Slot slot) noexcept {
  size_t at = Home(slot.tag);
  while (slots_[at].block != 0) at = (at + 1) & mask_;
  slots_[at] = slot;
}

void KeyIndex::Insert(const Hash128& key, uint32_t block) noexcept {
  if (size_ >= size_max_) Grow();
  Place(Slot{Tag(key), block + 1});
  ++size_;
}

void KeyIndex::Erase(const Hash128& key, uint32_t block) noexcept {
  size_t hole = Home(Tag(key));
  while (slots_[hole].block != block + 1) {
    STOCKADE_CHECK(slots_[hole].block != 0);
    hole = (hole + 1) & mask_;
  }
  // Whatever follows in the same run and may stand in the hole moves there, and leaves the next hole.
  for (size_t at = (hole + 1) & mask_; slots_[at].block != 0; at = (at + 1) & mask_) {
    const size_t home = Home(slots_[at].tag);
    if (((at - home) & mask_) >= ((at - hole) & mask_)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = Slot{0, 0};
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
  while (slots_[start].block != 0) ++start;
  for (size_t step = 1; step <= slots_old; ++step) {
    Slot& old = slots_[(start + step) & (slots_old - 1)];
    if (old.block == 0) continue;
    const Slot slot = old;
    old = Slot{0, 0};
    Place(slot);
  }
}

}  // namespace stockade
