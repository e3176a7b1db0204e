// Proven here: through random proposals, expiries, releases and late look-ups the ledger answers, counts and
// reports as a plain list does; throttling is the token bucket of the textbook; memory keeps its ceiling and
// says what it gave up.
#include "engine/decision/ledger.h"
#include "tests/engine/decision/customer_testing.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace stockade {
namespace {

Decision Make(Scope scope, std::string value, Action action, int64_t time_ms, int64_t until_ms) {
  static int next_id = 0;
  Decision d;
  d.id = "id" + std::to_string(next_id++);
  d.time_ms = time_ms;
  d.until_ms = until_ms;
  d.action = action;
  d.scope = scope;
  d.value = std::move(value);
  d.rule = "rule";
  if (scope == Scope::kIp || scope == Scope::kRange) d.prefix = *Prefix::Parse(d.value);
  return d;
}

// The dumbest ledger: a list in order of arrival.
struct Oracle {
  struct Entry {
    Decision decision;
    uint64_t order;
  };
  std::vector<Entry> entries;
  std::vector<std::pair<ChangeKind, std::string>> changes;
  uint64_t next = 0;
  int64_t now = INT64_MIN;

  static auto Kind(const Decision& d) {
    return std::tuple(d.action, d.shadow,
                      d.action == Action::kChallenge ? d.challenge_kind : ChallengeKind::kHuman,
                      d.action == Action::kLock && d.all_lanes);
  }
  Proposal Propose(const Decision& d) {
    if (d.until_ms <= d.time_ms || d.until_ms <= now) return Proposal::kRefused;
    for (Entry& e : entries) {
      if (e.decision.scope != d.scope || e.decision.value != d.value || Kind(e.decision) != Kind(d)) continue;
      if (e.decision.until_ms >= d.until_ms) return Proposal::kCovered;
      e.decision = d;
      changes.emplace_back(ChangeKind::kExtended, d.id);
      return Proposal::kExtended;
    }
    for (const Entry& e : entries) {
      const bool both_sources = e.decision.prefix.address.present() && d.prefix.address.present();
      if (both_sources && e.decision.prefix.length < d.prefix.length &&
          e.decision.prefix.Contains(d.prefix.address) && Kind(e.decision) == Kind(d) &&
          e.decision.until_ms >= d.until_ms)
        return Proposal::kCovered;
    }
    entries.push_back({d, next++});
    changes.emplace_back(ChangeKind::kAdded, d.id);
    return Proposal::kAdded;
  }
  void Advance(int64_t to) {
    if (to <= now) return;
    now = to;
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.decision.until_ms, a.order) < std::pair(b.decision.until_ms, b.order);
    });
    while (!entries.empty() && entries.front().decision.until_ms <= now) {
      changes.emplace_back(ChangeKind::kExpired, entries.front().decision.id);
      entries.erase(entries.begin());
    }
  }
  static int Severity(const Decision& d) {
    if (d.action == Action::kThrottle) return 0;
    if (d.action == Action::kChallenge) return d.challenge_kind == ChallengeKind::kIdentity ? 2 : 1;
    return 3;
  }
  std::string Find(const Attempt& attempt, bool account, int64_t at) const {
    const Entry* best = nullptr;
    for (const Entry& e : entries) {
      const Decision& d = e.decision;
      bool holds = false;
      if (d.scope == Scope::kIp || d.scope == Scope::kRange)
        holds = !account && d.prefix.Contains(attempt.source);
      if (d.scope == Scope::kAsn)
        holds = !account && attempt.asn != 0 && d.value == std::to_string(attempt.asn);
      if (d.scope == Scope::kFingerprint)
        holds = !account && d.value == TargetOf(attempt, Target::kSourceFingerprint, kKey)->value;
      if (d.scope == Scope::kAccount) holds = account && d.value == attempt.account;
      if (!holds || d.until_ms <= at) continue;
      const auto rank = [](const Entry& entry) {
        const Decision& x = entry.decision;
        return std::tuple(!x.shadow, Severity(x), x.all_lanes, x.until_ms,
                          -static_cast<int64_t>(entry.order));
      };
      if (best == nullptr || rank(*best) < rank(e)) best = &e;
    }
    return best == nullptr ? "" : best->decision.id;
  }
};

