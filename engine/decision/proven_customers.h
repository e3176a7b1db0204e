// Who certainly is a customer, and where from: what a decision on an address, a network, an ASN or a fingerprint would do to
// them is then a look-up, made before the decision is.
//
// A customer is proven by a success that a stranger could hardly have had: in the certified or familiar lane, or after an
// identity step-up. Three memories of that:
//   the last hour   each account once, with where it came from last: what caps are shares of
//   seven days      for each address (a /64 of IPv6) and network above it, some of its accounts: whether a source is shared by
//                   customers (shared_sources.h)
//   seven days      how many accounts came with an AS or a browser (active_customers.h): what of those a decision would touch
//
// A customer counts until his hour is over, and is known for longer, while there is room: most come again, from where they came
// before, and are then counted under what was worked out already.
//
// Bounded: `customers_max` accounts at ~250 bytes each, beyond which who is not of the last hour gives way, and where nearly all are
// the oldest leave early; the table of sources at a quarter of kCustomerBytes for each; `active_max` of seven days, beyond which they
// are estimated. Accounts are kept as hashes of 64 bits.
//
// Times are event time in milliseconds and may come out of order. Note costs one look-up for who was noted within the hour,
// else about ten, which PrefetchCustomer and PrefetchPlaces bring closer; Touched and SharedBy one, but for a network between the
// rungs of the ladder, which only people and lists name: there Touched looks at all customers of the hour, some 0.1 ms for ten
// thousand, and SharedBy at the rungs within it until it has found kSharedMax, at most kRungsMax, some milliseconds. Whichever comes
// first after an hour without any goes over all customers once. Not thread-safe. Oracle: a list, in
// tests/engine/decision/proven_customers_test.cc.
// Source: detectors.md D3 and D7 in the project's design notes; Giotsas & Fayed 2025 on carriers' NATs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/decision/active_customers.h"
#include "engine/decision/decision.h"
#include "engine/decision/expiry_queue.h"
#include "engine/decision/hashed_numbers.h"
#include "engine/decision/shared_sources.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"

namespace stockade {

class ProvenCustomers {
 public:
  static constexpr int64_t kSpanMs = int64_t{3600} * 1000;
  static constexpr int64_t kSharedSpanMs = SharedSources::kSpanMs;
  static constexpr size_t kSharedMax = SharedSources::kAccountsMax;
  static constexpr size_t kCustomerBytes = 320;
  // Who comes as before is not noted anew for the memories of seven days as long as this: they count him so much shorter.
  static constexpr int64_t kNotedAgainMs = kSpanMs;

  // Networks that are wider than so many rungs are judged by the last hour alone: a /8, a /32 of IPv6.
  static constexpr size_t kRungsMax = size_t{1} << 16;
  static constexpr size_t kActiveMax = size_t{1} << 18;

  ProvenCustomers(const HashKey& key, size_t customers_max, size_t active_max = kActiveMax);

  // Who an account is here; a hint, which may go stale.
  using CustomerNumber = uint32_t;
  static constexpr CustomerNumber kNobody = UINT32_MAX;

  // What whoever notes an attempt has worked out already, under the key given here; null: worked out anew.
  struct Hashes {
    const Hash128* account = nullptr;      // SipHash128
    const Hash128* fingerprint = nullptr;  // FingerprintHash
    CustomerNumber customer = kNobody;     // what PrefetchCustomer said
  };
  // A proven success. The attempt has an account.
  void Note(const Attempt& attempt, int64_t time_ms, const Hashes& known);
  void Note(const Attempt& attempt, int64_t time_ms) { Note(attempt, time_ms, Hashes()); }
  // The watermark went back: what is newer was never.
  void SetNow(int64_t now_ms) noexcept;

  // Hints that this account may be noted soon, in three steps of which each needs what the one before brought: best some 100 ns
  // apart.
  void Prefetch(const Hash128& account) const noexcept { numbers_.Prefetch(NameOf(account)); }
  CustomerNumber PrefetchCustomer(const Hash128& account) const noexcept;
  void PrefetchPlaces(CustomerNumber customer, const Address& source, int64_t time_ms) const noexcept;

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

