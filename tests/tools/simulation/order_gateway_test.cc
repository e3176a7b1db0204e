// Proven here: the gateway's lock is the one that its header describes, against the plainest model of it, over random
// traces; names and passwords are what a portal has.
#include "tools/simulation/order_gateway.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace stockade {
namespace {

constexpr int64_t kLockMs = 1'800'000;

// Keeps every wrong password since the last thing that began a new row.
struct PlainLock {
  std::vector<bool> row;  // by owner?
  int64_t locked_until = 0;
};

TEST_CASE("the lock agrees with a plain model of it at every limit", "[simulation]") {
  const int limit = GENERATE(0, 2, 3, 5, 10);
  const uint32_t seed = GENERATE(1u, 2u, 3u);
  CAPTURE(limit, seed);
  std::mt19937 random(seed);
  OrderGateway gateway(seed, 6, {limit, kLockMs});
  std::map<uint32_t, PlainLock> model;
  int64_t now = 1000;
  uint64_t locks = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<int64_t>(random() % 600'000);
    const auto account = static_cast<uint32_t>(random() % 6);
    PlainLock& lock = model[account];
    if (random() % 50 == 0) {
      gateway.Unlock(account);
      lock = PlainLock();
    }
    const bool right = random() % 4 == 0;
    const bool owner = random() % 2 == 0;
    const Settled settled = gateway.Check(
        {now, account, right ? gateway.PasswordOf(account) : uint64_t{1} << 63 | random(), owner});
    CHECK(settled.forwarded);
    if (now < lock.locked_until) {
      CHECK(settled.outcome == Outcome::kAccountLocked);
      CHECK_FALSE(settled.locked_now);
      continue;
    }
    if (lock.locked_until != 0) lock = PlainLock();
    if (right) {
      CHECK(settled.outcome == Outcome::kSuccess);
      lock = PlainLock();
      continue;
    }
    CHECK(settled.outcome == Outcome::kBadPassword);
    lock.row.push_back(owner);
    const bool locks_now = limit != 0 && static_cast<int>(lock.row.size()) == limit;
    CHECK(settled.locked_now == locks_now);
    CHECK(gateway.IsLocked(account, now) == locks_now);
    if (!locks_now) continue;
    ++locks;
    CHECK(settled.stranger_in_lock == (std::count(lock.row.begin(), lock.row.end(), false) > 0));
    lock.locked_until = now + kLockMs;
  }
  CHECK((locks > 0) == (limit != 0));
}

TEST_CASE("every account has a name of its own that leads back to it", "[simulation]") {
  OrderGateway gateway(1, 50'000, {5, kLockMs});
  std::set<std::string> names;
  for (uint32_t i = 0; i < gateway.accounts(); ++i) {
    const std::string name = OrderGateway::NameOf(i);
    REQUIRE(name.size() == 8);
    names.insert(name);
    REQUIRE(gateway.Find(OrderGateway::NumberOf(i)) == i);
  }
  CHECK(names.size() == gateway.accounts());
  CHECK(gateway.Find(0) == kNobody);
  CHECK(gateway.Find(99'999'999) == kNobody);
  int found = 0;
  for (uint32_t i = 0; i < 100'000; ++i) found += gateway.Find(i * 997) != kNobody ? 1 : 0;
  CHECK(found < 200);  // 50,000 of 100 million names exist
}

TEST_CASE("some passwords are popular, all others are one customer's only", "[simulation]") {
  OrderGateway gateway(9, 100'000, {5, kLockMs});
  std::map<uint64_t, int> holders;
  for (uint32_t i = 0; i < gateway.accounts(); ++i) ++holders[gateway.PasswordOf(i)];
  int popular = 0;
  for (const auto& [password, count] : holders) {
    if (password <= OrderGateway::kPopularPasswords) {
      popular += count;
    } else {
      CHECK(count == 1);
    }
  }
  CHECK(popular == Approx(4'000).margin(300));
  // A spray with the most popular one gets into 0.05 to 1 % of the accounts.
  CHECK(holders[OrderGateway::Popular(0)] == Approx(590).margin(120));
  const uint64_t before = gateway.PasswordOf(7);
  gateway.ChangePassword(7);
  CHECK(gateway.PasswordOf(7) != before);
  CHECK(gateway.FirstPasswordOf(7) == before);
}

}  // namespace
}  // namespace stockade
