// Who certainly is a customer, and where from: what a decision on an address, a network, an ASN or a fingerprint would do to
// them is then a look-up, made before the decision is.
//
// A customer is proven by a success that a stranger could hardly have had: in the certified or familiar lane, or after an
// identity step-up. Three memories of that:
//   the last hour   each account once, with where it came from last: what caps are shares of
//   seven days      for each address (a /64 of IPv6) and network above it, up to kSharedMax different accounts: whether a
//                   source is shared by customers, as offices and carriers' NATs are
//   seven days      how many accounts came with an AS or a browser (active_customers.h): what of those a decision would touch
//
// Of addresses and networks no more than kSharedMax are told apart over seven days: that many make a source shared, and nobody stops
// one of those.
//
// Bounded: `customers_max` accounts of the last hour at ~250 bytes each, beyond which the oldest leave early, and the table of
// sources at a quarter of those bytes; `active_max` of seven days, beyond which they are estimated; there the source that was proven longest ago gives way, so that a flood of strangers,
// who prove nothing, displaces nobody. Accounts are kept as hashes; two in 2^32 may be taken for one, and then a source seems
// less shared than it is.
//
// Times are event time in milliseconds and may come out of order. Note costs one look-up for who was noted within the hour,
// else about ten; Touched and SharedBy one, but for a network between the rungs of the ladder, which only people and lists
// name: there Touched looks at all customers of the hour, some 0.1 ms for ten thousand, and SharedBy at the rungs within it until
// it has found kSharedMax, at most kRungsMax, some milliseconds. Not thread-safe. Oracle: a list, in
// tests/engine/decision/proven_customers_test.cc.
// Source: detectors.md D3 and D7 in the project's design notes; Giotsas & Fayed 2025 on carriers' NATs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/active_customers.h"
#include "engine/decision/decision.h"
#include "engine/decision/expiry_queue.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"

namespace stockade {

class ProvenCustomers {
 public:
  static constexpr int64_t kSpanMs = int64_t{3600} * 1000;
  static constexpr int64_t kSharedSpanMs = int64_t{7} * 24 * kSpanMs;
  // Three accounts make a shared source (D3); one more is kept, so that the newest can replace the oldest.
  static constexpr size_t kSharedMax = 4;
  static constexpr size_t kCustomerBytes = 320;

  // Networks that are wider than so many rungs are judged by the last hour alone: a /8, a /32 of IPv6.
  static constexpr size_t kRungsMax = size_t{1} << 16;
  static constexpr size_t kActiveMax = size_t{1} << 18;

  ProvenCustomers(const HashKey& key, size_t customers_max, size_t active_max = kActiveMax);

  // What whoever notes an attempt has worked out already, under the key given here; null: worked out anew.
  struct Hashes {
    const Hash128* account = nullptr;      // SipHash128
    const Hash128* fingerprint = nullptr;  // FingerprintHash
  };
  // A proven success. The attempt has an account.
  void Note(const Attempt& attempt, int64_t time_ms, const Hashes& known);
  void Note(const Attempt& attempt, int64_t time_ms) { Note(attempt, time_ms, Hashes()); }
  // The watermark went back: what is newer was never.
  void SetNow(int64_t now_ms) noexcept {
    newest_ms_ = now_ms;
    active_.SetNow(now_ms);
  }
  // Hints that this account may be noted soon.
  void Prefetch(const Hash128& account) const noexcept { customers_.prefetch(account.low); }

  // How many were proven within the last hour.
  size_t total(int64_t now_ms);
  // How many of those a decision on this target would touch. An account's own decisions touch nobody but its owner: 0.
  size_t Touched(const Decision& decision, int64_t now_ms);
  // How many different accounts were proven within seven days at this address or network; at most kSharedMax. 0 for other
  // scopes.
  size_t SharedBy(const Decision& decision, int64_t now_ms);
  // How many were active within seven days, and how many of them a decision on this target would touch; `shared`: what SharedBy says
  // of it now, which is the answer for addresses and networks.
  ActiveCustomers::Count active(int64_t now_ms) { return active_.total(now_ms); }
  ActiveCustomers::Count TouchedActive(const Decision& decision, size_t shared, int64_t now_ms);

  // The memory of seven days, for snapshots (detect/familiar_format.h); that of the last hour is as good as new an hour after a
  // restart.
  struct Source {
    uint64_t place = 0;  // 0: free
    std::array<uint32_t, kSharedMax> accounts{};
    std::array<int32_t, kSharedMax> minutes{};
  };
  // Appends up to `count` places from `next` on, free ones left out; false: those were the last.
  bool CopySources(size_t count, size_t* next, std::vector<Source>* out) const;
  // In the order they were copied, where nothing was noted yet: the same table again; where it is smaller the source that was
  // proven longest ago gives way. False: it was there already.
  bool Restore(const Source& source) noexcept;
  void ClearSources() noexcept;

 private:
  struct Customer {
    int64_t time_ms = 0;
    Address source;
    uint32_t asn = 0;
    uint64_t fingerprint = 0;  // 0: none
    int64_t shared_ms = 0;     // when its source was noted for the memory of seven days
  };
  // What a customer counts under. Hashes of scope and value, so that one table holds all; 0: none.
  struct Places {
    std::array<uint64_t, 4> rungs{};  // his address and the networks above it
    uint64_t as = 0;
    uint64_t browser = 0;
  };
  static constexpr size_t kWays = 4;

  size_t CountInside(const Prefix& network) const;
  // The different accounts of this rung within seven days, added to those `found` already; at most kSharedMax in all.
  void FindShared(uint64_t place, int64_t now_ms, std::vector<uint32_t>* found) const;
  size_t SharedWithin(const Prefix& network, int64_t now_ms) const;
  uint64_t PlaceOf(Scope scope, uint64_t a, uint64_t b, uint32_t length) const noexcept;
  uint64_t PlaceOf(const Prefix& prefix) const noexcept;
  uint64_t PlaceOf(const Decision& decision) const noexcept;
  Places PlacesOf(const Address& source, uint32_t asn, uint64_t fingerprint) const noexcept;
  Places PlacesOf(const Customer& customer) const noexcept {
    return PlacesOf(customer.source, customer.asn, customer.fingerprint);
  }
  void Count(const Places& places, bool comes);
  void Forget(int64_t now_ms);
  size_t BucketBegin(uint64_t place) const noexcept {
    return static_cast<size_t>(place & (sources_.size() / kWays - 1)) * kWays;
  }
  // The source of this place, or the one of its bucket that was proven longest ago.
  Source* FindOrOldest(uint64_t place) noexcept;
  void NoteShared(uint64_t place, uint32_t account, int64_t time_ms);

  HashKey key_;
  WordHash places_;
  size_t customers_max_;
  absl::flat_hash_map<uint64_t, Customer> customers_;
  ExpiryQueue<uint64_t> turns_;  // one for each customer; where he came again meanwhile he gets another
  absl::flat_hash_map<uint64_t, uint32_t> counts_;  // by place
  std::vector<Source> sources_;                     // buckets of kWays
  ActiveCustomers active_;
  int64_t newest_ms_ = INT64_MIN;
};

}  // namespace stockade
