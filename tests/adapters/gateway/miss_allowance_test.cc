// Proves the token buckets of sources against the dumbest ones there are: a number for each rung, filled tick by tick, over
// every short sequence of what can happen; and what a flood of addresses does to the fixed memory.
#include "adapters/gateway/miss_allowance.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr HashKey kKey{3, 4};

Address At(std::string_view text) {
  return *Address::Parse(text);
}

// Tokens in quarters of the narrow rung's tick, one tick a call of Tick; nothing is ever forgotten.
class Oracle {
 public:
  explicit Oracle(int burst) : burst_(burst) {}
  void Tick() {
    for (auto& [prefix, bucket] : buckets_)
      bucket.tokens = std::min(bucket.tokens + 1.0 * bucket.factor, Full(bucket.factor));
  }
  bool Take(const Address& source) {
    Bucket& narrow = Of(source, source.is_v4() ? 32 : 64, 1);
    Bucket& wide = Of(source, source.is_v4() ? 24 : 48, MissAllowance::kWideFactor);
    if (narrow.tokens < 1 || wide.tokens < 1) return false;
    --narrow.tokens;
    --wide.tokens;
    return true;
  }
  void GiveBack(const Address& source) {
    for (const int length : {source.is_v4() ? 32 : 64, source.is_v4() ? 24 : 48}) {
      const auto found = buckets_.find(Prefix::Around(source, length));
      if (found == buckets_.end()) continue;
      found->second.tokens = std::min(found->second.tokens + 1, Full(found->second.factor));
    }
  }

 private:
  struct Bucket {
    double tokens;
    int factor;
  };
  double Full(int factor) const { return burst_ * factor; }
  Bucket& Of(const Address& source, int length, int factor) {
    return buckets_.try_emplace(Prefix::Around(source, length), Bucket{Full(factor), factor}).first->second;
  }
  const int burst_;
  std::map<Prefix, Bucket> buckets_;
};

TEST_CASE("every sequence of taking, giving back and waiting is what plain buckets say", "[certificate]") {
  // Two addresses of one /24, so that each feels the other in the wide rung; ticks of a token each.
  const Address sources[] = {At("192.0.2.1"), At("192.0.2.2")};
  constexpr int kLength = 7;
  constexpr int kChoices = 5;
  int sequences = 1;
  for (int i = 0; i < kLength; ++i) sequences *= kChoices;
  for (int sequence = 0; sequence < sequences; ++sequence) {
    MissAllowance allowance({1, 2}, kKey, MissAllowance::kWays * 4);
    Oracle oracle(2);
    int64_t now = 10 * kSecond;
    int left = sequence;
    for (int i = 0; i < kLength; ++i, left /= kChoices) {
      const int what = left % kChoices;
      if (what == 4) {
        now += kSecond;
        oracle.Tick();
        continue;
      }
      const Address& source = sources[what % 2];
      if (what < 2) {
        const bool taken = allowance.Take(source, now);
        if (taken != oracle.Take(source)) FAIL("sequence " << sequence << " step " << i);
      } else {
        allowance.GiveBack(source);
        oracle.GiveBack(source);
      }
    }
  }
}

TEST_CASE("long runs over many sources are what plain buckets say", "[certificate]") {
  const uint32_t seed = 20261126;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  MissAllowance allowance({1, 5}, kKey);
  Oracle oracle(5);
  int64_t now = kSecond;
  int taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    const bool v6 = random() % 4 == 0;
    const auto n = static_cast<uint32_t>(random() % 40);
    const Address source =
        v6 ? At("2001:db8:" + std::to_string(n % 3) + ":" + std::to_string(n) + "::" + std::to_string(n + 1))
           : Address::V4(0xC0000200U + (n % 5 << 8) + n);
    switch (random() % 6) {
      case 0:
        now += kSecond;
        oracle.Tick();
        break;
      case 1:
        allowance.GiveBack(source);
        oracle.GiveBack(source);
        break;
      default:
        const bool may = allowance.Take(source, now);
        REQUIRE(may == oracle.Take(source));
        taken += may ? 1 : 0;
    }
  }
  CHECK(taken > 1000);
}

TEST_CASE("who turns out good costs nothing, however many they are", "[certificate]") {
  MissAllowance allowance({5, 100}, kKey);
  const Address office = At("198.51.100.7");
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(allowance.Take(office, kSecond));
    allowance.GiveBack(office);
  }
  int bad = 0;
  while (allowance.Take(office, kSecond)) ++bad;
  CHECK(bad == 100);
  CHECK_FALSE(allowance.Take(office, kSecond + kSecond / 5 - 1));
  CHECK(allowance.Take(office, kSecond + kSecond / 5));
}

TEST_CASE("a network gets four times what an address gets, and a home of v6 is one address",
          "[certificate]") {
  MissAllowance allowance({5, 100}, kKey);
  int taken = 0;
  for (uint32_t i = 0; i < 256 * 200; ++i)
    taken += allowance.Take(Address::V4(0xC6336400U + i % 256), kSecond);
  CHECK(taken == 400);
  CHECK(allowance.Take(At("198.51.101.1"), kSecond));
  taken = 0;
  for (int i = 0; i < 1000; ++i) taken += allowance.Take(At("2001:db8::" + std::to_string(i)), kSecond);
  CHECK(taken == 100);
}

TEST_CASE("a flood of addresses finds no more memory, and forgets no debt that is larger than its own",
          "[certificate]") {
  MissAllowance allowance({5, 100}, kKey);
  const Address offender = At("203.0.113.9");
  while (allowance.Take(offender, kSecond)) {
  }
  // Many times what there is room for, one miss each.
  for (uint32_t i = 0; i < 8 * MissAllowance::kRungs; ++i)
    allowance.Take(Address::V4(0x0A000000U + i * 7), kSecond);
  CHECK_FALSE(allowance.Take(offender, kSecond));
  CHECK(allowance.Take(At("192.0.2.1"), kSecond));
}

TEST_CASE("who has no address is held by nothing here", "[certificate]") {
  MissAllowance allowance({1, 1}, kKey);
  for (int i = 0; i < 100; ++i) CHECK(allowance.Take(Address(), kSecond));
}

TEST_CASE("a new rate counts from now on", "[certificate]") {
  MissAllowance allowance({1, 2}, kKey);
  const Address source = At("192.0.2.1");
  CHECK(allowance.Take(source, kSecond));
  CHECK(allowance.Take(source, kSecond));
  CHECK_FALSE(allowance.Take(source, kSecond));
  allowance.SetRate({1, 4});
  CHECK(allowance.Take(source, kSecond));
  allowance.SetRate({1, 1});
  CHECK_FALSE(allowance.Take(source, kSecond + kSecond));
}

}  // namespace
}  // namespace stockade
