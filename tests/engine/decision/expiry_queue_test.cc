// The order of expiry against a sorted set, whatever order things come in: mostly one after the other, as events do, some
// early, many at once, some prolonged.
#include "engine/decision/expiry_queue.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <utility>

namespace stockade {
namespace {

TEST_CASE("what is over comes up in the order of its time, then of its token", "[decision][oracle]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    ExpiryQueue<uint32_t> queue;
    std::multiset<std::pair<int64_t, uint32_t>> waiting;
    int64_t now_ms = 0;
    const unsigned early = random() % 3 == 0 ? 2 : 50;  // one in so many comes out of order
    for (int step = 0; step < 600; ++step) {
      now_ms += static_cast<int64_t>(random() % 3);
      const bool out_of_order = random() % early == 0;
      const int64_t when_ms = now_ms + (out_of_order ? static_cast<int64_t>(random() % 100) : 100);
      const auto token = static_cast<uint32_t>(random() % 8);
      queue.Push(when_ms, token);
      waiting.emplace(when_ms, token);
      for (unsigned pops = random() % 3; pops > 0 && !waiting.empty(); --pops) {
        REQUIRE_FALSE(queue.empty());
        REQUIRE(std::pair(queue.top().when_ms, queue.top().token) == *waiting.begin());
        // What follows in the row waits too, and not before.
        if (const auto* const later = queue.Following(2); later != nullptr) {
          REQUIRE(waiting.contains({later->when_ms, later->token}));
          REQUIRE(later->when_ms >= queue.top().when_ms);
        }
        queue.Pop();
        waiting.erase(waiting.begin());
      }
      if (step % 150 == 149) {
        // Tokens that are odd are stale; the others stay.
        const size_t live = static_cast<size_t>(std::count_if(
            waiting.begin(), waiting.end(), [](const auto& one) { return one.second % 2 == 0; }));
        const bool compacts = queue.size() >= 2 * live + 64;
        queue.Compact(live, [](const auto& item) { return item.token % 2 == 0; });
        if (compacts) std::erase_if(waiting, [](const auto& one) { return one.second % 2 != 0; });
      }
      REQUIRE(queue.size() == waiting.size());
    }
    for (const auto& expected : waiting) {
      REQUIRE(std::pair(queue.top().when_ms, queue.top().token) == expected);
      queue.Pop();
    }
    REQUIRE(queue.empty());
  }
}

}  // namespace
}  // namespace stockade
