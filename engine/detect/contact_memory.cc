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
  const auto now = static_cast<uint16_t>(time_ms / kTickMs);
  Place* const both = PlacesOf(pair);
  if (Place* const known = Find(both, PrintOf(pair)); known != nullptr) {
    const bool first = AgeOf(*known, now) >= ticks;
    if (first) known->tick = now;
    return first;
  }
  const bool replaces_first =
      both[0].print == 0 || (both[1].print != 0 && AgeOf(both[0], now) >= AgeOf(both[1], now));
  both[replaces_first ? 0 : 1] = {PrintOf(pair), now};
  return true;
}

bool ContactMemory::IsNew(uint64_t pair, int64_t time_ms, int ticks) noexcept {
  if (IsFirst(pair, time_ms, ticks)) return true;
  const auto now = static_cast<uint16_t>(time_ms / kTickMs);
  if (Place* const known = Find(PlacesOf(pair), PrintOf(pair)); AgeOf(*known, now) > 0) known->tick = now;
  return false;
}

bool ContactMemory::Forget(uint64_t pair, int64_t time_ms, int ticks) noexcept {
  Place* const known = Find(PlacesOf(pair), PrintOf(pair));
  if (known == nullptr) return false;
  const bool lately = AgeOf(*known, static_cast<uint16_t>(time_ms / kTickMs)) < ticks;
  *known = {};
  return lately;
}

}  // namespace stockade
