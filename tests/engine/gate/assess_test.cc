// Proves the table of assess.h of what stands for a challenge that cannot be asked: for every standing decision, lane and way, the
// certificate, the modes, and who is allowlisted.
#include "engine/gate/assess.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/rule/sigma_parse.h"
#include "engine/text.h"
#include "tests/engine/no_rule.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'772'000'000 * kSecond;

struct Steps : EngineListener {
  void OnGateStep(const GateStep& step) override { said.push_back(Concat(step.step, ": ", step.said)); }
  std::vector<std::string> said;
};

// An account with its owner, a half-familiar place, and orders by hand.
struct Door {
  explicit Door(EngineOptions options = {}) {
    SigmaDocuments documents;
    REQUIRE(ParseSigma(kNoRule, "none.yml", &documents).ok());
    auto compiled = Compile(std::move(documents), &fields);
    REQUIRE(compiled.ok());
    rules = std::move(*compiled);
    auto made = Engine::Create(options, rules.get(), &steps);
    INFO(made.status());
    REQUIRE(made.ok());
    engine = std::move(*made);
    // A town of other browsers, so that the owner's says something.
    for (int i = 0; i < 400; ++i) {
      now_ns += kSecond;
      Learn(Concat("other", i), Concat("61.", i / 200, ".", i % 200, ".7"),
            Concat(std::string(1, static_cast<char>('A' + i % 6)), "other/1"));
      if (i % 40 == 0) Learn("ann", "198.51.100.7", "Anns/1");
    }
  }

  void Learn(const std::string& account, const std::string& source, const std::string& agent) {
    Come(account, source, agent, CanAsk::kUnsaid, CertificateStatus::kUnchecked, Outcome::kSuccess);
  }
  // kind, "human" or "identity" beside a challenge.
  std::string Come(const std::string& account, const std::string& source, const std::string& agent,
                   CanAsk can_ask, CertificateStatus certificate = CertificateStatus::kUnchecked,
                   Outcome outcome = Outcome::kUnknown) {
    now_ns += kSecond;
    LoginEvent event;
    event.attempt.time_ns = now_ns;
    event.attempt.source = *Address::Parse(source);
    event.attempt.account = account;
    event.attempt.user_agent = agent;
    event.attempt.can_ask = can_ask;
    event.attempt.certificate = certificate;
    event.attempt.certificate_present = certificate != CertificateStatus::kUnchecked;
    event.aftermath.outcome = outcome;
    const Verdict verdict = engine->Assess(event.attempt);
    lane = verdict.lane;
    for_certificate = verdict.for_certificate;
    std::string said(Name(verdict.kind));
    if (verdict.kind == VerdictKind::kChallenge) said = std::string(Name(verdict.challenge_kind));
    if (outcome != Outcome::kUnknown && verdict.kind == VerdictKind::kAllow) engine->Observe(event, verdict);
    return said;
  }
  std::string ComeHalf(CanAsk can_ask) {
    const std::string said = Come("ann", "203.0.113.9", "Anns/1", can_ask);
    REQUIRE(lane == Lane::kHalf);
    return said;
  }
  std::string ComeStrange(CanAsk can_ask) {
    const std::string said = Come("stranger", "203.0.113.9", "Tool/1", can_ask);
    REQUIRE(lane == Lane::kUnfamiliar);
    return said;
  }
  void Order(Action action, ChallengeKind kind = ChallengeKind::kHuman, bool account = false) {
    Decision decision;
    decision.time_ms = now_ns / 1'000'000;
    decision.action = action;
    decision.challenge_kind = kind;
    decision.scope = account ? Scope::kAccount : Scope::kIp;
    decision.prefix = account ? Prefix() : *Prefix::Parse("203.0.113.9");
    decision.value = account ? "ann" : "203.0.113.9";
    decision.until_ms = decision.time_ms + 3'600'000;
    decision.rule = "by hand";
    const Engine::Proposed proposed = engine->Propose(decision, "operator", "");
    REQUIRE(proposed.decision.action == action);
  }

  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
  Steps steps;
  std::unique_ptr<Engine> engine;
  int64_t now_ns = kStart;
  Lane lane = Lane::kUnfamiliar;
  bool for_certificate = false;
};

// By what can be asked: both, human, identity, neither.
using Row = std::vector<std::string>;
constexpr CanAsk kColumns[] = {CanAsk::kBoth, CanAsk::kHuman, CanAsk::kIdentity, CanAsk::kNeither};

template <typename Come>
Row RowOf(Come&& come) {
  Row row;
  for (const CanAsk can_ask : kColumns) row.push_back(come(can_ask));
  return row;
}

