// Settling against the definition, read aloud: the first attempt from which 95 of 100 of the next 200 are stopped.
#include "tools/simulation/settling.h"

#include <catch2/catch.hpp>
#include <random>

namespace stockade {
namespace {

Settling ByDefinition(const std::vector<bool>& stopped) {
  const size_t window = stopped.size() < 200 ? stopped.size() : 200;
  for (size_t first = 0; window > 0 && first + window <= stopped.size(); ++first) {
    size_t count = 0;
    for (size_t i = first; i < first + window; ++i) count += stopped[i] ? 1 : 0;
    if (static_cast<double>(count) >= 0.95 * static_cast<double>(window) - 1e-9) return {true, first};
  }
  return {};
}

TEST_CASE("settling is what its definition says, whatever is stopped", "[tuning]") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<bool> stopped(random() % 700);
    // Stopped ever more often, in bursts.
    const size_t from = random() % 100;
    const size_t to = 80 + random() % 21;
    for (size_t i = 0; i < stopped.size(); ++i)
      stopped[i] = random() % 100 < from + (to > from ? (to - from) * i / stopped.size() : 0);
    INFO("seed " << seed << ", " << stopped.size() << " attempts");
    const Settling found = FindSettling(stopped);
    const Settling expected = ByDefinition(stopped);
    CHECK(found.settled == expected.settled);
    CHECK(found.after == expected.after);
  }
}

TEST_CASE("what was never tried never settles; what was stopped from the first is settled at once",
          "[tuning]") {
  CHECK_FALSE(FindSettling({}).settled);
  CHECK(FindSettling(std::vector<bool>(3, true)).settled);
  CHECK(FindSettling(std::vector<bool>(1000, true)).after == 0);
  CHECK_FALSE(FindSettling(std::vector<bool>(1000, false)).settled);
}

TEST_CASE("nineteen of twenty are enough, eighteen are not", "[tuning]") {
  std::vector<bool> stopped(20, true);
  stopped[3] = false;
  CHECK(FindSettling(stopped).settled);
  stopped[4] = false;
  CHECK_FALSE(FindSettling(stopped).settled);
}

}  // namespace
}  // namespace stockade
