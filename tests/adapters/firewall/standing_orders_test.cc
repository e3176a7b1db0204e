// Proven here: the mirror holds what the ledger's changes say, shadows apart; the kill switch empties it for firewalls and
// for nobody else; listeners hear everything once and in order; and all of that while readers copy it.
#include "adapters/firewall/standing_orders.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "engine/decision/ledger.h"
#include "tests/adapters/firewall/model_firewall.h"

namespace stockade {
namespace {

Change Make(ChangeKind kind, Decision decision) {
  Change change;
  change.kind = kind;
  change.decision = std::move(decision);
  return change;
}

std::map<std::string, std::string> IdsOf(const std::vector<SharedDecision>& decisions) {
  std::map<std::string, std::string> ids;
  for (const SharedDecision& decision : decisions)
    ids[TextOf(OrderKey::Of(*decision)) + (decision->shadow ? "/shadow" : "")] = decision->id;
  return ids;
}

// Follows as a delivery does.
class Follower final : public StandingListener {
 public:
  explicit Follower(StandingOrders* standing) : standing_(*standing) {
    standing_.Subscribe(this);
    Resync();
  }
  ~Follower() override { standing_.Unsubscribe(this); }

  void OnChanges(const std::shared_ptr<const StandingChanges>& changes) override {
    const std::lock_guard lock(mutex_);
    CHECK(changes->version > heard_);
    heard_ = changes->version;
    waiting_.push_back(changes);
  }
  std::map<std::string, std::string> Ids() {
    std::vector<std::shared_ptr<const StandingChanges>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const auto& changes : waiting) {
      if (changes->version <= version_) continue;
      if (changes->everything) {
        Resync();
        continue;
      }
      version_ = changes->version;
      for (const StandingChange& change : changes->changes) {
        CHECK_FALSE(change.decision->shadow);
        const std::string key = TextOf(OrderKey::Of(*change.decision));
        if (change.kind == ChangeKind::kAdded || change.kind == ChangeKind::kExtended) {
          ids_[key] = change.decision->id;
        } else {
          ids_.erase(key);
        }
      }
    }
    return ids_;
  }

