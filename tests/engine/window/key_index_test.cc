// The index against a std::map over random inserts, erasures and look-ups, through every doubling and at its
// fullest.
#include <catch2/catch.hpp>

#include <map>
#include <random>

#include "engine/window/key_index.h"

namespace stockade {
namespace {

TEST_CASE("the index finds what was inserted and nothing else", "[window][oracle]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  KeyIndex index(KeyIndex::kSlotsMin * 8);
  std::map<uint32_t, Hash128> keys;
  std::map<Hash128, uint32_t> blocks;
  uint32_t next = 0;
  const auto find = [&](const Hash128& key) {
    return index.Find(key, [&](uint32_t block) { return keys.at(block) == key; });
  };
  bool is_same = true;
  for (int step = 0; step < 150'000 && is_same; ++step) {
    const bool grows = step < 60'000 || step % 2 == 0;
    if (grows && !index.is_full()) {
      // Few different tags near one another, so that runs are long and wrap around.
      const uint64_t tag = random() % 16 == 0 ? 0xffffffff - random() % 64 : random();
      const Hash128 key{tag, next};
      index.Insert(key, next);
      keys[next] = key;
      blocks[key] = next++;
    } else {
      auto at = keys.lower_bound(uint32_t(random() % (next + 1)));
      if (at == keys.end()) at = keys.begin();
      index.Erase(at->second, at->first);
      blocks.erase(at->second);
      keys.erase(at);
    }
    if (step % 16 == 0 || step % 20'000 > 19'990) {
      auto at = keys.lower_bound(uint32_t(random() % (next + 1)));
      if (at == keys.end()) at = keys.begin();
      is_same =
          find(at->second) == at->first && find(Hash128{at->second.low, ~uint64_t{0}}) == KeyIndex::kNoBlock;
    }
    if (step % 30'000 == 29'999) {
      for (const auto& [key, block] : blocks) is_same = is_same && find(key) == block;
    }
  }
  REQUIRE(is_same);
  REQUIRE(index.size() == keys.size());
  REQUIRE(index.bytes() == KeyIndex::kSlotsMin * 8 * KeyIndex::kSlotBytes);
}

}  // namespace
}  // namespace stockade
