#include "engine/window/grown_windows.h"

#include <utility>

namespace stockade {

GrownWindows::GrownWindows(size_t bytes_max) : bytes_max_(bytes_max), slots_max_(bytes_max / CostOf(256)) {
  // Reserved as addresses, so that growing never holds two copies; resident only as it is used.
  slots_.reserve(slots_max_);
  free_.reserve(slots_max_);
}

uint32_t GrownWindows::Insert(uint32_t head, std::unique_ptr<GrownWindow> window) {
  uint32_t number;
  if (free_.empty()) {
    number = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[number];
  slot.window = std::move(window);
  slot.head = head;
  slot.level = 0;
  slot.bytes = CostOf(WindowBytes(*slot.window));
  bytes_ += slot.bytes;
  ++levels_[0];
  return number;
}

void GrownWindows::Erase(uint32_t number) noexcept {
  Slot& slot = slots_[number];
  bytes_ -= slot.bytes;
  --levels_[slot.level];
  slot.window.reset();
  free_.push_back(number);
}

void GrownWindows::Update(uint32_t number, uint8_t level) noexcept {
  Slot& slot = slots_[number];
  const size_t bytes = CostOf(WindowBytes(*slot.window));
  bytes_ = bytes_ - slot.bytes + bytes;
  slot.bytes = bytes;
  --levels_[slot.level];
  slot.level = level;
  ++levels_[level];
}

}  // namespace stockade