 private:
  void Resync() {
    const StandingSnapshot snapshot = standing_.Snapshot();
    version_ = snapshot.version;
    ids_ = IdsOf(snapshot.decisions);
  }
  StandingOrders& standing_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const StandingChanges>> waiting_;
  uint64_t heard_ = 0;
  uint64_t version_ = 0;
  std::map<std::string, std::string> ids_;
};

TEST_CASE("the mirror holds what the ledger holds, through expiry, extension, release and an allowlist",
          "[standing]") {
  Ledger ledger({.hash_key = {1, 2}, .bytes_max = 64 << 10, .changes_max = 10'000});
  StandingOrders standing({});
  Follower follower(&standing);
  std::mt19937_64 random(11);
  int64_t now_ms = 1'000'000;
  for (int round = 0; round < 3000; ++round) {
    const int what = static_cast<int>(random() % 10);
    const std::string address = "192.0.2." + std::to_string(random() % 200);
    if (what < 7) {
      Decision decision = MakeDecision(address, now_ms + static_cast<int64_t>(random() % 100'000));
      decision.time_ms = now_ms;
      decision.prefix = *Prefix::Parse(address);
      decision.action = static_cast<Action>(random() % 4);
      decision.shadow = random() % 4 == 0;
      ledger.Propose(decision);
    } else if (what == 7) {
      ledger.Release(Scope::kIp, address);
    } else if (what == 8) {
      now_ms += static_cast<int64_t>(random() % 2000);
      ledger.Advance(now_ms);
    } else if (round % 100 == 0) {
      Allowlist allowlist;
      allowlist.AddNetwork(*Prefix::Parse("192.0.2.0/25"));
      ledger.SetAllowlist(std::move(allowlist));
    }
    std::vector<Change> changes;
    REQUIRE(ledger.DrainChanges(&changes));
    standing.Take(changes);
    if (round % 50 != 0) continue;
    std::vector<SharedDecision> all, orders;
    for (const Decision* decision : ledger.Standing(now_ms)) {
      all.push_back(Share(*decision));
      if (!decision->shadow) orders.push_back(all.back());
    }
    CHECK(IdsOf(standing.All()) == IdsOf(all));
    CHECK(standing.size() == all.size());
    CHECK(IdsOf(standing.Snapshot().decisions) == IdsOf(orders));
    CHECK(follower.Ids() == IdsOf(orders));
    for (size_t i = 1; i < all.size(); ++i)
      CHECK(standing.All()[i - 1]->until_ms <= standing.All()[i]->until_ms);
  }
  CHECK(ledger.evicted() > 0);
}

TEST_CASE("a shadow stands beside an order of the same key, and neither takes the other out", "[standing]") {
  Decision order = MakeDecision("192.0.2.1", 1000);
  Decision shadow = MakeDecision("192.0.2.1", 2000);
  shadow.shadow = true;
  StandingOrders standing({order, shadow});
  CHECK(standing.size() == 2);
  CHECK(standing.On(Scope::kIp, "192.0.2.1").size() == 2);
  CHECK(standing.On(Scope::kRange, "192.0.2.1").empty());
  REQUIRE(standing.Snapshot().decisions.size() == 1);
  CHECK(standing.Snapshot().decisions[0]->id == order.id);
  Follower follower(&standing);
  const Change gone[] = {Make(ChangeKind::kRemoved, shadow)};
  standing.Take(gone);
  CHECK(follower.Ids().size() == 1);
  CHECK(standing.size() == 1);
  const Change both[] = {Make(ChangeKind::kAdded, shadow), Make(ChangeKind::kExpired, order)};
  standing.Take(both);
  CHECK(follower.Ids().empty());
  CHECK(standing.size() == 1);
  CHECK(standing.Snapshot().decisions.empty());
}

TEST_CASE("of what stands on one name all is found, whatever it does", "[standing]") {
  std::vector<Decision> all;
  for (const Action action : {Action::kChallenge, Action::kThrottle, Action::kBlock, Action::kLock}) {
    all.push_back(MakeDecision("alice", 1000, action, Scope::kAccount));
    if (action == Action::kChallenge) {
      all.push_back(all.back());
      all.back().challenge_kind = ChallengeKind::kIdentity;
    }
  }
  all.push_back(all.back());
  all.back().all_lanes = true;
  StandingOrders standing(all);
  CHECK(standing.On(Scope::kAccount, "alice").size() == 6);
  CHECK(standing.On(Scope::kAccount, "bob").empty());
}

TEST_CASE("pages of what is wanted are all of it, each once and in order, whatever changed in between",
          "[standing]") {
  std::vector<Decision> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(MakeDecision("v" + std::to_string(i), 1000 + i % 7));  // many end at once
    all.back().shadow = i % 5 == 0;
  }
  StandingOrders standing(all);
  // Longer, shorter and gone: where it stood it stands no more.
  for (int i = 0; i < 90; ++i) {
    Decision& decision = all[static_cast<size_t>(i)];
    const Change gone[] = {Make(ChangeKind::kRemoved, decision)};
    if (i % 3 == 0) standing.Take(gone);
    decision.until_ms += i % 3 == 1 ? 3 : -3;
    const Change changed[] = {Make(ChangeKind::kExtended, decision)};
    if (i % 3 != 0) standing.Take(changed);
  }
  std::vector<std::pair<int64_t, std::string>> expected;
  const auto wanted = [](const Decision& decision) { return decision.value.back() != '4'; };
  for (size_t i = 0; i < all.size(); ++i)
    if ((i >= 90 || i % 3 != 0) && wanted(all[i])) expected.emplace_back(all[i].until_ms, all[i].id);
  std::sort(expected.begin(), expected.end());
  std::vector<std::pair<int64_t, std::string>> found;
  for (;;) {
    const auto page = standing.Select(found.empty() ? INT64_MIN : found.back().first,
                                      found.empty() ? "" : found.back().second, 40, wanted);
    REQUIRE(page.size() <= 40);
    for (const SharedDecision& decision : page) found.emplace_back(decision->until_ms, decision->id);
    if (page.empty()) break;
  }
  CHECK(found == expected);
  CHECK(standing.size() == all.size() - 30);
}

TEST_CASE("with the kill switch off nothing is in force for firewalls, and people still see all",
          "[standing]") {
  const Decision first = MakeDecision("192.0.2.1", 1000);
  const Decision second = MakeDecision("192.0.2.2", 1000);
  StandingOrders standing({first});
  Follower follower(&standing);
  CHECK(standing.enforcing());
  standing.SetEnforcing(false);
  CHECK_FALSE(standing.enforcing());
  CHECK(standing.Snapshot().decisions.empty());
  CHECK(follower.Ids().empty());
  const Change more[] = {Make(ChangeKind::kAdded, second)};
  standing.Take(more);
  CHECK(follower.Ids().empty());
  CHECK(standing.All().size() == 2);
  standing.SetEnforcing(true);
  CHECK(follower.Ids().size() == 2);
}

TEST_CASE("a replacement is everything anew, and of one key the decision that lasts longest", "[standing]") {
  StandingOrders standing({MakeDecision("192.0.2.1", 1000)});
  Follower follower(&standing);
  const Decision longest = MakeDecision("192.0.2.2", 3000);
  standing.Replace({MakeDecision("192.0.2.2", 2000), longest, MakeDecision("192.0.2.2", 1000)});
  CHECK(follower.Ids() == std::map<std::string, std::string>{{TextOf(OrderKey::Of(longest)), longest.id}});
}

TEST_CASE("readers, listeners and the kill switch all at once agree in the end", "[standing]") {
  std::vector<Decision> first;
  for (int i = 0; i < 2000; ++i) first.push_back(MakeDecision("v" + std::to_string(i), i));
  StandingOrders standing(first);
  Follower early(&standing);
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, i] {
      while (!done) {
        const auto decisions = i == 0 ? standing.All() : standing.Snapshot().decisions;
        const Follower comes_and_goes(&standing);
        standing.On(Scope::kIp, "v7");
      }
    });
  }
  std::thread killer([&] {
    for (int i = 0; i < 20; ++i) standing.SetEnforcing(i % 2 != 0);
  });
  std::map<std::string, std::string> oracle;
  for (const Decision& decision : first) oracle[TextOf(OrderKey::Of(decision))] = decision.id;
  std::mt19937_64 random(3);
  for (int i = 0; i < 5000; ++i) {
    const Decision decision = MakeDecision("v" + std::to_string(random() % 3000), i);
    const std::string key = TextOf(OrderKey::Of(decision));
    const bool removes = oracle.contains(key) && random() % 2 == 0;
    const Change change[] = {Make(removes ? ChangeKind::kRemoved : ChangeKind::kAdded, decision)};
    standing.Take(change);
    if (removes) {
      oracle.erase(key);
    } else {
      oracle[key] = decision.id;
    }
  }
  killer.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  standing.SetEnforcing(true);
  CHECK(IdsOf(standing.Snapshot().decisions) == oracle);
  CHECK(early.Ids() == oracle);
  CHECK(standing.size() == oracle.size());
}

}  // namespace
}  // namespace stockade
