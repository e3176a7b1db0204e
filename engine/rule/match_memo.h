// Remembers which patterns matched the values a field had lately, because most fields of a login say the same
// few things: a thousand user agents make up almost all traffic. Against eight plain patterns a match with a
// remembered user agent takes 38 ns, with a scanned one 64 (bench/rule_bench); with more patterns the scan
// grows and the memo does not.
//
// A value is found only if all its bytes are equal, so an answer from here is the answer of the scan,
// whatever a stranger puts into the field; colliding values on purpose only makes him lose the memo, for a
// scan each. Two-way associative: kSlots values of at most kValueBytesMax bytes with at most kIdsMax matches
// each, ~50 KiB, allocated at construction. A field whose values do not repeat (account names under a spray)
// is noticed: if fewer than one in eight of kTrial look-ups hit, the memo stands aside for kRest values. Not
// thread-safe; noexcept; allocates nothing later.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/event/byte_hash.h"

namespace stockade {

class MatchMemo {
 public:
  static constexpr size_t kSlots = 256;
  static constexpr size_t kValueBytesMax = 160;
  static constexpr size_t kIdsMax = 12;
  static constexpr uint32_t kTrial = 512;
  static constexpr uint32_t kRest = 16384;

  MatchMemo() = default;  // remembers nothing
  static MatchMemo Make() {
    MatchMemo memo;
    memo.slots_.resize(kSlots);
    return memo;
  }

  // Whether this value should be looked up, and stored if it is not found. Call once a value, before Find.
  bool Takes(std::string_view value) noexcept {
    if (slots_.empty() || value.size() > kValueBytesMax || value.empty()) return false;
    if (rest_ > 0) [[unlikely]] {
      --rest_;
      return false;
    }
    if (++looked_ == kTrial) [[unlikely]] {
      if (found_ < kTrial / 8) rest_ = kRest;
      looked_ = found_ = 0;
    }
    return true;
  }

  // The ids stored with exactly these bytes, or nothing.
  std::optional<std::span<const uint16_t>> Find(std::string_view value) noexcept {
    // Two places for each value, so that two popular ones do not drive each other out.
    const size_t first = HashBytes(value) % kSlots;
    for (const size_t place : {first, first ^ 1}) {
      Slot& slot = slots_[place];
      if (slot.size != value.size() || std::memcmp(slot.value, value.data(), value.size()) != 0) continue;
      ++found_;
      return std::span<const uint16_t>(slot.ids, slot.id_count);
    }
    const bool other = slots_[first].size != 0 && (slots_[first ^ 1].size == 0 || looked_ % 2 != 0);
    slot_ = &slots_[other ? first ^ 1 : first];
    return std::nullopt;
  }

  // Stores what Find did not find: call with the same value, directly after it.
  void Store(std::string_view value, std::span<const uint16_t> ids) noexcept {
    if (ids.size() > kIdsMax) return;
    slot_->size = static_cast<uint8_t>(value.size());
    slot_->id_count = static_cast<uint8_t>(ids.size());
    std::memcpy(slot_->value, value.data(), value.size());
    if (!ids.empty()) std::memcpy(slot_->ids, ids.data(), ids.size_bytes());
  }

 private:
  struct Slot {
    uint8_t size = 0;  // 0: nothing stored
    uint8_t id_count = 0;
    uint16_t ids[kIdsMax];
    char value[kValueBytesMax];
  };
  static_assert(kValueBytesMax <= 255);

  std::vector<Slot> slots_;
  Slot* slot_ = nullptr;
  uint32_t looked_ = 0;
  uint32_t found_ = 0;
  uint32_t rest_ = 0;
};

}  // namespace stockade
