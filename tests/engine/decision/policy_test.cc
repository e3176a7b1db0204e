// Proven here: an alert becomes the decision its response asks for, no wider, no harsher and no longer;
// repeats are counted as a list of past decisions counts them; ids are functions of rule, scope, value and
// time.
#include "engine/decision/policy.h"
#include "tests/engine/decision/customer_testing.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace stockade {
namespace {

struct Case {
  LoginEvent event;
  Response response;
  Alert alert;

  Case() {
    event.attempt.source = *Address::Parse("203.0.113.9");
    event.attempt.account = "alice";
    event.attempt.user_agent = "curl";
    event.attempt.asn = 64500;
    response.for_ms = 15 * kMinuteMs;
    alert.rule = "many_accounts";
    alert.title = "One source tries many accounts";
    alert.time_ms = 1'000'000;
    alert.span_ms = 10 * kMinuteMs;
    alert.value = 8;
    alert.condition = "gte 8";
    alert.counted_field = "user.name";
    alert.group = {{"source.ip", "203.0.113.9"}};
  }
  Alert& Ready() {
    alert.response = &response;
    alert.event = &event;
    return alert;
  }
};

std::optional<Decision> Decide(Policy* policy, const Alert& alert, const Allowlist& list = {},
                               bool observing = false) {
  return policy->Decide(alert, {list, observing, true}, nullptr);
}
std::optional<Decision> DecideAnew(const HashKey& key, const Alert& alert) {
  Policy policy(key);
  return Decide(&policy, alert);
}

TEST_CASE("an alert becomes the decision its response asks for", "[decision]") {
  Case c;
  Policy policy(kKey);
  const auto decision = Decide(&policy, c.Ready());
  REQUIRE(decision);
  CHECK(decision->action == Action::kBlock);
  CHECK(decision->scope == Scope::kIp);
  CHECK(decision->value == "203.0.113.9");
  CHECK(decision->prefix == *Prefix::Parse("203.0.113.9"));
  CHECK(decision->until_ms == 1'000'000 + 15 * kMinuteMs);
  CHECK(decision->rule == "many_accounts");
  CHECK(decision->reason == "One source tries many accounts: 8 of user.name within 10m (gte 8)");
  CHECK(decision->evidence.group.at(0).second == "203.0.113.9");
  CHECK(decision->id.size() == 16);
  CHECK_FALSE(decision->shadow);
  CHECK(Decide(&policy, c.Ready(), {}, true)->shadow);

  c.response.target = Target::kSourcePrefix;
  CHECK(Decide(&policy, c.Ready())->value == "203.0.113.0/24");
  c.response.target = Target::kSourceAsn;
  CHECK(Decide(&policy, c.Ready())->value == "64500");
}

TEST_CASE("without a response, or without the target's field, there is no decision", "[decision]") {
  Case c;
  Policy policy(kKey);
  CHECK_FALSE(Decide(&policy, c.alert));
  c.event.attempt = Attempt{};
  for (const Target target : {Target::kSourceIp, Target::kSourcePrefix, Target::kSourceAsn,
                              Target::kSourceFingerprint, Target::kUserName}) {
    c.response.target = target;
    CHECK_FALSE(Decide(&policy, c.Ready()));
  }
}

TEST_CASE("a block of an account is a lock of its unfamiliar lane, a lock of a source a challenge",
          "[decision]") {
  Case c;
  Policy policy(kKey);
  c.response.target = Target::kUserName;
  auto decision = Decide(&policy, c.Ready());
  CHECK(decision->action == Action::kLock);
  CHECK_FALSE(decision->all_lanes);
  c.response.all_lanes = true;
  CHECK(Decide(&policy, c.Ready())->all_lanes);
  c.response.target = Target::kSourceIp;
  c.response.action = Action::kLock;
  decision = Decide(&policy, c.Ready());
  CHECK(decision->action == Action::kChallenge);
  CHECK_FALSE(decision->all_lanes);
}

TEST_CASE("what touches the allowlist is challenged at most", "[decision]") {
  Case c;
  Policy policy(kKey);
  Allowlist list;
  REQUIRE(list.AddNetwork(*Prefix::Parse("203.0.113.9")));
  REQUIRE(list.AddAccount("alice"));
  CHECK(Decide(&policy, c.Ready(), list)->action == Action::kChallenge);
  c.response.target = Target::kSourcePrefix;  // the network holds the address
  CHECK(Decide(&policy, c.Ready(), list)->action == Action::kChallenge);
  c.response.target = Target::kUserName;
  CHECK(Decide(&policy, c.Ready(), list)->action == Action::kChallenge);
  c.response.target = Target::kSourceIp;
  c.response.action = Action::kThrottle;
  CHECK(Decide(&policy, c.Ready(), list)->action == Action::kThrottle);
  // Naming an allowlisted account does not make a stranger's address untouchable.
  c.response.action = Action::kBlock;
  c.event.attempt.source = *Address::Parse("198.51.100.1");
  CHECK(Decide(&policy, c.Ready(), list)->action == Action::kBlock);
}

TEST_CASE("repeaters are stopped longer, up to the limit, and forgiven after it", "[decision]") {
  Case c;
  Policy policy(kKey);
  c.response.escalate_factor = 4;
  c.response.escalate_up_to_ms = 300 * kMinuteMs;
  const std::vector<int64_t> expected = {15, 60, 240, 300, 300};
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto decision = Decide(&policy, c.Ready());
    CHECK(decision->repeat == static_cast<int>(i));
    CHECK(decision->until_ms - decision->time_ms == expected[i] * kMinuteMs);
    // More of the same while it stands is the same episode.
    c.alert.time_ms = decision->until_ms - 1;
    CHECK(Decide(&policy, c.Ready())->repeat == static_cast<int>(i));
    c.alert.time_ms += expected[i] * kMinuteMs + 1;
  }
  const auto last = Decide(&policy, c.Ready());
  c.alert.time_ms = last->until_ms + 300 * kMinuteMs;
  CHECK(Decide(&policy, c.Ready())->repeat == 0);
}

