// Proven here: what policy does by who is proven a customer: sources that customers share and orders that would touch too many
// are challenged, and orders are given on the narrowest rung that explains them.
#include <catch2/catch.hpp>
#include <set>

#include "engine/decision/policy.h"
#include "engine/decision/proven_customers.h"
#include "engine/decision/target.h"
#include "engine/text.h"
#include "tests/engine/decision/customer_testing.h"

namespace stockade {
namespace {

// A policy and what it is asked about.
struct Scene {
  LoginEvent event;
  Response response;
  Alert alert;
  Allowlist allowlist;
  Policy policy{kKey};
  std::optional<Alarm> alarm;
  std::set<std::string> blocked;

  explicit Scene(std::string_view source, Target target = Target::kSourceIp) {
    event.attempt.source = *Address::Parse(source);
    event.attempt.account = "somebody";
    response.target = target;
    response.for_ms = 15 * kMinuteMs;
    alert.rule = "r";
    alert.time_ms = 50 * 24 * kHourMs;
    alert.response = &response;
    alert.event = &event;
  }
  Decision Decide() {
    alarm.reset();
    const Circumstances now{allowlist, false, false, [this](const Prefix& rung) {
                              return static_cast<size_t>(
                                  std::count_if(blocked.begin(), blocked.end(), [&](const std::string& one) {
                                    const Prefix prefix = *Prefix::Parse(one);
                                    return prefix.length == Below(rung.length) &&
                                           rung.Contains(prefix.address);
                                  }));
                            }};
    return *policy.Decide(alert, now, &alarm);
  }
  // The rung below one of IPv6's.
  static int Below(int length) { return length == 64 ? 128 : length == 56 ? 64 : 56; }
  void Prove(std::string_view account, std::string_view source) {
    Attempt attempt;
    attempt.account = account;
    attempt.source = *Address::Parse(source);
    policy.NoteProven(attempt, alert.time_ms - kMinuteMs);
  }
};

TEST_CASE("an address where three customers are at home is challenged, not blocked", "[decision]") {
  Scene scene("192.0.2.1");
  scene.Prove("alice", "192.0.2.1");
  scene.Prove("bob", "192.0.2.1");
  CHECK(scene.Decide().action == Action::kBlock);
  scene.Prove("carol", "192.0.2.1");
  const Decision decision = scene.Decide();
  CHECK(decision.action == Action::kChallenge);
  CHECK(decision.reason.find("shared by customers") != std::string::npos);
  CHECK_FALSE(scene.alarm.has_value());
}

TEST_CASE("what would touch more customers than the cap is challenged, and an alarm is raised",
          "[decision]") {
  Scene scene("192.0.2.1", Target::kSourceFingerprint);
  scene.event.attempt.user_agent = "Firefox";
  const auto prove = [&](int n) {
    for (int i = 0; i < n; ++i) {
      const std::string account = Concat("c", i);
      Attempt attempt;
      attempt.account = account;
      attempt.user_agent = "Firefox";
      attempt.source = Address::V4(0x0a000000 + static_cast<uint32_t>(i) * 256);
      scene.policy.NoteProven(attempt, scene.alert.time_ms - kMinuteMs);
    }
  };
  prove(2);
  CHECK(scene.Decide().action == Action::kBlock);  // two are what a cap always allows
  prove(3);
  const Decision decision = scene.Decide();
  CHECK(decision.action == Action::kChallenge);
  CHECK(decision.reason.find("would touch 3 of the 3 customers") != std::string::npos);
  REQUIRE(scene.alarm.has_value());
  CHECK(scene.alarm->decision_id == decision.id);
  CHECK(scene.alarm->text.find("cap of one decision is 2") != std::string::npos);
}

TEST_CASE("what would touch more of a week's customers than the cap is challenged at night, too",
          "[decision]") {
  Scene scene("192.0.2.1", Target::kSourceAsn);
  scene.event.attempt.asn = 64500;
  const auto prove = [&](int n, uint32_t asn, int64_t ago_ms) {
    for (int i = 0; i < n; ++i) {
      const std::string account = Concat("c", i, " of ", asn);
      Attempt attempt;
      attempt.account = account;
      attempt.asn = asn;
      attempt.source = Address::V4(0x0a000000 + (asn << 8) + static_cast<uint32_t>(i) * 256);
      scene.policy.NoteProven(attempt, scene.alert.time_ms - ago_ms);
    }
  };
  prove(3, 64501, 24 * kHourMs);
  prove(2, 64500, 24 * kHourMs);
  CHECK(scene.Decide().action == Action::kBlock);  // two are what a cap always allows
  prove(3, 64500, 23 * kHourMs);
  const Decision decision = scene.Decide();
  CHECK(decision.action == Action::kChallenge);
  CHECK(decision.reason.find(
            "would touch 3 of the 6 customers of the last seven days, and the cap of one decision is 2") !=
        std::string::npos);
  REQUIRE(scene.alarm.has_value());
  CHECK(scene.alarm->kind == "harm_cap");
  CHECK(scene.alarm->decision_id == decision.id);
  scene.alert.time_ms += 7 * 24 * kHourMs;
  CHECK(scene.Decide().action == Action::kBlock);
  CHECK_FALSE(scene.alarm.has_value());
}

TEST_CASE("of ten thousand customers one may be touched for each: the share counts, not the floor",
          "[decision]") {
  HarmCap cap(HarmLimits{});
  CHECK(cap.Asks("r", {}, {9, 90'000}, 0).cap.empty());
  const HarmCap::Breach breach = cap.Asks("r", {}, {10, 90'000, true}, 0);
  CHECK(breach.cap == "decision");
  CHECK(breach.span == "seven days");
  CHECK(breach.allowed == 9);
  CHECK(breach.touched.estimated);
  CHECK(cap.Asks("r", {}, {2, 10}, 0).cap.empty());
  CHECK(cap.Asks("r", {}, {3, 10}, 0).span == "seven days");
  // Nobody now, many this week.
  CHECK(cap.Asks("r", {1, 5000}, {100, 100'000}, 0).span == "seven days");
  CHECK(cap.Asks("r", {6, 5000}, {6, 100'000}, 0).span == "hour");
}

TEST_CASE(
    "many decisions that touch two customers each break the cap of their minute, then that of their rule",
    "[decision]") {
  Scene scene("192.0.2.1");
  for (int i = 0; i < 40; ++i) {
    scene.Prove(Concat("a", i), Concat("10.0.", i, ".1"));
    scene.Prove(Concat("b", i), Concat("10.0.", i, ".1"));
  }
  int blocked = 0;
  std::string why;
  for (int i = 0; i < 40; ++i) {
    scene.event.attempt.source = *Address::Parse(Concat("10.0.", i, ".1"));
    const Decision decision = scene.Decide();
    if (decision.action == Action::kBlock) {
      ++blocked;
      scene.policy.Made(decision);
    } else {
      why = decision.reason;
    }
    scene.alert.time_ms += 2 * HarmCap::kMinuteMs / 40;
  }
  CHECK(blocked == 1);  // two customers: the least that a cap is
  CHECK(why.find("cap of one rule is 2") != std::string::npos);
}

TEST_CASE("a network between the rungs, as lists name them, is judged by all who live in it", "[decision]") {
  Scene scene("192.0.2.1");
  for (int i = 0; i < 3; ++i) scene.Prove(Concat("c", i), Concat("10.1.", i, ".7"));
  const Circumstances now{scene.allowlist};
  for (const auto& [value, action] :
       {std::pair("10.1.0.0/16", Action::kChallenge), std::pair("10.1.2.0/23", Action::kBlock),
        std::pair("10.2.0.0/16", Action::kBlock)}) {
    Decision order = BlockOf(value);
    order.time_ms = scene.alert.time_ms;
    order.until_ms = order.time_ms + 1;
    order.rule = "import:list";
    scene.policy.Admit(now, &order, nullptr);
    CHECK(order.action == action);
    CHECK(order.id.size() == 16);
  }
  // And by all who were there within seven days.
  scene.alert.time_ms += 3 * 24 * kHourMs;
  for (const std::string_view value : {"10.1.0.0/16", "10.0.0.0/8"}) {
    Decision order = BlockOf(value);
    order.time_ms = scene.alert.time_ms;
    order.until_ms = order.time_ms + 1;
    order.rule = "import:list";
    scene.policy.Admit(now, &order, nullptr);
    CHECK(order.action == Action::kChallenge);
  }
}

TEST_CASE("a shadow raises no alarm, for nobody is challenged", "[decision]") {
  Scene scene("192.0.2.1", Target::kSourceAsn);
  scene.event.attempt.asn = 64500;
  for (int i = 0; i < 5; ++i) {
    const std::string account = Concat("c", i);
    Attempt attempt;
    attempt.account = account;
    attempt.asn = 64500;
    scene.policy.NoteProven(attempt, scene.alert.time_ms);
  }
  scene.response.shadow = true;
  CHECK(scene.Decide().action == Action::kChallenge);
  CHECK_FALSE(scene.alarm.has_value());
  scene.response.shadow = false;
  scene.Decide();
  CHECK(scene.alarm.has_value());
}

TEST_CASE("an order on a network in which one address failed is given on that address", "[decision]") {
  Scene scene("192.0.2.1", Target::kSourcePrefix);
  CHECK(scene.Decide().value == "192.0.2.0/24");  // nothing is known of it
  scene.policy.NoteFailure(*Address::Parse("192.0.2.1"), scene.alert.time_ms - kMinuteMs);
  const Decision narrow = scene.Decide();
  CHECK(narrow.scope == Scope::kIp);
  CHECK(narrow.value == "192.0.2.1");
  // The rule counts something else, and it was somebody else who failed.
  scene.event.attempt.source = *Address::Parse("192.0.2.5");
  CHECK(scene.Decide().value == "192.0.2.0/24");
  scene.event.attempt.source = *Address::Parse("192.0.2.1");
  scene.policy.NoteFailure(*Address::Parse("192.0.2.77"), scene.alert.time_ms);
  CHECK(scene.Decide().value == "192.0.2.0/24");
  scene.alert.time_ms += 2 * kHourMs;  // long ago: the rule's word stands
  CHECK(scene.Decide().value == "192.0.2.0/24");
}

TEST_CASE("IPv6 orders climb the ladder with what stands already, unless somebody lives there",
          "[decision]") {
  Scene scene("2001:db8::3");
  CHECK(scene.Decide().value == "2001:db8::3");
  scene.blocked = {"2001:db8::1"};
  CHECK(scene.Decide().value == "2001:db8::3");
  scene.blocked = {"2001:db8::1", "2001:db8::2"};
  CHECK(scene.Decide().value == "2001:db8::/64");
  scene.blocked = {"2001:db8::1", "2001:db8::2", "2001:db8:0:1::/64", "2001:db8:0:2::/64"};
  CHECK(scene.Decide().value == "2001:db8::/56");
  scene.Prove("alice", "2001:db8::aaaa");
  CHECK(scene.Decide().value == "2001:db8::3");
  Scene v4("192.0.2.3");
  v4.blocked = {"192.0.2.1", "192.0.2.2", "192.0.2.4"};
  CHECK(v4.Decide().value == "192.0.2.3");
}

TEST_CASE("a rule in shadow decides and is never carried out", "[decision]") {
  Scene scene("192.0.2.1");
  scene.response.shadow = true;
  CHECK(scene.Decide().shadow);
  scene.response.shadow = false;
  CHECK_FALSE(scene.Decide().shadow);
  PolicySettings settings;
  settings.in_shadow.insert("r");
  scene.policy.Set(settings);
  CHECK(scene.Decide().shadow);
}

TEST_CASE("a lock of all lanes needs somebody inside", "[decision]") {
  Scene scene("192.0.2.1", Target::kUserName);
  scene.response.action = Action::kLock;
  scene.response.all_lanes = true;
  CHECK_FALSE(scene.Decide().all_lanes);
  const Circumstances inside{scene.allowlist, false, true};
  CHECK(scene.policy.Decide(scene.alert, inside, nullptr)->all_lanes);
}

}  // namespace
}  // namespace stockade
