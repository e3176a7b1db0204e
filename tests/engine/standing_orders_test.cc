// Proves what the engine promises of orders that no rule gave, of the stream of changes, and of the kill switch: whoever follows
// the changes has what stands, at every moment, also where decisions come and go in thousands.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "engine/engine.h"
#include "engine/rule/sigma_parse.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kOrderRules = R"(
title: A failed login
name: failed_login
logsource: {category: authentication}
detection:
  selection: {event.outcome: failure}
  condition: selection
---
title: Three failures from one address
name: many_failures
correlation:
  type: event_count
  rules: [failed_login]
  group-by: [source.ip]
  timespan: 10m
  condition: {gte: 3}
response: {action: block, target: source.ip, for: 15m, escalate: {factor: 4, up-to: 2d}}
)";

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kStartNs = 1'700'000'000 * kSecondNs;

// Who follows the changes.
struct Follower : EngineListener {
  void OnChanges(std::span<const Change> changes) override {
    for (const Change& change : changes) {
      REQUIRE(change.sequence == ++sequence);
      const std::string key = Concat(Name(change.decision.action), " ", change.decision.value);
      if (change.kind == ChangeKind::kAdded) REQUIRE_FALSE(standing.contains(key));
      if (change.kind != ChangeKind::kAdded) REQUIRE(standing.contains(key));
      if (change.kind == ChangeKind::kAdded || change.kind == ChangeKind::kExtended) {
        standing[key] = change.decision.id;
      } else {
        standing.erase(key);
      }
      last = change;
    }
  }
  std::map<std::string, std::string> standing;
  uint64_t sequence = 0;
  Change last;
};

struct Scene {
  explicit Scene(EngineOptions options = {}) {
    SigmaDocuments documents;
    REQUIRE(ParseSigma(kOrderRules, "orders.yml", &documents).ok());
    auto compiled = Compile(std::move(documents), &fields);
    REQUIRE(compiled.ok());
    rules = std::move(*compiled);
    options.tells_changes = true;
    auto made = Engine::Create(options, rules.get(), &follower);
    INFO(made.status());
    REQUIRE(made.ok());
    engine = std::move(*made);
  }
  VerdictKind Try(const Address& source, Outcome outcome) {
    LoginEvent event;
    event.attempt.time_ns = now_ns;
    event.attempt.source = source;
    const std::string account = Concat("customer", ++customers);  // who got in before would be no stranger
    event.attempt.account = account;
    event.aftermath.outcome = outcome;
    const Verdict verdict = engine->Assess(event.attempt);
    if (IsObserved(verdict, event.aftermath.challenge)) engine->Observe(event, verdict);
    return verdict.kind;
  }
  Decision Order(std::string_view value, int64_t seconds, Action action = Action::kBlock) const {
    Decision decision;
    decision.prefix = *Prefix::Parse(value);
    decision.scope = decision.prefix.is_single() ? Scope::kIp : Scope::kRange;
    decision.value = std::string(value);
    decision.action = action;
    decision.time_ms = now_ns / 1'000'000;
    decision.until_ms = decision.time_ms + seconds * 1000;
    decision.rule = "by hand";
    return decision;
  }

  int64_t now_ns = kStartNs;
  int customers = 0;
  Follower follower;
  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
  std::unique_ptr<Engine> engine;
};

TEST_CASE("whoever follows the changes has what stands", "[engine]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  EngineOptions options;
  options.memory_bytes = size_t{16} << 20;
  options.ledger_bytes = 200'000;  // some 250 decisions: most give way
  Scene scene(options);
  for (int step = 0; step < 20'000; ++step) {
    scene.now_ns += static_cast<int64_t>(random() % 3000) * 1'000'000;
    const Address source = Address::V4(static_cast<uint32_t>(0x0a000000 + random() % 600));
    scene.Try(source, random() % 3 == 0 ? Outcome::kSuccess : Outcome::kBadPassword);
    switch (random() % 40) {
      case 0:
        scene.engine->Propose(scene.Order(source.ToString(), 1 + static_cast<int64_t>(random() % 9000)),
                              "alice", "");
        break;
      case 1: {
        const std::vector<Decision> standing = scene.engine->StandingDecisions();
        if (!standing.empty())
          scene.engine->Remove(standing[random() % standing.size()], "alice", "a mistake");
        break;
      }
      case 2:
        if (random() % 20 == 0) {
          Allowlist list;
          list.AddNetwork(Prefix::Around(source, 29));
          scene.engine->SetAllowlist(list);
        }
        break;
      default:
        break;
    }
    if (step % 100 != 0) continue;
    std::map<std::string, std::string> standing;
    for (const Decision& decision : scene.engine->StandingDecisions())
      standing[Concat(Name(decision.action), " ", decision.value)] = decision.id;
    // What is over and not thrown out yet is still with who follows.
    for (const auto& [key, id] : standing) REQUIRE(scene.follower.standing[key] == id);
  }
  CHECK(scene.follower.sequence > 1000);
}

