// Numbers by hashes against a std::map, while keys come, go and come again, and the table moves under them.
#include "engine/decision/hashed_numbers.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

namespace stockade {
namespace {

TEST_CASE("a number is what a map says, whatever came and went before", "[decision][oracle]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    HashedNumbers numbers;
    std::map<uint64_t, uint32_t>
        expected;  // those that are not 0: the others are stale, and may be thrown out
    // In some rounds all have one home, and lie in a row that runs over the end.
    const uint64_t together = round % 3 == 0 ? UINT64_MAX << 12 : 0;
    std::vector<uint64_t> keys(1 + random() % 500);
    for (uint64_t& key : keys) key = (random() | 1) | together;
    for (int step = 0; step < 3000; ++step) {
      const uint64_t key = keys[random() % keys.size()];
      uint32_t& number = numbers.FindOrMake(key, [](uint64_t, uint32_t many) { return many != 0; });
      REQUIRE(number == (expected.contains(key) ? expected[key] : 0));
      number = random() % 3 == 0 ? 0 : number + 1;
      if (number == 0) {
        expected.erase(key);
      } else {
        expected[key] = number;
      }
      const uint64_t asked = keys[random() % keys.size()];
      const uint32_t* const found = numbers.Find(asked);
      REQUIRE((found == nullptr ? 0 : *found) == (expected.contains(asked) ? expected[asked] : 0));
    }
    for (const auto& [key, number] : expected) {
      REQUIRE(numbers.Find(key) != nullptr);
      REQUIRE(*numbers.Find(key) == number);
    }
  }
}

TEST_CASE("what has become stale gives its room to others, so that nothing grows", "[decision]") {
  std::mt19937_64 random(7);
  HashedNumbers numbers;
  uint64_t newest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t key = random() | 1;
    numbers.FindOrMake(key, [&](uint64_t hash, uint32_t) { return hash == newest; }) = 1;
    newest = key;
    REQUIRE(*numbers.Find(key) == 1);
  }
  CHECK(numbers.entries() <= 80);
}

}  // namespace
}  // namespace stockade
