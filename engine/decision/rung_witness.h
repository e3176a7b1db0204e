// Which of a network's addresses failed lately: one, or several. A rule that counts over a network and answers with an order
// on the network must not drag neighbours along when a single address did it all.
//
// A network's last failing address is kept for an hour, and whether there was another. A direct-mapped table of kSlots: where
// two networks fall on one slot the newer is kept, without knowing what came before: Only gives nothing for either, so that
// the rule's own order stands. Note costs one look-up in 1 MiB. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "engine/event/address.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

class RungWitness {
 public:
  static constexpr int64_t kSpanMs = int64_t{3600} * 1000;
  static constexpr size_t kSlots = size_t{1} << 15;

  explicit RungWitness(const HashKey& key) : hash_(key, "rungs"), slots_(std::make_unique<Slots>()) {}

  void NoteFailure(const Address& source, int64_t time_ms) noexcept;
  // Hints that a failure of this source may be noted soon.
  void Prefetch(const Address& source) const noexcept {
    __builtin_prefetch(&(*slots_)[SlotOf(SourcePrefix(source))]);
  }
  // The address that alone failed within this network (the source's prefix) lately; nothing where several did, or where that is
  // not known.
  std::optional<Address> Only(const Prefix& network, int64_t now_ms) const noexcept;

 private:
  struct Slot {
    Address last;
    int64_t time_ms = INT64_MIN;
    bool several = false;
  };
  using Slots = std::array<Slot, kSlots>;
  size_t SlotOf(const Prefix& network) const noexcept;

  WordHash hash_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace stockade
