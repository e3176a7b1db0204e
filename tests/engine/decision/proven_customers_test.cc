// Proven here: who is proven, where from and for how long is what a list of successes says; bounds hold; and policy does by
// it: shared sources and capped harm are challenged, orders are given on the narrowest rung that explains them.
#include "engine/decision/proven_customers.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "engine/decision/policy.h"
#include "engine/decision/target.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr HashKey kKey{3, 4};
constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;

Decision BlockOf(std::string_view value) {
  Decision decision;
  decision.prefix = *Prefix::Parse(value);
  decision.scope = decision.prefix.is_single() ? Scope::kIp : Scope::kRange;
  decision.value = std::string(value);
  return decision;
}

TEST_CASE("who is touched, and who shares a source, is what a list of successes says", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::vector<std::string> addresses = {"192.0.2.1",   "192.0.2.2",   "198.51.100.7",
                                              "2001:db8::1", "2001:db8::2", "2001:db8:0:1::9"};
  const std::vector<std::string> rungs = {"192.0.2.1",     "192.0.2.0/24",  "198.51.100.0/24", "2001:db8::1",
                                          "2001:db8::/64", "2001:db8::/56", "2001:db8::/48"};
  // As people and lists name them: asked seldom here, for all rungs within them are looked at.
  const std::vector<std::string> between = {"192.0.2.0/30", "192.0.0.0/20", "198.51.96.0/20", "2001:db8::/60",
                                            "2001:db8::/44"};
  struct Success {
    int64_t time_ms;
    std::string account;
    Address source;
  };
  for (int round = 0; round < 200; ++round) {
    ProvenCustomers customers(kKey, 1000);
    std::vector<Success> successes;
    int64_t now_ms = 100 * 24 * kHourMs;
    for (int step = 0; step < 120; ++step) {
      now_ms += static_cast<int64_t>(random() % (random() % 10 == 0 ? 30 * kHourMs : 10 * kMinuteMs));
      const std::string account = Concat("customer", random() % 7);
      Attempt attempt;
      attempt.account = account;
      attempt.source = *Address::Parse(addresses[random() % addresses.size()]);
      attempt.asn = 64500;
      attempt.user_agent = "Firefox";
      customers.Note(attempt, now_ms);
      successes.push_back({now_ms, account, attempt.source});

      std::map<std::string, Address> where;  // of the last hour, the newest of each
      for (const Success& success : successes)
        if (success.time_ms > now_ms - ProvenCustomers::kSpanMs) where[success.account] = success.source;
      REQUIRE(customers.total(now_ms) == where.size());
      std::vector<std::string> targets = rungs;
      if (step % 16 == 0) targets.insert(targets.end(), between.begin(), between.end());
      for (const std::string& target : targets) {
        const Decision decision = BlockOf(target);
        const auto inside = std::count_if(where.begin(), where.end(), [&](const auto& one) {
          return decision.prefix.Contains(one.second);
        });
        REQUIRE(customers.Touched(decision, now_ms) == static_cast<size_t>(inside));
        // Accounts of seven days, sure of those within them and none from before; an hour's slack, in which a customer who
        // stays is not noted anew.
        std::set<std::string> surely, perhaps;
        for (const Success& success : successes) {
          if (!decision.prefix.Contains(success.source)) continue;
          if (success.time_ms > now_ms - ProvenCustomers::kSharedSpanMs + 2 * kHourMs)
            surely.insert(success.account);
          if (success.time_ms > now_ms - ProvenCustomers::kSharedSpanMs - kMinuteMs)
            perhaps.insert(success.account);
        }
        const size_t shared = customers.SharedBy(decision, now_ms);
        REQUIRE(shared >= std::min(surely.size(), ProvenCustomers::kSharedMax));
        REQUIRE(shared <= perhaps.size());
      }
      Decision asn;
      asn.scope = Scope::kAsn;
      asn.value = "64500";
      REQUIRE(customers.Touched(asn, now_ms) == where.size());
      // All come with one AS and one browser.
      const size_t active = customers.active(now_ms).customers;
      REQUIRE(customers.TouchedActive(asn, 0, now_ms).customers == active);
      std::set<std::string> surely, perhaps;
      for (const Success& success : successes) {
        if (success.time_ms > now_ms - ActiveCustomers::kSpanMs + 2 * kHourMs) surely.insert(success.account);
        if (success.time_ms > now_ms - ActiveCustomers::kSpanMs - kMinuteMs) perhaps.insert(success.account);
      }
      REQUIRE(active >= surely.size());
      REQUIRE(active <= perhaps.size());
      Decision browser;
      browser.scope = Scope::kFingerprint;
      browser.value = TargetOf(attempt, Target::kSourceFingerprint, kKey)->value;
      REQUIRE(customers.Touched(browser, now_ms) == where.size());
      REQUIRE(customers.TouchedActive(browser, 0, now_ms).customers == active);
      Decision other = BlockOf("203.0.113.9");
      REQUIRE(customers.Touched(other, now_ms) == 0);
    }
  }
}

