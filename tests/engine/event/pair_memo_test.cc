// Proves that a memo never gives a value of another pair: against the computation itself, over random pairs that share
// text, are split elsewhere, collide, or are too long to be remembered; and that what is remembered is not computed
// again.
#include "engine/event/pair_memo.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace stockade {
namespace {

TEST_CASE("a remembered pair gives what would be computed, whatever else was asked", "[event][oracle]") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto text = [&](size_t size_max) {
      std::string drawn(random() % (size_max + 1), 'a');
      for (char& c : drawn) c = static_cast<char>('a' + random() % 2);
      return drawn;
    };
    PairMemo<std::string> memo;
    for (int i = 0; i < 20'000; ++i) {
      // Short ones come again; long ones are beyond what is remembered, now and then.
      const std::string first = text(random() % 50 == 0 ? 200 : 5);
      const std::string second = text(random() % 50 == 0 ? 200 : 5);
      const std::string truth = first + "|" + second;
      REQUIRE(memo.Of(first, second, [&] { return truth; }) == truth);
    }
  }
}

TEST_CASE("a pair that comes again is not computed again, and an absent text is an empty one", "[event]") {
  PairMemo<int> memo;
  int computed = 0;
  const auto make = [&] { return ++computed; };
  CHECK(memo.Of("t13d1516h2", "Mozilla/5.0", make) == 1);
  CHECK(memo.Of("t13d1516h2", "Mozilla/5.0", make) == 1);
  CHECK(memo.Of("t13d1516h2M", "ozilla/5.0", make) == 2);
  CHECK(memo.Of({}, {}, make) == 3);
  CHECK(memo.Of("", "", make) == 3);
  const std::string longest(PairMemo<int>::kBytesMax, 'x');
  CHECK(memo.Of(longest, "", make) == 4);
  CHECK(memo.Of(longest, "", make) == 4);
  CHECK(memo.Of(longest, "x", make) == 5);
  CHECK(memo.Of(longest, "x", make) == 6);
}

TEST_CASE("two hundred pairs that come again are remembered together", "[event]") {
  PairMemo<int> memo;
  int computed = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string agent = "Mozilla/5.0 (X11; Linux x86_64; rv:" + std::to_string(i) + ".0)";
      memo.Of("t13d1516h2_8daaf6152771_" + std::to_string(i % 40), agent, [&] { return ++computed; });
    }
  }
  CHECK(computed == 200);
}

}  // namespace
}  // namespace stockade
