// What is in force, for everybody outside the engine: firewalls, people, exports. The mirror of the ledger, so that nobody
// holds the engine's desk while he reads a hundred thousand decisions.
//
//   ledger.DrainChanges ─► Take(changes) ─► each delivery, in order        inside the desk's lock
//                          Snapshot, All, On: anybody, any thread          outside of it
//
// Take, Replace and SetEnforcing come one after another, in the order of the ledger: call Take and Replace under the lock
// under which the changes were drained. Take never waits for a reader: while one is copying, what changed is set aside,
// and the next who comes puts it in. It does no I/O and wakes each listener at most once. About a microsecond a change,
// nearly all of it the copy of the decision; some 900 bytes a decision more than the ledger's own.
//
// Decisions are shared and never change: who holds one may keep it. A shadow is shown to people and is never an order; it
// does not touch the order that stands beside it with the same key.
//
// The kill switch, SetEnforcing(false): nothing is in force for firewalls any more (Snapshot is empty, listeners are told
// that everything changed) while All and On still show what the ledger holds. Switched on again, all that it holds by
// then is in force.
//
// Beware of the start: a delivery makes its firewall equal to what it finds here. It is therefore constructed with what is
// in force, out of the store, before any delivery starts: an empty mirror would tear down what protected us before.
//
// Thread-safe. Outlives its listeners.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "adapters/firewall/firewall.h"
#include "engine/decision/change.h"
#include "engine/decision/decision.h"

namespace stockade {

using SharedDecision = std::shared_ptr<const Decision>;

struct StandingChange {
  ChangeKind kind = ChangeKind::kAdded;
  SharedDecision decision;  // as in Change; never a shadow
};

// What one call changed. Versions rise; one that is not above a snapshot's is contained in it.
struct StandingChanges {
  uint64_t version = 0;
  bool everything = false;  // go by Snapshot instead
  std::vector<StandingChange> changes;
};

class StandingListener {
 public:
  virtual ~StandingListener() = default;
  // Called in order, within Take and so within the desk's lock: must not wait, and must not call back.
  virtual void OnChanges(const std::shared_ptr<const StandingChanges>& changes) = 0;
};

struct StandingSnapshot {
  uint64_t version = 0;
  std::vector<SharedDecision> decisions;  // in no order, no key twice
};

class StandingOrders {
 public:
  // Of two decisions with one key the one that lasts longer stands, here and in Replace.
  explicit StandingOrders(std::vector<Decision> standing);
  ~StandingOrders();
  StandingOrders(const StandingOrders&) = delete;
  StandingOrders& operator=(const StandingOrders&) = delete;

  void Take(std::span<const Change> changes);
  // Everything anew, where changes were lost.
  void Replace(std::vector<Decision> standing);
  void SetEnforcing(bool enforcing);
  bool enforcing() const;

  // What firewalls carry out: no shadows, and nothing while the kill switch is off. Whether the time of one is over is
  // for whoever has a clock.
  StandingSnapshot Snapshot() const;

  // What is not in force and may stand in a firewall nevertheless, as nobody knows what it was told before the last stop: for
  // those that cannot be asked, once, at their start. Of what is set, and of all that the ledger holds while the kill switch is
  // off, whatever is not in force; some keys may be there twice. Set before any delivery starts, and kept for good.
  void SetGone(std::vector<Decision> gone);
  std::vector<SharedDecision> Gone() const;

  // For people, shadows included, soonest expiry first, then by id: of those behind `until_ms` and `id` in this order the
  // first `limit` that `wanted` names; `limit` 0: all. Costs what it walks over, some 100 ns each; Take does not wait for it.
  std::vector<SharedDecision> Select(int64_t until_ms, std::string_view id, size_t limit,
                                     const std::function<bool(const Decision&)>& wanted) const;
  std::vector<SharedDecision> All() const;
  // On exactly this scope and value. O(1).
  std::vector<SharedDecision> On(Scope scope, std::string_view value) const;
  size_t size() const;

  // `listener` hears of whatever comes after; what came before is in the snapshot. After Unsubscribe it is not called, and
  // no call to it is under way.
  void Subscribe(StandingListener* listener);
  void Unsubscribe(StandingListener* listener);

 private:
  // In parts, so that a table of a million that grows holds up Take for some 4,000 entries' time and not for all of them.
  class Table {
   public:
    using Part = absl::flat_hash_map<OrderKey, SharedDecision>;
    Part& PartOf(const OrderKey& key) { return parts_[absl::HashOf(key) >> (sizeof(size_t) * 8 - 8)]; }
    const std::array<Part, 256>& parts() const { return parts_; }
    SharedDecision Find(const OrderKey& key);
    size_t size() const;

   private:
    std::array<Part, 256> parts_;
  };
  // In the order of Select. Of equal ones by where they lie, so that both are there.
  struct ByExpiry {
    using is_transparent = void;
    using Place = std::pair<int64_t, std::string_view>;
    static Place PlaceOf(const SharedDecision& decision) { return {decision->until_ms, decision->id}; }
    bool operator()(const SharedDecision& a, const SharedDecision& b) const {
      const Place of_a = PlaceOf(a), of_b = PlaceOf(b);
      return of_a != of_b ? of_a < of_b : std::less<const Decision*>()(a.get(), b.get());
    }
    bool operator()(const Place& a, const SharedDecision& b) const { return a < PlaceOf(b); }
    bool operator()(const SharedDecision& a, const Place& b) const { return PlaceOf(a) < b; }
  };
  struct Tables {
    Table orders;
    Table shadows;
    absl::btree_set<SharedDecision, ByExpiry> all;  // of both: a page of a million is not a sort of a million
    Table& Of(const Decision& decision) { return decision.shadow ? shadows : orders; }
  };

  static Tables Tabulate(std::vector<Decision> standing);
  void Put(const StandingChange& change) const;  // holds tables_mutex_
  void PutWhatWaits() const;                     // the same, and mutex_
  // Holds mutex_.
  void Tell(std::shared_ptr<StandingChanges> changes);

  // Before mutex_, where both are held, save that Take only tries it.
  mutable std::mutex tables_mutex_;
  mutable Tables tables_;

  mutable std::mutex mutex_;                     // held for moments
  mutable std::vector<StandingChange> waiting_;  // not in the tables yet: a reader held them
  uint64_t version_ = 1;
  bool enforcing_ = true;
  std::vector<SharedDecision> gone_;
  std::vector<StandingListener*> listeners_;
};

}  // namespace stockade