TEST_CASE("a standing decision asks for what can be asked on the way an attempt came, or denies",
          "[gate][challenge]") {
  {
    Door door;
    door.Order(Action::kChallenge, ChallengeKind::kHuman);
    CHECK(RowOf([&](CanAsk can) { return door.ComeStrange(can); }) ==
          Row{"human", "human", "identity", "deny"});
    CHECK(RowOf([&](CanAsk can) { return door.ComeHalf(can); }) == Row{"human", "human", "identity", "deny"});
    CHECK(door.ComeStrange(CanAsk::kUnsaid) == "human");
  }
  {
    Door door;
    door.Order(Action::kChallenge, ChallengeKind::kIdentity);
    CHECK(RowOf([&](CanAsk can) { return door.ComeStrange(can); }) ==
          Row{"identity", "human", "identity", "deny"});
  }
  {
    Door door;
    door.Order(Action::kBlock);
    CHECK(RowOf([&](CanAsk can) { return door.ComeStrange(can); }) == Row{"deny", "deny", "deny", "deny"});
    CHECK(RowOf([&](CanAsk can) { return door.ComeHalf(can); }) ==
          Row{"identity", "human", "identity", "deny"});
  }
  {
    Door door;
    door.Order(Action::kLock, ChallengeKind::kHuman, /*account=*/true);
    CHECK(RowOf([&](CanAsk can) { return door.ComeHalf(can); }) ==
          Row{"identity", "human", "identity", "deny"});
  }
  {
    Door door;
    door.Order(Action::kThrottle);
    for (int i = 0; i < 5; ++i) door.ComeStrange(CanAsk::kBoth);
    door.now_ns -= 5 * kSecond;
    CHECK(door.ComeHalf(CanAsk::kBoth) == "identity");
    door.now_ns -= kSecond;
    CHECK(door.ComeHalf(CanAsk::kHuman) == "human");
    door.now_ns -= kSecond;
    CHECK(door.ComeHalf(CanAsk::kNeither) == "throttle");
  }
}

TEST_CASE("who is allowlisted is never denied because nothing can be asked", "[gate][challenge]") {
  EngineOptions options;
  REQUIRE(options.allowlist.AddNetwork(*Prefix::Parse("203.0.113.0/24")));
  Door door(options);
  // Restored as it stood before the address was listed: the engine makes a challenge of it.
  door.Order(Action::kChallenge);
  CHECK(RowOf([&](CanAsk can) { return door.ComeStrange(can); }) ==
        Row{"human", "human", "identity", "allow"});
}

TEST_CASE("who is to come again because nobody could look comes again, whatever cannot be asked",
          "[gate][challenge]") {
  const auto row = [](Door* door) {
    return RowOf([door](CanAsk can) {
      return door->Come("ann", "203.0.113.9", "Anns/1", can, CertificateStatus::kUnverified);
    });
  };
  {
    Door door;
    CHECK(row(&door) == Row{"throttle", "throttle", "throttle", "throttle"});
    door.engine->SetMode(Mode::kEstablishedOnly);
    CHECK(row(&door) == Row{"throttle", "throttle", "throttle", "throttle"});
  }
  {
    Door door;  // what would be a challenge is no denial of his
    door.Order(Action::kChallenge, ChallengeKind::kIdentity);
    CHECK(row(&door) == Row{"throttle", "throttle", "throttle", "throttle"});
  }
  {
    EngineOptions options;
    options.detectors.emplace();
    Door door(options);
    for (int i = 0; i < 3; ++i)
      door.Come("ann", Concat("198.18.", i, ".9"), "Tool/1", CanAsk::kUnsaid, CertificateStatus::kUnchecked,
                Outcome::kBadPassword);
    CHECK(row(&door) == Row{"throttle", "throttle", "throttle", "throttle"});
    REQUIRE(door.lane == Lane::kHalf);
    CHECK(door.Come("ann", "203.0.113.9", "Anns/1", CanAsk::kNeither) == "deny");  // the guard's
  }
}

TEST_CASE("no human test stands for a certificate, and who cannot be asked is not charged for it",
          "[gate][challenge]") {
  Door door;
  const auto come = [&](CanAsk can) {
    return door.Come("ann", "203.0.113.9", "Anns/1", can, CertificateStatus::kUnconfirmed);
  };
  CHECK(RowOf(come) == Row{"identity", "deny", "identity", "deny"});
  come(CanAsk::kNeither);
  CHECK_FALSE(door.for_certificate);
}

TEST_CASE("a mode asks who is half familiar for what can be asked", "[gate][challenge]") {
  Door door;
  door.engine->SetMode(Mode::kEstablishedOnly);
  CHECK(RowOf([&](CanAsk can) { return door.ComeHalf(can); }) ==
        Row{"identity", "human", "identity", "deny"});
}

TEST_CASE("settings narrow what a way can ask and never widen it, and explain says both",
          "[gate][challenge]") {
  EngineOptions options;
  options.detectors.emplace().challenges = CanAsk::kHuman;
  Door door(options);
  door.Order(Action::kChallenge, ChallengeKind::kIdentity);
  CHECK(RowOf([&](CanAsk can) { return door.ComeStrange(can); }) == Row{"human", "human", "deny", "deny"});
  CHECK(door.ComeStrange(CanAsk::kUnsaid) == "human");
  door.engine->SetTracing(true);
  door.ComeStrange(CanAsk::kIdentity);
  REQUIRE_FALSE(door.steps.said.empty());
  CHECK(door.steps.said.front() ==
        "challenges: neither can be asked for (the way it came: identity; settings: human)");
  door.steps.said.clear();
  door.ComeStrange(CanAsk::kUnsaid);
  CHECK(door.steps.said.front() ==
        "challenges: human can be asked for (the way it came: says nothing of it; settings: human)");
}

TEST_CASE("where everything can be asked nothing is said of it", "[gate][challenge]") {
  Door door;
  door.engine->SetTracing(true);
  door.ComeStrange(CanAsk::kBoth);
  for (const std::string& said : door.steps.said) CHECK_FALSE(said.starts_with("challenges"));
}

}  // namespace
}  // namespace stockade
