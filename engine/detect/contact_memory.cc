#include "engine/detect/contact_memory.h"

#include <algorithm>
#include <bit>
#include <new>

namespace stockade {

ContactMemory::ContactMemory(size_t bytes)
    : memory_(std::bit_floor(std::max(bytes, size_t{4096}))),
      places_(static_cast<Place*>(memory_.data())),
      mask_(memory_.bytes() / sizeof(Place) - 1) {
  if (places_ == nullptr) throw std::bad_alloc();
}

bool ContactMemory::IsFirst(uint64_t pair, int64_t time_ms, int ticks) noexcept {
  const auto print = static_cast<uint16_t>((pair >> 48) | 1);
  const auto now = static_cast<uint16_t>(time_ms / kTickMs);
  const auto age = [now](const Place& place) {
    const auto passed = static_cast<uint16_t>(now - place.tick);
    return passed < 0x8000 ? static_cast<int>(passed) : 0;  // of a late event
  };
  Place* const both = &places_[pair & mask_ & ~size_t{1}];
  for (Place* place = both; place != both + 2; ++place) {
    if (place->print != print) continue;
    const bool first = age(*place) >= ticks;
    if (first) place->tick = now;
    return first;
  }
  Place* const older =
      both[0].print == 0 || (both[1].print != 0 && age(both[0]) >= age(both[1])) ? &both[0] : &both[1];
  *older = {print, now};
  return true;
}

bool ContactMemory::Forget(uint64_t pair, int64_t time_ms, int ticks) noexcept {
  const auto print = static_cast<uint16_t>((pair >> 48) | 1);
  const auto now = static_cast<uint16_t>(time_ms / kTickMs);
  Place* const both = &places_[pair & mask_ & ~size_t{1}];
  for (Place* place = both; place != both + 2; ++place) {
    if (place->print != print) continue;
    const auto age = static_cast<uint16_t>(now - place->tick);
    *place = {};
    return age >= 0x8000 || age < ticks;
  }
  return false;
}

}  // namespace stockade