TEST_CASE("an order given by hand acts at once and says who gave it", "[engine]") {
  Scene scene;
  const Address source = *Address::Parse("198.51.100.7");
  REQUIRE(scene.Try(source, Outcome::kSuccess) == VerdictKind::kAllow);
  const Engine::Proposed made =
      scene.engine->Propose(scene.Order("198.51.100.0/24", 60), "alice", "scans us");
  CHECK(made.fate == Proposal::kAdded);
  CHECK(made.decision.id.size() == 16);
  CHECK(scene.follower.last.by == "alice");
  CHECK(scene.follower.last.why == "scans us");
  CHECK(scene.Try(source, Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(scene.engine->Propose(scene.Order("198.51.100.9", 60), "bob", "").fate == Proposal::kCovered);
  CHECK(scene.engine->Propose(scene.Order("198.51.100.9", 90), "bob", "").fate == Proposal::kAdded);
  scene.now_ns += kSecondNs;
  CHECK(scene.engine->Propose(scene.Order("198.51.100.0/24", 90), "bob", "").fate == Proposal::kExtended);
  CHECK_FALSE(scene.engine->Remove(made.decision, "alice", ""));  // another one stands there now
  for (const Decision& decision : scene.engine->StandingDecisions())
    CHECK(scene.engine->Remove(decision, "alice", "a mistake"));
  CHECK(scene.follower.last.kind == ChangeKind::kRemoved);
  CHECK(scene.follower.last.why == "a mistake");
  CHECK(scene.Try(source, Outcome::kSuccess) == VerdictKind::kAllow);
}

TEST_CASE("a rule whose decision was lifted by hand speaks again with the next failure", "[engine]") {
  Scene scene;
  const Address source = *Address::Parse("198.51.100.7");
  const Address other = *Address::Parse("198.51.100.8");
  for (int i = 0; i < 3; ++i) scene.Try(source, Outcome::kBadPassword);
  for (int i = 0; i < 3; ++i) scene.Try(other, Outcome::kBadPassword);
  const std::vector<Decision> standing = scene.engine->StandingDecisions();
  REQUIRE(standing.size() == 2);
  for (const Decision& decision : standing)
    if (decision.value == source.ToString()) REQUIRE(scene.engine->Remove(decision, "alice", "a mistake"));
  scene.now_ns += kSecondNs;
  CHECK(scene.Try(source, Outcome::kBadPassword) == VerdictKind::kAllow);
  CHECK(scene.Try(source, Outcome::kSuccess) == VerdictKind::kDeny);
  // Once, and about nobody else.
  const EngineCounters counters = scene.engine->counters();
  CHECK(counters.alerts == 3);
  CHECK(counters.decisions == 3);
  CHECK(scene.engine->StandingDecisions().size() == 2);
}

TEST_CASE("who was let go for want of memory is stopped again once there is room", "[engine]") {
  EngineOptions options;
  options.ledger_bytes = 5000;
  Scene scene(options);
  const Address source = *Address::Parse("198.51.100.7");
  for (int i = 0; i < 3; ++i) scene.Try(source, Outcome::kBadPassword);
  std::vector<Decision> longer;
  for (int i = 0; scene.engine->counters().decisions_evicted == 0; ++i) {
    REQUIRE(i < 20);
    longer.push_back(
        scene.engine->Propose(scene.Order(Concat("203.0.113.", i), 86'400), "alice", "").decision);
  }
  CHECK(scene.follower.standing.count("block 198.51.100.7") == 0);
  CHECK(scene.engine->counters().alarms == 1);
  scene.now_ns += kSecondNs;
  // There is none yet: it ends sooner than all the others.
  CHECK(scene.Try(source, Outcome::kBadPassword) == VerdictKind::kAllow);
  CHECK(scene.Try(source, Outcome::kBadPassword) == VerdictKind::kAllow);
  CHECK(scene.engine->counters().decisions_turned_away == 2);
  CHECK(scene.engine->counters().alarms == 1);  // the same hour
  CHECK(scene.engine->Remove(longer.front(), "alice", ""));
  CHECK(scene.Try(source, Outcome::kBadPassword) == VerdictKind::kAllow);
  CHECK(scene.Try(source, Outcome::kSuccess) == VerdictKind::kDeny);
}

TEST_CASE("the kill switch stops nothing from being decided and everything from acting", "[engine]") {
  Scene scene;
  const Address source = *Address::Parse("198.51.100.7");
  scene.engine->SetEnforcing(false);
  for (int i = 0; i < 3; ++i) CHECK(scene.Try(source, Outcome::kBadPassword) == VerdictKind::kAllow);
  CHECK(scene.engine->StandingDecisions().size() == 1);
  CHECK(scene.Try(source, Outcome::kSuccess) == VerdictKind::kAllow);
  scene.engine->SetEnforcing(true);
  CHECK(scene.Try(source, Outcome::kSuccess) == VerdictKind::kDeny);
}

TEST_CASE("what stood before a restart stands, and repeaters are known", "[engine]") {
  Scene before;
  const Address source = *Address::Parse("198.51.100.7");
  for (int i = 0; i < 3; ++i) before.Try(source, Outcome::kBadPassword);
  const Decision first = before.engine->StandingDecisions().at(0);
  CHECK(first.until_ms - first.time_ms == 15 * 60'000);

  Scene after;
  after.now_ns += 60 * kSecondNs;
  after.engine->Restore(first, after.now_ns / 1'000'000);
  CHECK(after.follower.last.by == "restart");
  CHECK(after.Try(source, Outcome::kSuccess) == VerdictKind::kDeny);

  Scene later;  // the block was over while nobody ran
  later.now_ns += 3600 * kSecondNs;
  later.engine->Restore(first, later.now_ns / 1'000'000);
  CHECK(later.engine->StandingDecisions().empty());
  for (int i = 0; i < 3; ++i) CHECK(later.Try(source, Outcome::kBadPassword) == VerdictKind::kAllow);
  const Decision second = later.engine->StandingDecisions().at(0);
  CHECK(second.repeat == 1);
  CHECK(second.until_ms - second.time_ms == 60 * 60'000);
}

TEST_CASE("IPv6 hosts that change their address are blocked with their network, once three of it are guilty",
          "[engine]") {
  Scene scene;
  for (int host = 1; host <= 3; ++host) {
    const Address source = *Address::Parse(Concat("2001:db8::", host));
    for (int i = 0; i < 3; ++i) scene.Try(source, Outcome::kBadPassword);
  }
  CHECK(scene.Try(*Address::Parse("2001:db8::ffff"), Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(scene.Try(*Address::Parse("2001:db8:0:1::1"), Outcome::kSuccess) == VerdictKind::kAllow);
}

TEST_CASE("whom the allowlist holds by now is challenged, though he was blocked before the restart",
          "[engine]") {
  Scene before;
  before.engine->Propose(before.Order("198.51.100.7", 3600), "alice", "");
  before.Try(*Address::Parse("192.0.2.1"), Outcome::kSuccess);
  const Decision block = before.engine->StandingDecisions().at(0);
  EngineOptions options;
  REQUIRE(options.allowlist.AddNetwork(*Prefix::Parse("198.51.100.0/24")));
  Scene after(options);
  after.engine->Restore(block, after.now_ns / 1'000'000);
  CHECK(after.follower.last.by == "allowlist");
  CHECK(after.follower.standing.size() == 1);
  CHECK(after.follower.standing.begin()->first == "challenge 198.51.100.7");
}

TEST_CASE("a ledger of more than a quarter of the memory is refused", "[engine]") {
  EngineOptions options;
  options.memory_bytes = size_t{16} << 20;
  options.ledger_bytes = size_t{5} << 20;
  const FieldTable fields;
  const auto made = Engine::Create(options, nullptr, nullptr);
  CHECK(made.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(made.status().message()).find("store.memory") != std::string::npos);
}

}  // namespace
}  // namespace stockade
