// D4, the account guard: the gateway's own lock, seen coming. So that nobody locks a customer out but the customer.
//
//   c = wrong passwords that reached the gateway for an account since its last success, and those on their way
//
// It mirrors the gateway's counter with the gateway's limit L. Strangers (the unfamiliar and half lanes) are asked who they are
// from c ≥ L - r on, where r = min(3, L - 1) tries are kept for the owner; from c ≥ L - 1 on they go no further at all where
// nobody can be asked that. The owner's lanes stay open; at the last try, with a stranger's failure among those that count, he
// is asked too, for his own typo would then complete what strangers began. Who comes in an upper lane by his network alone, with a
// device that is not the owner's, shares his open door, but is a stranger among those that count: a carrier's NAT is full of them.
//
// Strangers' failures that all came from one place (network and device) are the owner's own once he has proved there who he is: so
// who fails on a new telephone is asked once, and not again at each further slip. And where r = 3 and he can be asked who he is, one place,
// as long as no other stranger had a part in it, is asked one try later: of the challenges of a simulated quiet week four fifths came after
// two slips of the owner's own, and two in five of those were right at the third try. If it is an attacker's place, two tries are
// the owner's still.
//
// What holds on every trace (tests/engine/detect/account_guard_test.cc), wherever the gateway counts as configured: strangers who
// cannot prove who they are never bring c above L - r, those of one place alone not above L - 2 where r = 3; so no account reaches L
// without wrong passwords of its owner, two of them, or one where L = 2. An attempt whose outcome nobody tells counts as a failure after
// kAbandonedMs.
//
// State: 16 bytes an account with failures, in `bytes_max`; where a bucket is full the one with the fewest gives way, of equals
// the oldest. Cost: a cache line. Fails: whoever shares the customer's network and device is taken for him; strangers can
// have an owner in a strange place asked. Source: van Oorschot et al., PGRP (TDSC 2012); OWASP, device cookies; Entra smart lockout.
//
// Times are event time. noexcept, no allocation after construction. Not thread-safe.
#pragma once

#include <cstdint>

#include "engine/detect/detector_settings.h"
#include "engine/detect/evidence_table.h"
#include "engine/detect/lanes.h"
#include "engine/event/outcome.h"

namespace stockade {

// How close an account is to its lock, for an attempt in a lane.
enum class GuardLevel : uint8_t { kFar, kNear, kLast };
inline constexpr std::string_view kGuardLevelNames[] = {"far", "near", "last"};

class AccountGuard {
 public:
  static constexpr int64_t kAbandonedMs = 60'000;

  // 16 bits of a keyed hash of a place: one in 65,534 strangers' places is taken for the owner's, and then he is not asked at his last try.
  static constexpr uint16_t kNoPlace = 0;
  static constexpr uint16_t kPlaces = 0xffff;  // several
  static constexpr uint16_t PlaceOf(uint64_t hash) noexcept {
    return static_cast<uint16_t>(1 + (hash >> 32) % (kPlaces - 1));
  }

  AccountGuard(size_t bytes_max, const LockoutRule& lock) : table_(bytes_max) { Set(lock); }

  void Set(const LockoutRule& lock) noexcept;
  const LockoutRule& lock() const noexcept { return lock_; }
  int reserve() const noexcept { return reserve_; }

  // Of an attempt that is about to be judged. `account`: a keyed hash. kNear, kLast: as above, in this lane.
  GuardLevel Read(uint64_t account, Lane lane, int64_t now_ms) const noexcept;
  int failures(uint64_t account, int64_t now_ms) const noexcept;
  // Where that is kNear: whether strangers of this place, and no others, had a part in it, and have one try more.
  bool HasTryLeft(uint64_t account, uint16_t place, int64_t now_ms) const noexcept;
  // Whether the strangers among those that count all came from this place: whoever comes from there in the owner's lane was they.
  bool StrangersAllFrom(uint64_t account, uint16_t place) const noexcept;

  // An attempt goes on to the password check.
  void Reserve(uint64_t account, int64_t now_ms) noexcept;
  // What came of it. `stranger`: the place it came from (PlaceOf of some hash), where nothing showed that it was the owner's;
  // kNoPlace where it came from the owner's device, or an identity challenge was passed on it.
  void Settle(uint64_t account, Outcome outcome, uint16_t stranger, int64_t now_ms) noexcept;
  // An identity challenge was passed from this place: what failed there before was the owner.
  void NoteProof(uint64_t account, uint16_t place) noexcept;

  size_t bytes() const noexcept { return table_.bytes(); }
  size_t accounts() const noexcept { return table_.size(); }

 private:
  struct Record {
    uint32_t time_s = 0;  // of the last failure or reservation
    uint8_t failures = 0;
    uint8_t in_flight = 0;
    uint16_t strangers = kNoPlace;  // where the strangers' of the failures came from, if there are any
  };
  static_assert(sizeof(Record) == 8);

  static float Worth(const Record& record) noexcept;
  Record Current(const Record& record, int64_t now_ms) const noexcept;
  Record* Open(uint64_t account) noexcept;

  EvidenceTable<Record> table_;
  LockoutRule lock_;
  int reserve_ = 3;
};

}  // namespace stockade
