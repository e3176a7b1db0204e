// The hash of a field's value, for window keys and distinct counts: computed once an event, however many
// rules ask.
//
// Equal values have equal hashes, and unequal ones do not: 128 bits under the configured key, of SipHash-2-4 for texts, of
// WordHash for addresses, networks and AS numbers.
// What is equal is decided here: source.ip by the folded address, not its spelling; source.prefix by the
// network; source.as.number by the number; source.fingerprint by JA4 and user agent together; everything else
// by its bytes, so "Alice" and "alice" are two accounts. A null counts as absent; of a list the first value
// counts.
//
// Cost: 5 ns an address, 20-40 ns a short text the first time, nothing after that. Long texts that come again and again (user
// agents) are remembered in a small direct-mapped memo, compared byte for byte. No allocation after
// construction, save where the memo first sees a longer text. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/event/field.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"
#include "engine/event/pair_memo.h"

namespace stockade {

class GroupKeys {
 public:
  explicit GroupKeys(const HashKey& key) noexcept : key_(key), words_(key, "group keys") {}

  // The number by which a field is asked for; the same for the same field. At construction time of the rules only.
  uint16_t SlotOf(FieldId field);
  // Whether SlotOf was ever asked for it.
  bool Has(FieldId field) const noexcept;

  // Starts with an event, which must live until the next Begin.
  void Begin(const LoginEvent& event) noexcept;
  // The hash of the field's value in the current event; null if it is absent. The pointer lives until the
  // next Begin.
  const Hash128* Find(uint16_t slot_number) noexcept {
    Slot& slot = slots_[slot_number];
    if (slot.event != event_number_) {
      slot.event = event_number_;
      slot.present = Compute(slot.field, &slot.hash);
    }
    return slot.present ? &slot.hash : nullptr;
  }

 private:
  struct Slot {
    uint64_t event = 0;  // the number of the event this was computed for
    FieldId field{};
    bool present = false;
    Hash128 hash;
  };
  struct Remembered {
    std::string text;
    Hash128 hash;
  };
  // 256 texts hold every user agent that matters at one gateway: the hundred most common make up more than 90
  // % of browser traffic.
  static constexpr size_t kMemoSlots = 256;
  // Longer texts are not remembered; shorter ones hash faster than they compare.
  static constexpr size_t kMemoBytesMax = 512;
  static constexpr size_t kMemoBytesMin = 24;

  Hash128 HashText(std::string_view text) noexcept;
  bool Compute(FieldId field, Hash128* hash) noexcept;

  HashKey key_;
  WordHash words_;
  std::vector<Slot> slots_;
  std::array<Remembered, kMemoSlots> memo_;
  PairMemo<Hash128> fingerprints_;  // of JA4 and user agent
  FieldScratch scratch_;
  const LoginEvent* event_ = nullptr;
  uint64_t event_number_ = 0;
};

}  // namespace stockade