TEST_CASE("what was worked out already changes nothing, and who comes with another browser counts with it",
          "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    ProvenCustomers plain(kKey, 1000), hinted(kKey, 1000);
    struct With {
      int64_t time_ms;
      uint32_t asn;
      size_t browser;
    };
    const std::vector<std::string> browsers = {"Firefox", "Chrome", "Safari"};
    std::map<std::string, With> newest;
    int64_t now_ms = 100 * 24 * kHourMs;
    for (int step = 0; step < 200; ++step) {
      now_ms += static_cast<int64_t>(random() % (5 * kMinuteMs));
      const std::string account = Concat("customer", random() % 9);
      const size_t with = random() % browsers.size();
      Attempt attempt;
      attempt.account = account;
      attempt.source = *Address::Parse(random() % 8 == 0 ? "192.0.2.2" : "192.0.2.1");
      attempt.asn = 64500 + static_cast<uint32_t>(random() % 2);
      attempt.user_agent = browsers[with];
      const Hash128 account_hash = SipHash128(kKey, account);
      const Hash128 print = FingerprintHash(kKey, attempt.ja4, attempt.user_agent);
      plain.Note(attempt, now_ms);
      hinted.Prefetch(account_hash);
      const ProvenCustomers::CustomerNumber customer = hinted.PrefetchCustomer(account_hash);
      hinted.PrefetchPlaces(customer, attempt.source, now_ms);
      // A hint may be missing, and of another.
      const ProvenCustomers::CustomerNumber said =
          random() % 4 == 0 ? static_cast<ProvenCustomers::CustomerNumber>(random() % 12) : customer;
      hinted.Note(attempt, now_ms,
                  {random() % 2 == 0 ? &account_hash : nullptr, random() % 2 == 0 ? &print : nullptr, said});
      newest[account] = {now_ms, attempt.asn, with};

      for (uint32_t asn = 64500; asn < 64502; ++asn) {
        Decision decision;
        decision.scope = Scope::kAsn;
        decision.value = Concat(asn);
        const auto inside = std::count_if(newest.begin(), newest.end(), [&](const auto& one) {
          return one.second.asn == asn && one.second.time_ms > now_ms - ProvenCustomers::kSpanMs;
        });
        REQUIRE(plain.Touched(decision, now_ms) == static_cast<size_t>(inside));
        REQUIRE(hinted.Touched(decision, now_ms) == static_cast<size_t>(inside));
      }
      for (size_t browser = 0; browser < browsers.size(); ++browser) {
        Attempt other;
        other.user_agent = browsers[browser];
        Decision decision;
        decision.scope = Scope::kFingerprint;
        decision.value = TargetOf(other, Target::kSourceFingerprint, kKey)->value;
        const auto inside = std::count_if(newest.begin(), newest.end(), [&](const auto& one) {
          return one.second.browser == browser && one.second.time_ms > now_ms - ProvenCustomers::kSpanMs;
        });
        REQUIRE(plain.Touched(decision, now_ms) == static_cast<size_t>(inside));
        REQUIRE(hinted.Touched(decision, now_ms) == static_cast<size_t>(inside));
        REQUIRE(plain.TouchedActive(decision, 0, now_ms).customers ==
                hinted.TouchedActive(decision, 0, now_ms).customers);
        REQUIRE(plain.TouchedActive(decision, 0, now_ms).customers >= static_cast<size_t>(inside));
      }
      const Decision net = BlockOf("192.0.2.0/24");
      REQUIRE(plain.SharedBy(net, now_ms) == hinted.SharedBy(net, now_ms));
    }
  }
}

TEST_CASE("after a rollback customers are counted from the time that is", "[decision]") {
  ProvenCustomers customers(kKey, 1000);
  const auto come = [&](const std::string& account, int64_t time_ms) {
    Attempt attempt;
    attempt.account = account;
    attempt.source = *Address::Parse("192.0.2.1");
    attempt.asn = 64500;
    customers.Note(attempt, time_ms);
  };
  const int64_t now_ms = 100 * 24 * kHourMs;
  come("wild", now_ms + 1000 * 24 * kHourMs);
  customers.SetNow(now_ms);
  come("ann", now_ms);
  come("bob", now_ms + kMinuteMs);
  Decision asn;
  asn.scope = Scope::kAsn;
  asn.value = "64500";
  CHECK(customers.Touched(asn, now_ms + kMinuteMs) >= 2);
  CHECK(customers.TouchedActive(asn, 0, now_ms + kMinuteMs).customers >= 2);
  // Nor is who came in the time that never was any the less noted afterwards.
  CHECK(customers.SharedBy(BlockOf("192.0.2.1"), now_ms + 8 * 24 * kHourMs) <= 1);
  come("wild", now_ms + 8 * 24 * kHourMs);
  come("ann", now_ms + 8 * 24 * kHourMs);
  CHECK(customers.TouchedActive(asn, 0, now_ms + 8 * 24 * kHourMs).customers >= 2);
  // Those of now leave when their hour is over.
  CHECK(customers.Touched(asn, now_ms + 9 * 24 * kHourMs) <= 1);
}