  // For snapshots (detect/familiar_format.h), of the memory of sources; that of the last hour is as good as new an hour after a
  // restart.
  const SharedSources& sources() const noexcept { return sources_; }
  SharedSources& sources() noexcept { return sources_; }

 private:
  // What a customer counts under. Hashes of scope and value, so that one table holds all; 0: none.
  struct Places {
    std::array<uint64_t, 4> rungs{};  // his address and the networks above it
    uint64_t as = 0;
    uint64_t browser = 0;
  };
  // The first of its two lines is all that is read of who comes again as before.
  struct alignas(64) Customer {
    uint64_t account = 0;
    int64_t time_ms = 0;
    int64_t noted_ms = INT64_MIN;  // when it was noted for the memories of seven days
    uint64_t fingerprint = 0;      // 0: none
    Address source;
    uint32_t asn = 0;
    bool is_counted = false;  // of the last hour
    Places places;
  };
  static_assert(sizeof(Customer) == 128);

  size_t CountInside(const Prefix& network) const;
  size_t SharedWithin(const Prefix& network, int64_t now_ms) const;
  uint64_t PlaceOf(Scope scope, uint64_t a, uint64_t b, uint32_t length) const noexcept;
  uint64_t PlaceOf(const Prefix& prefix) const noexcept;
  uint64_t PlaceOf(const Decision& decision) const noexcept;
  Places PlacesOf(const Address& source, uint32_t asn, uint64_t fingerprint) const noexcept;
  // Whether he was noted for the memories of seven days lately; by a wild clock he was not.
  static bool IsNoted(const Customer& customer, int64_t time_ms) noexcept {
    return customer.noted_ms > time_ms - kNotedAgainMs && customer.noted_ms < time_ms + kNotedAgainMs;
  }

  static uint64_t NameOf(const Hash128& account) noexcept { return account.low == 0 ? 1 : account.low; }
  // kNobody: he is not known.
  CustomerNumber Find(uint64_t account) const noexcept;
  // The number of this account, which gets one, with another's record if it must be.
  CustomerNumber NumberOf(uint64_t account);
  CustomerNumber MakeRoom();
  void Count(const Places& places, bool comes);
  void Leave(CustomerNumber number);
  void PrefetchCounts(CustomerNumber number) const noexcept;

  // Of each who is counted there is one turn: at it he leaves, or is given a later one where he came again. Turns of a minute lie
  // together, unordered, until that minute comes: nearly all are then put off, and only the rest need an order.
  static int64_t ShelfAt(int64_t time_ms) noexcept { return time_ms >> 16; }
  static constexpr size_t kShelves = 64;  // of 65.5 seconds: an hour and some more
  std::vector<CustomerNumber>& ShelfOf(int64_t shelf) noexcept {
    return shelves_[static_cast<size_t>(shelf) % kShelves];
  }
  void PutTurn(CustomerNumber number);
  void OpenShelf(int64_t shelf);
  void Forget(int64_t now_ms);

  HashKey key_;
  WordHash places_;
  size_t customers_max_;
  HashedNumbers numbers_;  // of customers, by account; who has given way is still named
  std::vector<Customer> customers_;
  size_t counted_ = 0;
  size_t hand_ = 0;       // where the search for room goes on
  HashedNumbers counts_;  // of those who are counted, by place
  std::array<std::vector<CustomerNumber>, kShelves> shelves_;
  int64_t opened_ = INT64_MIN;  // the last shelf that was
  using Turn = ExpiryQueue<CustomerNumber>::Item;
  std::vector<Turn> leaving_;            // of the shelf that is opened
  std::vector<CustomerNumber> opening_;  // while it is emptied
  ExpiryQueue<CustomerNumber> turns_;    // of the shelves that were opened
  SharedSources sources_;
  ActiveCustomers active_;
  int64_t newest_ms_ = INT64_MIN;
};

}  // namespace stockade
