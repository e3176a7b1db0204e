#include "adapters/firewall/standing_orders.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/status.h"

namespace stockade {
namespace {

bool PutsIn(ChangeKind kind) {
  return kind == ChangeKind::kAdded || kind == ChangeKind::kExtended;
}

// Every key that a scope and value can have.
template <typename Visit>
void VisitKeys(Scope scope, std::string_view value, Visit&& visit) {
  const std::string name(value);
  for (const Action action : {Action::kThrottle, Action::kBlock})
    visit(OrderKey{scope, action, ChallengeKind::kHuman, false, name});
  for (const ChallengeKind kind : {ChallengeKind::kHuman, ChallengeKind::kIdentity})
    visit(OrderKey{scope, Action::kChallenge, kind, false, name});
  for (const bool all_lanes : {false, true})
    visit(OrderKey{scope, Action::kLock, ChallengeKind::kHuman, all_lanes, name});
}

}  // namespace

StandingOrders::StandingOrders(std::vector<Decision> standing) : tables_(Tabulate(std::move(standing))) {}
StandingOrders::~StandingOrders() {
  STOCKADE_CHECK(listeners_.empty());
}

SharedDecision StandingOrders::Table::Find(const OrderKey& key) {
  const Part& part = PartOf(key);
  const auto at = part.find(key);
  return at == part.end() ? nullptr : at->second;
}

size_t StandingOrders::Table::size() const {
  size_t size = 0;
  for (const Part& part : parts_) size += part.size();
  return size;
}

StandingOrders::Tables StandingOrders::Tabulate(std::vector<Decision> standing) {
  Tables tables;
  for (Decision& decision : standing) {
    const OrderKey key = OrderKey::Of(decision);
    SharedDecision& place = tables.Of(decision).PartOf(key)[key];
    if (place == nullptr || place->until_ms < decision.until_ms)
      place = std::make_shared<const Decision>(std::move(decision));
  }
  for (const Table* table : {&tables.orders, &tables.shadows})
    for (const Table::Part& part : table->parts())
      for (const auto& [key, decision] : part) tables.all.insert(decision);
  return tables;
}

void StandingOrders::Put(const StandingChange& change) const {
  OrderKey key = OrderKey::Of(*change.decision);
  Table::Part& part = tables_.Of(*change.decision).PartOf(key);
  const auto before = part.find(key);
  if (before != part.end()) tables_.all.erase(before->second);
  if (PutsIn(change.kind)) {
    tables_.all.insert(change.decision);
    part.insert_or_assign(std::move(key), change.decision);
  } else if (before != part.end()) {
    part.erase(before);
  }
}

void StandingOrders::PutWhatWaits() const {
  for (const StandingChange& change : waiting_) Put(change);
  waiting_.clear();
}

void StandingOrders::Take(std::span<const Change> changes) {
  if (changes.empty()) return;
  auto told = std::make_shared<StandingChanges>();
  told->changes.reserve(changes.size());
  // Copied before any lock is held.
  std::vector<StandingChange> shadows;
  for (size_t i = 0; i < changes.size(); ++i) {
    StandingChange change{changes[i].kind, std::make_shared<const Decision>(changes[i].decision)};
    (changes[i].decision.shadow ? shadows : told->changes).push_back(std::move(change));
  }
  const std::lock_guard lock(mutex_);
  const std::unique_lock tables(tables_mutex_, std::try_to_lock);
  if (tables.owns_lock()) PutWhatWaits();
  // Orders and shadows are in different tables: between them no order need be kept.
  for (const std::vector<StandingChange>* part : {&std::as_const(told->changes), &std::as_const(shadows)}) {
    for (const StandingChange& change : *part) {
      if (tables.owns_lock()) {
        Put(change);
      } else {
        waiting_.push_back(change);
      }
    }
  }
  Tell(std::move(told));
}

void StandingOrders::Tell(std::shared_ptr<StandingChanges> changes) {
  changes->version = ++version_;
  if (!changes->everything && (changes->changes.empty() || !enforcing_)) return;
  const std::shared_ptr<const StandingChanges> shared = std::move(changes);
  for (StandingListener* listener : listeners_) listener->OnChanges(shared);
}

void StandingOrders::Replace(std::vector<Decision> standing) {
  Tables tables = Tabulate(std::move(standing));
  auto told = std::make_shared<StandingChanges>();
  told->everything = true;
  {
    const std::lock_guard tables_lock(tables_mutex_);
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    std::swap(tables_, tables);
    Tell(std::move(told));
  }
}

void StandingOrders::SetEnforcing(bool enforcing) {
  auto told = std::make_shared<StandingChanges>();
  told->everything = true;
  const std::lock_guard lock(mutex_);
  if (std::exchange(enforcing_, enforcing) != enforcing) Tell(std::move(told));
}

bool StandingOrders::enforcing() const {
  const std::lock_guard lock(mutex_);
  return enforcing_;
}

StandingSnapshot StandingOrders::Snapshot() const {
  StandingSnapshot snapshot;
  const std::lock_guard tables_lock(tables_mutex_);
  {
    const std::lock_guard lock(mutex_);
    PutWhatWaits();
    snapshot.version = version_;
    if (!enforcing_) return snapshot;
  }
  snapshot.decisions.reserve(tables_.orders.size());
  for (const Table::Part& part : tables_.orders.parts())
    for (const auto& [key, decision] : part) snapshot.decisions.push_back(decision);
  return snapshot;
}

void StandingOrders::SetGone(std::vector<Decision> gone) {
  std::vector<SharedDecision> shared;
  shared.reserve(gone.size());
  for (Decision& decision : gone) shared.push_back(std::make_shared<const Decision>(std::move(decision)));
  const std::lock_guard lock(mutex_);
  gone_ = std::move(shared);
}

std::vector<SharedDecision> StandingOrders::Gone() const {
  std::vector<SharedDecision> gone;
  const std::lock_guard tables_lock(tables_mutex_);
  {
    const std::lock_guard lock(mutex_);
    PutWhatWaits();
    gone = gone_;
    if (enforcing_) return gone;
  }
  for (const Table::Part& part : tables_.orders.parts())
    for (const auto& [key, decision] : part) gone.push_back(decision);
  return gone;
}

std::vector<SharedDecision> StandingOrders::Select(int64_t until_ms, std::string_view id, size_t limit,
                                                   const std::function<bool(const Decision&)>& wanted) const {
  std::vector<SharedDecision> selected;
  const std::lock_guard tables_lock(tables_mutex_);
  {
    const std::lock_guard lock(mutex_);
    PutWhatWaits();
  }
  for (auto at = tables_.all.upper_bound(ByExpiry::Place(until_ms, id)); at != tables_.all.end(); ++at) {
    if (!wanted(**at)) continue;
    selected.push_back(*at);
    if (selected.size() == limit) break;
  }
  return selected;
}

std::vector<SharedDecision> StandingOrders::All() const {
  return Select(INT64_MIN, "", 0, [](const Decision&) { return true; });
}

std::vector<SharedDecision> StandingOrders::On(Scope scope, std::string_view value) const {
  std::vector<SharedDecision> found;
  const std::lock_guard tables_lock(tables_mutex_);
  {
    const std::lock_guard lock(mutex_);
    PutWhatWaits();
  }
  VisitKeys(scope, value, [&](const OrderKey& key) {
    for (Table* table : {&tables_.orders, &tables_.shadows})
      if (SharedDecision decision = table->Find(key); decision != nullptr)
        found.push_back(std::move(decision));
  });
  return found;
}

size_t StandingOrders::size() const {
  const std::lock_guard tables_lock(tables_mutex_);
  const std::lock_guard lock(mutex_);
  PutWhatWaits();
  return tables_.all.size();
}

void StandingOrders::Subscribe(StandingListener* listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(listener);
}

void StandingOrders::Unsubscribe(StandingListener* listener) {
  const std::lock_guard lock(mutex_);
  std::erase(listeners_, listener);
}

}  // namespace stockade
