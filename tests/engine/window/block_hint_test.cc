// What PrefetchBlock says may be handed on to Add whenever, and is believed only where it is still true; and the small
// tags of a reading are those that the window's entries are.
#include <catch2/catch.hpp>

#include <array>
#include <random>
#include <vector>

#include "tests/engine/window/window_testing.h"

namespace stockade {
namespace {

TEST_CASE("hints however old change no reading", "[window]") {
  // Two tables of the least memory, so small for these keys that most lines have changed hands before a hint is used.
  const std::vector<WindowConfig> windows = {{WindowKind::kCount, 1000, 5, 50},
                                             {WindowKind::kDistinct, 800, 24, 50}};
  const auto hinted = MakeTable(windows, KeyedTable::kBytesMin);
  const auto plain = MakeTable(windows, KeyedTable::kBytesMin);
  constexpr uint64_t kKeys = 120'000;
  std::vector<uint32_t> hints(2 * kKeys, kNoEntry);
  std::mt19937_64 random(7);
  bool is_same = true;
  for (int64_t i = 0; i < 400'000; ++i) {
    // One in two of a few keys, so that some windows are kept, grow lines of their own and lose them again.
    const uint64_t number = random() % 2 == 0 ? random() % 50 : random() % kKeys;
    const auto window = static_cast<uint16_t>(random() % 2);
    const Hash128 key = KeyOf(number * 2 + window);
    uint32_t& hint = hints[number * 2 + window];
    const uint32_t tag = static_cast<uint32_t>(random() % 20);
    const int64_t time_ms = i / 20;
    const Reading got = window == 0 ? hinted->Add(window, key, time_ms, hint)
                                    : hinted->AddTag(window, key, time_ms, tag, hint);
    const Reading want =
        window == 0 ? plain->Add(window, key, time_ms) : plain->AddTag(window, key, time_ms, tag);
    is_same = is_same && got.value == want.value && got.before == want.before && got.entry == want.entry &&
              got.oldest_ms == want.oldest_ms && got.small_tags == want.small_tags;
    if (random() % 4 == 0) hint = hinted->PrefetchBlock(key);
  }
  CHECK(is_same);
  CHECK(hinted->total().evicted == plain->total().evicted);
  CHECK(plain->total().evicted + plain->total().reclaimed > 10'000);
}

TEST_CASE("a reading's small tags are those of its entries", "[window]") {
  const std::vector<WindowConfig> windows = {{WindowKind::kDistinct, 50, 3, 50},
                                             {WindowKind::kSequence, 50, 6, 50},
                                             {WindowKind::kDistinct, 90, 40, 50}};
  const auto table = MakeTable(windows);
  std::mt19937_64 random(11);
  bool is_same = true;
  int64_t time_ms = 1000;
  for (int i = 0; i < 100'000; ++i) {
    const auto window = static_cast<uint16_t>(random() % windows.size());
    time_ms += random() % 8 == 0 ? 30 : static_cast<int64_t>(random() % 3);
    const int64_t late_ms = random() % 5 == 0 ? static_cast<int64_t>(random() % 60) : 0;
    // Some tags are too large to be small.
    const Reading reading = table->AddTag(window, KeyOf(window), time_ms - late_ms,
                                          static_cast<uint32_t>(random() % (window == 2 ? 70 : 7)));
    if (!reading.counted) continue;
    std::array<TimedTag, 64> entries;
    const int count = table->Entries(reading.entry, entries);
    uint64_t bits = 0;
    for (int at = 0; at < count; ++at) {
      const uint32_t tag = entries[static_cast<size_t>(at)].tag;
      if (tag < 64) bits |= uint64_t{1} << tag;
    }
    is_same = is_same && reading.small_tags == bits;
  }
  CHECK(is_same);
}

}  // namespace
}  // namespace stockade
