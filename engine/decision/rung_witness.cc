#include "engine/decision/rung_witness.h"

#include <algorithm>

namespace stockade {

size_t RungWitness::SlotOf(const Prefix& network) const noexcept {
  return hash_.Short(network.address.high(), network.address.low(), 0) % kSlots;
}

void RungWitness::NoteFailure(const Address& source, int64_t time_ms) noexcept {
  const Prefix network = SourcePrefix(source);
  Slot& slot = (*slots_)[SlotOf(network)];
  const bool is_fresh = slot.time_ms > time_ms - kSpanMs;
  if (!is_fresh || !network.Contains(slot.last)) {
    slot = {source, time_ms, is_fresh};
    return;
  }
  slot.several |= slot.last != source;
  slot.last = source;
  slot.time_ms = std::max(slot.time_ms, time_ms);
}

std::optional<Address> RungWitness::Only(const Prefix& network, int64_t now_ms) const noexcept {
  const Slot& slot = (*slots_)[SlotOf(network)];
  if (slot.several || slot.time_ms <= now_ms - kSpanMs || !network.Contains(slot.last)) return std::nullopt;
  return slot.last;
}

}  // namespace stockade
