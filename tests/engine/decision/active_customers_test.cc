// Proven here: how many customers were active within seven days, and with which marks, is what a list of them says, to the minute; what
// does not fit is estimated, within its error, and said to be; nothing grows.
#include "engine/decision/active_customers.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "engine/event/keyed_hash.h"
#include "engine/text.h"
#include "tests/engine/decision/customer_testing.h"

namespace stockade {
namespace {

constexpr int64_t kSpanMs = ActiveCustomers::kSpanMs;

uint64_t AccountOf(size_t i) {
  return SipHash128(HashKey{5, 6}, Concat("customer", i)).low;
}

struct Coming {
  int64_t time_ms;
  uint64_t account;
  uint32_t as_mark, browser_mark;
};

// The dumbest right program: every coming, and the marks that each customer came with last.
class List {
 public:
  void Note(const Coming& coming) { comings_.push_back(coming); }

  size_t Total(int64_t now_ms) const {
    std::set<uint64_t> accounts;
    for (const Coming& one : comings_)
      if (Counts(one, now_ms)) accounts.insert(one.account);
    return accounts.size();
  }
  size_t With(uint32_t mark, int64_t now_ms) const {
    std::set<uint64_t> accounts;
    for (const Coming& one : comings_)
      if (Counts(one, now_ms) && (one.as_mark == mark || one.browser_mark == mark))
        accounts.insert(one.account);
    return accounts.size();
  }

 private:
  static bool Counts(const Coming& one, int64_t now_ms) {
    return one.time_ms / kMinuteMs * kMinuteMs + kSpanMs > now_ms;
  }
  std::vector<Coming> comings_;
};

TEST_CASE("who was active within seven days, and with what, is what a list says", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    ActiveCustomers active(1000);
    List list;
    int64_t now_ms = 20'000 * 24 * kHourMs;
    for (int step = 0; step < 300; ++step) {
      now_ms += static_cast<int64_t>(random() % (random() % 8 == 0 ? 60 * kHourMs : 3 * kHourMs));
      Coming coming;
      // Some come late, by up to a day: they count where they belong.
      coming.time_ms = now_ms - (random() % 5 == 0 ? static_cast<int64_t>(random() % (24 * kHourMs)) : 0);
      coming.account = AccountOf(random() % 12);
      // Six marks at most for each: none is forgotten for another.
      coming.as_mark = static_cast<uint32_t>(random() % 4);  // 0: none
      coming.browser_mark = 10 + static_cast<uint32_t>(random() % 3);
      active.Note(coming.account, coming.as_mark, coming.browser_mark, coming.time_ms);
      list.Note(coming);
      const auto total = active.total(now_ms);
      REQUIRE(total.customers == list.Total(now_ms));
      REQUIRE_FALSE(total.estimated);
      for (const uint32_t mark : {1u, 2u, 3u, 10u, 11u, 12u, 77u})
        REQUIRE(active.With(mark, now_ms).customers == list.With(mark, now_ms));
    }
    REQUIRE(active.total(now_ms + kSpanMs + kMinuteMs).customers == 0);
    REQUIRE(active.With(1, now_ms + kSpanMs + kMinuteMs).customers == 0);
  }
}

TEST_CASE("a customer counts until seven days are over, to the minute", "[decision]") {
  ActiveCustomers active(1000);
  const int64_t time_ms = 20'000 * 24 * kHourMs + 59'999;
  active.Note(AccountOf(1), 7, 8, time_ms);
  const int64_t over_ms = time_ms - 59'999 + kSpanMs;
  CHECK(active.With(7, over_ms - 1).customers == 1);
  CHECK(active.With(7, over_ms).customers == 0);
  CHECK(active.total(over_ms).customers == 0);
  // What was over before it came is not taken in.
  active.Note(AccountOf(2), 7, 8, time_ms);
  CHECK(active.total(over_ms).customers == 0);
}

TEST_CASE("of a customer with many browsers the last are counted, and nobody else's", "[decision]") {
  ActiveCustomers active(1000);
  const int64_t begin_ms = 20'000 * 24 * kHourMs;
  active.Note(AccountOf(2), 0, 100, begin_ms);
  for (uint32_t i = 0; i < 20; ++i) active.Note(AccountOf(1), 0, 100 + i, begin_ms + i * kMinuteMs);
  const int64_t now_ms = begin_ms + kHourMs;
  CHECK(active.With(100, now_ms).customers == 1);
  CHECK(active.With(119, now_ms).customers == 1);
  CHECK(active.With(120 - ActiveCustomers::kMarks, now_ms).customers == 1);
  CHECK(active.With(119 - ActiveCustomers::kMarks, now_ms).customers == 0);
  CHECK(active.total(now_ms).customers == 2);
}

TEST_CASE("a week that never was is forgotten when time goes back", "[decision]") {
  ActiveCustomers customers(1000);
  const int64_t now_ms = 100 * kSpanMs;
  customers.Note(AccountOf(0), 7, 8, now_ms);
  customers.Note(AccountOf(1), 7, 8, now_ms + 10 * kSpanMs);  // a wild clock that another confirmed
  customers.SetNow(now_ms);
  customers.Note(AccountOf(2), 7, 8, now_ms);
  CHECK(customers.With(7, now_ms).customers >= 1);
  customers.Note(AccountOf(3), 7, 8, now_ms + kHourMs);
  CHECK(customers.With(7, now_ms + kHourMs).customers >= 2);
}

TEST_CASE("more customers than fit are estimated within their error, and said to be", "[decision]") {
  constexpr size_t kMax = 4096;
  constexpr size_t kCustomers = 100'000;
  ActiveCustomers active(kMax);
  const int64_t begin_ms = 20'000 * 24 * kHourMs;
  for (size_t i = 0; i < kCustomers; ++i) {
    const int64_t time_ms = begin_ms + static_cast<int64_t>(i) * 100;
    active.Note(AccountOf(i), i % 10 == 0 ? 1 : 2, 3, time_ms);
    const auto total = active.total(time_ms);
    REQUIRE(total.estimated == (i >= kMax));
    if (!total.estimated) REQUIRE(total.customers == i + 1);
  }
  const int64_t now_ms = begin_ms + static_cast<int64_t>(kCustomers) * 100;
  // Level 5: one of 32, as 100,000/32 is the first half that is below 4,096.
  const auto near = [](size_t said, double truth) {
    return std::abs(static_cast<double>(said) - truth) < 5 * std::sqrt(truth * 31);
  };
  CHECK(near(active.total(now_ms).customers, kCustomers));
  CHECK(near(active.With(1, now_ms).customers, kCustomers / 10.0));
  CHECK(near(active.With(2, now_ms).customers, kCustomers * 0.9));
  CHECK(active.With(3, now_ms).customers == active.total(now_ms).customers);
  CHECK(active.total(now_ms + kSpanMs).customers == 0);
}

}  // namespace
}  // namespace stockade