TEST_CASE("repeats are what a list of past decisions says", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    RepeatMemory memory(1000);
    struct Past {
      int repeats;
      int64_t until;
    };
    std::map<int, Past> past;
    int64_t now = 0;
    const int64_t up_to = 50;
    for (int step = 0; step < 200; ++step) {
      now += static_cast<int64_t>(random() % 30);
      const int who = static_cast<int>(random() % 5);
      const Hash128 name{static_cast<uint64_t>(who), 1};
      int expected = 0;
      if (past.contains(who) && now < past[who].until + up_to)
        expected = past[who].repeats + (now >= past[who].until ? 1 : 0);
      REQUIRE(memory.Repeats(name, now) == expected);
      const int64_t until = std::max(now + static_cast<int64_t>(random() % 40), past[who].until);
      memory.Remember(name, expected, until, until + up_to, now);
      past[who] = {expected, until};
      REQUIRE(memory.size() <= 5);
    }
  }
  RepeatMemory small(10);
  for (uint64_t i = 0; i < 1000; ++i)
    small.Remember({i, 2}, 0, static_cast<int64_t>(10 + i), static_cast<int64_t>(20 + i), 0);
  CHECK(small.size() == 10);
  CHECK(small.Repeats({999, 2}, 1010) == 1);
  CHECK(small.Repeats({0, 2}, 12) == 0);
}

TEST_CASE("an id is a function of rule, scope, value and time", "[decision]") {
  Case c;
  std::set<std::string> ids;
  const auto id = [&] { return DecideAnew(kKey, c.Ready())->id; };
  const std::string first = id();
  CHECK(id() == first);
  ids.insert(first);
  c.response.action = Action::kChallenge;
  c.alert.value = 99;
  CHECK(id() == first);
  c.alert.time_ms += 1;
  CHECK(ids.insert(id()).second);
  c.alert.rule = "other";
  CHECK(ids.insert(id()).second);
  c.response.target = Target::kSourcePrefix;
  CHECK(ids.insert(id()).second);
  c.event.attempt.source = *Address::Parse("198.51.100.1");
  CHECK(ids.insert(id()).second);
  CHECK(DecideAnew(HashKey{5, 6}, c.Ready())->id != id());
}

TEST_CASE("hostile durations and texts stay in bounds", "[decision]") {
  Response response;
  response.for_ms = INT64_MAX;
  CHECK(DurationMs(response, 0) == Policy::kDurationMsMax);
  response.for_ms = -5;
  CHECK(DurationMs(response, 3) == 0);
  response = Response{};
  response.for_ms = 1;
  response.escalate_factor = 1e300;
  response.escalate_up_to_ms = INT64_MAX;
  CHECK(DurationMs(response, 1'000'000'000) == Policy::kDurationMsMax);
  response.escalate_factor = 0.1;
  CHECK(DurationMs(response, 100) == 1);

  Case c;
  const std::string huge(1 << 20, 'x');
  c.event.attempt.account = huge;
  c.response.target = Target::kUserName;
  c.alert.group = {{"user.name", huge}};
  c.alert.value = 1234567.125;
  c.alert.at_least = true;
  const auto decision = DecideAnew(kKey, c.Ready());
  CHECK(decision->value.size() < 40);
  CHECK(decision->reason.find("at least 1234567.13") != std::string::npos);
  CHECK(ToJson(*decision).size() < 2000);
}

}  // namespace
}  // namespace stockade