TEST_CASE("a flood of customers pushes out the oldest and nothing grows", "[decision]") {
  ProvenCustomers customers(kKey, 500);
  for (uint32_t i = 0; i < 20'000; ++i) {
    const std::string account = Concat("c", i);
    Attempt attempt;
    attempt.account = account;
    attempt.source = Address::V4(0x0a000000 + i);
    customers.Note(attempt, 1'000'000 + i);
    REQUIRE(customers.total(1'000'000 + i) <= 500);
  }
  CHECK(customers.Touched(BlockOf("10.0.78.31"), 1'020'000) == 1);  // the last but none
  CHECK(customers.Touched(BlockOf("10.0.0.0"), 1'020'000) == 0);
}

// Each customer's newest success, one time for each.
struct Newest {
  int64_t time_ms;
  Address source;
  uint32_t asn;
};

TEST_CASE("who comes late, after a night or again from elsewhere counts to the millisecond", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 60; ++round) {
    ProvenCustomers customers(kKey, 1000);
    std::map<std::string, Newest> newest;
    int64_t now_ms = 100 * 24 * kHourMs;
    for (int step = 0; step < 400; ++step) {
      // Now and then a pause: of as long as an hour to the millisecond, of a night.
      const unsigned pause = random() % 40;
      now_ms += pause == 0   ? kHourMs - 1 + static_cast<int64_t>(random() % 3)
                : pause == 1 ? 9 * kHourMs
                             : static_cast<int64_t>(random() % (4 * kMinuteMs));
      const std::string account = Concat("customer", random() % 25);
      Attempt attempt;
      attempt.account = account;
      attempt.source = Address::V4(0xc0000201 + (random() % 6 == 0 ? 256 : 0));
      attempt.asn = 64500 + static_cast<uint32_t>(random() % 6 == 0);
      // Some come late, even by more than an hour: where that is over they count until the next is asked or noted.
      const int64_t time_ms =
          now_ms - (random() % 5 == 0 ? static_cast<int64_t>(random() % (2 * kHourMs)) : 0);
      customers.Note(attempt, time_ms);
      const auto [known, is_new] = newest.try_emplace(account, Newest{time_ms, attempt.source, attempt.asn});
      if (!is_new) known->second = {std::max(known->second.time_ms, time_ms), attempt.source, attempt.asn};

      size_t total = 0, first = 0, second = 0, of_asn = 0;
      for (const auto& [name, one] : newest) {
        if (one.time_ms <= now_ms - ProvenCustomers::kSpanMs) continue;
        ++total;
        ++(one.source == Address::V4(0xc0000201) ? first : second);
        of_asn += one.asn == 64500 ? 1 : 0;
      }
      REQUIRE(customers.total(now_ms) == total);
      REQUIRE(customers.Touched(BlockOf("192.0.2.1"), now_ms) == first);
      REQUIRE(customers.Touched(BlockOf("192.0.3.0/24"), now_ms) == second);
      REQUIRE(customers.Touched(BlockOf("192.0.2.0/23"), now_ms) == total);
      Decision asn;
      asn.scope = Scope::kAsn;
      asn.value = "64500";
      REQUIRE(customers.Touched(asn, now_ms) == of_asn);
    }
  }
}

TEST_CASE("who is not of the last hour gives way first, and comes again as if never known", "[decision]") {
  ProvenCustomers customers(kKey, 500);
  const auto come = [&](uint32_t i, int64_t time_ms) {
    const std::string account = Concat("c", i);
    Attempt attempt;
    attempt.account = account;
    attempt.source = Address::V4(0x0a000000 + i);
    const Hash128 hash = SipHash128(kKey, account);
    const ProvenCustomers::CustomerNumber customer = customers.PrefetchCustomer(hash);
    customers.Note(attempt, time_ms, {&hash, nullptr, customer});
  };
  int64_t now_ms = 100 * 24 * kHourMs;
  for (int hour = 0; hour < 20; ++hour) {
    // 300 an hour, of whom a hundred came in the hour before: of 500 that are known none has to leave early.
    const auto begin = static_cast<uint32_t>(hour) * 200;
    for (uint32_t i = begin; i < begin + 300; ++i) come(i, now_ms + i - begin);
    REQUIRE(customers.total(now_ms + 300) == 300);
    for (uint32_t i = begin; i < begin + 300; ++i)
      REQUIRE(customers.Touched(BlockOf(Address::V4(0x0a000000 + i).ToString()), now_ms + 300) == 1);
    now_ms += kHourMs + 300;
  }
}

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
