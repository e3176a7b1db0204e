// Proven here: what is left after any time is within 0.3 % of 2^(-age/T), never rises with age, and late events forget nothing.
#include "engine/window/decayed_score.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

namespace stockade {
namespace {

TEST_CASE("a score halves every half-life", "[window]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  constexpr int64_t kDayMs = 86'400'000;
  CHECK(Decayed(8, 3 * kDayMs, kDayMs) == 1);
  CHECK(Decayed(8, -5, kDayMs) == 8);
  CHECK(Decayed(0, kDayMs, 1) == 0);
  CHECK(Decayed(8, INT64_MAX, 1) == 0);
  for (int i = 0; i < 100'000; ++i) {
    const auto half_life_ms = static_cast<int64_t>(1000 + random() % (14 * kDayMs));
    const auto age_ms = static_cast<int64_t>(random() % static_cast<uint64_t>(20 * half_life_ms));
    const double exact = 13 * std::exp2(-static_cast<double>(age_ms) / static_cast<double>(half_life_ms));
    const double value = Decayed(13, age_ms, half_life_ms);
    REQUIRE(value >= exact * 0.9999);
    REQUIRE(value <= exact * 1.003);
    REQUIRE(Decayed(13, age_ms + 1, half_life_ms) <= value);
  }
}

}  // namespace
}  // namespace stockade