TEST_CASE("the ledger does as a plain list does", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::vector<std::string> addresses = {"10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1",
                                              "2001:db8::1:0:0:2"};
  const std::vector<std::string> networks = {"10.0.0.0/24", "10.0.0.0/16", "0.0.0.0/0", "2001:db8::/64",
                                             "2001:db8::/48"};
  const std::vector<std::string> agents = {"curl", "Chrome"};
  const std::vector<std::string> accounts = {"alice", "bob"};
  for (int round = 0; round < 40; ++round) {
    Ledger ledger({.hash_key = kKey, .bytes_max = size_t{1} << 30, .changes_max = 100'000});
    Oracle oracle;
    int64_t now = 1000;
    for (int step = 0; step < 300; ++step) {
      INFO("round " << round << " step " << step);
      Attempt attempt;
      attempt.source = *Address::Parse(addresses[random() % addresses.size()]);
      attempt.asn = static_cast<uint32_t>(random() % 3);
      attempt.user_agent = agents[random() % agents.size()];
      attempt.account = accounts[random() % accounts.size()];
      switch (random() % 8) {
        case 0:
          now += static_cast<int64_t>(random() % 40);
          ledger.Advance(now);
          oracle.Advance(now);
          break;
        case 1: {  // let a target go
          const std::string value = addresses[random() % addresses.size()];
          std::vector<std::string> gone;
          auto& entries = oracle.entries;
          entries.erase(std::remove_if(entries.begin(), entries.end(),
                                       [&](const auto& e) {
                                         return e.decision.scope == Scope::kIp && e.decision.value == value;
                                       }),
                        entries.end());
          ledger.Release(Scope::kIp, value);
          // The order of several removals is the ledger's own; compared below without them.
          break;
        }
        case 2: {
          if (!oracle.entries.empty()) {
            const size_t which = random() % oracle.entries.size();
            REQUIRE(ledger.Remove(oracle.entries[which].decision, "", ""));
            oracle.entries.erase(oracle.entries.begin() + static_cast<std::ptrdiff_t>(which));
          }
          Decision nobody = Make(Scope::kAccount, "nobody", Action::kLock, now, now + 1);
          REQUIRE_FALSE(ledger.Remove(nobody, "", ""));
          break;
        }
        default: {
          const auto scope = static_cast<Scope>(random() % 5);
          std::string value;
          switch (scope) {
            case Scope::kIp:
              value = addresses[random() % addresses.size()];
              break;
            case Scope::kRange:
              value = networks[random() % networks.size()];
              break;
            case Scope::kAsn:
              value = std::to_string(1 + random() % 2);
              break;
            case Scope::kFingerprint:
              value = TargetOf(attempt, Target::kSourceFingerprint, kKey)->value;
              break;
            case Scope::kAccount:
              value = accounts[random() % accounts.size()];
              break;
          }
          if (scope == Scope::kIp || scope == Scope::kRange) value = Prefix::Parse(value)->ToString();
          Decision d = Make(scope, value, static_cast<Action>(random() % 4), now,
                            now + static_cast<int64_t>(random() % 60));
          d.shadow = random() % 4 == 0;
          d.challenge_kind = static_cast<ChallengeKind>(random() % 2);
          d.all_lanes = d.action == Action::kLock && random() % 2 == 0;
          REQUIRE(ledger.Propose(d) == oracle.Propose(d));
        }
      }
      // Also for late attempts, and for the last moment of a decision.
      const int64_t at = now - 10 + static_cast<int64_t>(random() % 50);
      const InForce found = ledger.Find(attempt, at);
      REQUIRE((found.source == nullptr ? "" : found.source->id) == oracle.Find(attempt, false, at));
      REQUIRE((found.account == nullptr ? "" : found.account->id) == oracle.Find(attempt, true, at));
      REQUIRE_FALSE(found.allowlisted);
      REQUIRE(ledger.size() == oracle.entries.size());
    }
    std::vector<Change> changes;
    REQUIRE(ledger.DrainChanges(&changes));
    std::vector<std::pair<ChangeKind, std::string>> told;
    uint64_t sequence = 0;
    for (const Change& change : changes) {
      REQUIRE(change.sequence == ++sequence);
      if (change.kind != ChangeKind::kRemoved) told.emplace_back(change.kind, change.decision.id);
    }
    REQUIRE(told == oracle.changes);
    // What the stream says stands is what stands.
    std::map<std::string, std::multiset<int64_t>> by_stream, by_ledger;
    const auto name = [](const Decision& d) {
      return std::string(Name(d.scope)) + d.value + std::string(Name(d.action));
    };
    for (const Change& change : changes) {
      std::multiset<int64_t>& untils = by_stream[name(change.decision)];
      if (change.kind == ChangeKind::kAdded) untils.insert(change.decision.until_ms);
      if (change.kind == ChangeKind::kExpired || change.kind == ChangeKind::kRemoved)
        REQUIRE(untils.size() > 0);
      if (change.kind == ChangeKind::kExpired || change.kind == ChangeKind::kRemoved) {
        const auto one = untils.find(change.decision.until_ms);
        untils.erase(one == untils.end() ? untils.begin() : one);
      }
    }
    size_t standing = 0;
    for (const auto& [target, untils] : by_stream) standing += untils.size();
    REQUIRE(standing == ledger.size());
    int64_t last = INT64_MIN;
    for (const Decision* d : ledger.Standing(INT64_MIN)) {
      REQUIRE(d->until_ms >= last);
      last = d->until_ms;
    }
    ledger.Advance(now + 1000);
    REQUIRE(ledger.size() == 0);
    REQUIRE(ledger.bytes() == 0);
  }
}

TEST_CASE("a decision acts until the last millisecond before its expiry", "[decision]") {
  Ledger ledger({.hash_key = kKey});
  Attempt attempt;
  attempt.source = *Address::Parse("192.0.2.7");
  REQUIRE(ledger.Propose(Make(Scope::kIp, "192.0.2.7", Action::kBlock, 0, 100)) == Proposal::kAdded);
  CHECK(ledger.Find(attempt, 99).source != nullptr);
  CHECK(ledger.Find(attempt, 100).source == nullptr);
  ledger.Advance(100);
  CHECK(ledger.size() == 0);
  CHECK(ledger.Propose(Make(Scope::kIp, "192.0.2.7", Action::kBlock, 0, 100)) == Proposal::kRefused);
}

TEST_CASE("throttling is a token bucket of five, refilled one every ten seconds", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    Ledger ledger({.hash_key = kKey});
    Decision d = Make(Scope::kIp, "192.0.2.7", Action::kThrottle, 0, INT64_MAX);
    REQUIRE(ledger.Propose(d) == Proposal::kAdded);
    int64_t now = 0, level_ms = 5 * 10'000;  // the bucket's content in milliseconds of refill
    for (int step = 0; step < 200; ++step) {
      const auto wait = static_cast<int64_t>(random() % 9000);
      now += wait;
      level_ms = std::min<int64_t>(level_ms + wait, 5 * 10'000);
      const bool expected = level_ms >= 10'000;
      if (expected) level_ms -= 10'000;
      REQUIRE(ledger.TakeToken(d, now) == expected);
    }
    // An extension goes on with the same bucket.
    while (ledger.TakeToken(d, now)) {
    }
    d.time_ms = now;
    CHECK_FALSE(ledger.TakeToken(d, now - 5000));
  }
  Ledger ledger({.hash_key = kKey});
  CHECK(ledger.TakeToken(Make(Scope::kIp, "192.0.2.7", Action::kThrottle, 0, 10), 0));
  CHECK(ledger.TakeToken(Make(Scope::kIp, "192.0.2.7", Action::kBlock, 0, 10), 0));
}

TEST_CASE("the allowlist frees at look-up, and tells the firewall to let go", "[decision]") {
  Ledger ledger({.hash_key = kKey, .changes_max = 100});
  Attempt attempt;
  attempt.source = *Address::Parse("192.0.2.7");
  attempt.account = "alice";
  REQUIRE(ledger.Propose(Make(Scope::kIp, "192.0.2.7", Action::kBlock, 0, 100)) == Proposal::kAdded);
  REQUIRE(ledger.Propose(Make(Scope::kRange, "198.51.100.0/24", Action::kBlock, 0, 100)) == Proposal::kAdded);
  REQUIRE(ledger.Propose(Make(Scope::kAccount, "alice", Action::kLock, 0, 100)) == Proposal::kAdded);
  Allowlist list;
  REQUIRE(list.AddNetwork(*Prefix::Parse("192.0.2.0/24")));
  REQUIRE(list.AddAccount("alice"));
  ledger.SetAllowlist(list);
  const InForce found = ledger.Find(attempt, 50);
  CHECK(found.allowlisted);
  REQUIRE(found.source != nullptr);
  REQUIRE(found.account != nullptr);
  CHECK(found.source->action == Action::kChallenge);
  CHECK(found.account->action == Action::kChallenge);
  std::vector<Change> changes;
  REQUIRE(ledger.DrainChanges(&changes));
  const auto of_kind = [&](ChangeKind kind) {
    return std::count_if(changes.begin(), changes.end(), [&](const Change& c) { return c.kind == kind; });
  };
  CHECK(of_kind(ChangeKind::kRemoved) == 2);
  CHECK(of_kind(ChangeKind::kAdded) == 5);
  attempt.source = *Address::Parse("198.51.100.1");
  attempt.account = "bob";
  CHECK(ledger.Find(attempt, 50).source->action == Action::kBlock);
  CHECK_FALSE(ledger.Find(attempt, 50).allowlisted);
  // Vouched for by account, blocked by address: challenged.
  attempt.account = "alice";
  const InForce by_account = ledger.Find(attempt, 50);
  CHECK(ActionOn(*by_account.source, by_account.allowlisted) == Action::kChallenge);
  CHECK(ActionOn(*by_account.source, false) == Action::kBlock);
}

TEST_CASE("a full ledger gives up what would be over soonest", "[decision]") {
  Ledger ledger({.hash_key = kKey, .bytes_max = 100'000});
  for (int i = 0; i < 5000; ++i) {
    const std::string value = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    ledger.Propose(Make(Scope::kIp, value, Action::kBlock, 0, 1000 + (i * 7919) % 5000));
    REQUIRE(ledger.bytes() <= 100'000);
  }
  CHECK(ledger.size() > 50);
  CHECK(ledger.evicted() + ledger.refused() + ledger.size() == 5000);
  const auto standing = ledger.Standing(0);
  // All different expiries: the ones that stand are the longest of all.
  CHECK(standing.front()->until_ms == 6000 - static_cast<int64_t>(standing.size()));
}

TEST_CASE("what others decided gives way to what was decided here, and never the other way round",
          "[decision]") {
  constexpr int kOurs = 20;
  Ledger ledger({.hash_key = kKey, .bytes_max = 100'000});
  for (int i = 0; i < kOurs; ++i)
    REQUIRE(ledger.Propose(Make(Scope::kAsn, std::to_string(i + 1), Action::kBlock, 0, 1000)) ==
            Proposal::kAdded);
  const auto import = [&](int i) {
    const std::string value = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    Decision decision = Make(Scope::kIp, value, Action::kBlock, 0, 1'000'000 + i);
    decision.rule = "import:feed";
    return ledger.Propose(decision);
  };
  for (int i = 0; i < 5000; ++i) import(i);
  const auto ours = [&] {
    return std::ranges::count_if(ledger.Standing(0),
                                 [](const Decision* d) { return d->scope == Scope::kAsn; });
  };
  CHECK(ours() == kOurs);
  CHECK(ledger.evicted() > 0);
  const size_t full = ledger.size();
  // A block of ours that is over first of all takes the place of an import.
  CHECK(ledger.Propose(Make(Scope::kAsn, "99", Action::kBlock, 0, 10)) == Proposal::kAdded);
  CHECK(ours() == kOurs + 1);
  CHECK(ledger.size() <= full);
  // Nor does one that an import prolonged become the import's.
  Decision longer = Make(Scope::kAsn, "99", Action::kBlock, 0, 900'000);
  longer.rule = "import:feed";
  CHECK(ledger.Propose(longer) == Proposal::kExtended);
  for (int i = 5000; i < 9000; ++i) import(i);
  CHECK(ours() == kOurs + 1);
  // Where there is nothing but ours left, an import is turned away.
  for (int i = 100; i < 400; ++i)
    ledger.Propose(Make(Scope::kAsn, std::to_string(i), Action::kBlock, 0, 500));
  const uint64_t turned_away = ledger.turned_away();
  CHECK(import(9000) == Proposal::kRefused);
  CHECK(ledger.turned_away() == turned_away + 1);
  // All of them come to their end.
  ledger.Advance(2'000'000);
  CHECK(ledger.size() == 0);
  CHECK(ledger.bytes() == 0);
}

TEST_CASE("too many changes are told as a loss, not as a part", "[decision]") {
  Ledger ledger({.hash_key = kKey, .changes_max = 3});
  for (int i = 0; i < 3; ++i)
    ledger.Propose(Make(Scope::kAsn, std::to_string(i + 1), Action::kChallenge, 0, 10));
  std::vector<Change> changes;
  CHECK(ledger.DrainChanges(&changes));
  CHECK(changes.size() == 3);
  ledger.Advance(10);
  ledger.Propose(Make(Scope::kAsn, "9", Action::kChallenge, 10, 20));
  changes.clear();
  CHECK_FALSE(ledger.DrainChanges(&changes));
  CHECK(changes.empty());
  CHECK(ledger.DrainChanges(&changes));
  ledger.Propose(Make(Scope::kAsn, "10", Action::kChallenge, 10, 20));
  CHECK(ledger.DrainChanges(&changes));
  CHECK(changes.at(0).sequence == 8);
}

TEST_CASE("decisions that name nothing are refused", "[decision]") {
  Ledger ledger({.hash_key = kKey});
  CHECK(ledger.Propose(Make(Scope::kAsn, "x", Action::kBlock, 0, 10)) == Proposal::kRefused);
  CHECK(ledger.Propose(Make(Scope::kAsn, "0", Action::kBlock, 0, 10)) == Proposal::kRefused);
  CHECK(ledger.Propose(Make(Scope::kAsn, "99999999999", Action::kBlock, 0, 10)) == Proposal::kRefused);
  Decision nowhere = Make(Scope::kAsn, "1", Action::kBlock, 0, 10);
  nowhere.scope = Scope::kIp;
  CHECK(ledger.Propose(nowhere) == Proposal::kRefused);
  CHECK(ledger.size() == 0);
  CHECK(ledger.bytes() == 0);
  CHECK(ledger.Release(Scope::kIp, "not an address") == 0);
  Attempt nobody;
  CHECK(ledger.Find(nobody, 0).source == nullptr);
}

}  // namespace
}  // namespace stockade
