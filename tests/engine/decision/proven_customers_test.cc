// Proven here: who is proven, where from and for how long is what a list of successes says, and bounds hold. What policy does by it
// is customer_policy_test.cc.
#include "engine/decision/proven_customers.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "engine/decision/target.h"
#include "engine/text.h"
#include "tests/engine/decision/customer_testing.h"

namespace stockade {
namespace {

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

}  // namespace
}  // namespace stockade
