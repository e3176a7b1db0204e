// The counters of reports: exact while they say so, bounded and on the safe side when a flood comes.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tools/stockade/distinct_count.h"
#include "tools/stockade/top_counts.h"

namespace stockade {
namespace {

TEST_CASE("distinct counts are exact up to their limit and close above it", "[summary]") {
  std::mt19937_64 random(11);
  DistinctCount count;
  for (uint64_t i = 1; i <= DistinctCount::kExactMax; ++i) {
    const uint64_t hash = random();
    count.Add(hash);
    count.Add(hash);
  }
  CHECK(count.exact());
  CHECK(count.count() == DistinctCount::kExactMax);
  uint64_t added = DistinctCount::kExactMax;
  // Just above the limit, where the plain estimator of 2007 is biased, and far above it.
  for (const uint64_t many : {9'000u, 20'000u, 41'000u, 80'000u, 1'000'000u}) {
    CAPTURE(many);
    for (; added < many; ++added) count.Add(random());
    CHECK_FALSE(count.exact());
    // Four standard errors of 0.81 %.
    CHECK(static_cast<double>(count.count()) == Approx(static_cast<double>(many)).epsilon(0.033));
  }
}

TEST_CASE("a count may be asked for at any time and holds the last value that came", "[summary]") {
  std::mt19937_64 random(2);
  DistinctCount asked;
  for (uint64_t i = 1; i <= 3 * DistinctCount::kExactMax; ++i) {
    const uint64_t hash = random();
    asked.Add(hash);
    if (i % 1024 != 1) continue;
    // The same values, the last one first.
    std::mt19937_64 again(2);
    DistinctCount other;
    other.Add(hash);
    for (uint64_t j = 1; j < i; ++j) other.Add(again());
    REQUIRE(asked.count() == other.count());
  }
}

TEST_CASE("top counts are never too high, and too low by no more than they say", "[summary]") {
  const uint32_t seed = GENERATE(1u, 2u, 3u, 4u);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TopCounts<uint64_t> top;
  std::map<uint64_t, uint64_t> truth;
  // A few heavy keys under a flood of keys seen once.
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t key = i % 10 == 0 ? random() % 5 : 1000 + random();
    top.Add(key);
    ++truth[key];
  }
  CHECK(top.missed() > 0);
  CHECK(top.missed() <= 200'000 / (TopCounts<uint64_t>::kKeysMax / 2));
  const auto listed = top.Top(5);
  REQUIRE(listed.size() == 5);
  for (const auto& [key, count] : listed) {
    CHECK(key < 5);
    CHECK(count <= truth[key]);
    CHECK(count + top.missed() >= truth[key]);
  }
}

TEST_CASE("without a flood top counts are exact and in order", "[summary]") {
  TopCounts<int> top;
  for (int key = 0; key < 100; ++key) {
    for (int i = 0; i <= key; ++i) top.Add(key);
  }
  CHECK(top.missed() == 0);
  const auto listed = top.Top(2);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0] == std::pair<int, uint64_t>(99, 100));
  CHECK(listed[1] == std::pair<int, uint64_t>(98, 99));
}

}  // namespace
}  // namespace stockade
