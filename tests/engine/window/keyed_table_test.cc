// The ceiling, eviction and the counters of it: floods of millions of keys at small ceilings.
#include <catch2/catch.hpp>

#include "tests/engine/window/window_testing.h"

namespace stockade {
namespace {

constexpr int64_t kOneHourMs = 3'600'000;

TEST_CASE("a slow key at 4 of 5 outlives a flood of two million keys", "[window]") {
  const std::vector<WindowConfig> windows = {{WindowKind::kCount, 24 * kOneHourMs, 5, 50},
                                             {WindowKind::kDistinct, 24 * kOneHourMs, 5, 50}};
  const auto table = MakeTable(windows, 16 << 20);
  for (uint32_t i = 0; i < 4; ++i) {
    table->Add(0, KeyOf(1), i * 1000);
    table->AddTag(1, KeyOf(2), i * 1000, i);
  }
  size_t bytes_max = 0;
  for (uint64_t i = 0; i < 2'000'000; ++i) {
    table->Add(0, KeyOf(100 + i), int64_t(5000 + i / 100));
    bytes_max = std::max(bytes_max, table->bytes());
  }
  REQUIRE(bytes_max <= table->memory_bytes());
  REQUIRE(table->size() > 150'000);
  const Reading count = table->Add(0, KeyOf(1), kOneHourMs);
  REQUIRE(count.value == 5);
  REQUIRE(count.before == 4);
  REQUIRE(table->AddTag(1, KeyOf(2), kOneHourMs, 77).value == 5);
  REQUIRE(table->counters(0).evicted > 1'700'000);
  REQUIRE(table->counters(0).worst_undercount == 1);
  REQUIRE(table->counters(1).evicted == 0);
}

TEST_CASE("a flood of keys seen twice evicts keys seen twice at most", "[window]") {
  const WindowConfig config{WindowKind::kCount, 24 * kOneHourMs, 8, 50};
  const auto table = MakeTable(std::span(&config, 1), KeyedTable::kBytesMin);
  for (uint64_t key = 0; key < 1000; ++key) {
    for (int i = 0; i < 4; ++i) table->Add(0, KeyOf(key), i);
  }
  for (uint64_t i = 0; i < 400'000; ++i) {
    table->Add(0, KeyOf(10'000 + i), 10);
    table->Add(0, KeyOf(10'000 + i), 11);
  }
  for (uint64_t key = 0; key < 1000; ++key) REQUIRE(table->Read(KeyOf(key)).value == 4);
  REQUIRE(table->counters(0).worst_undercount == 2);
}

TEST_CASE("keys whose window has run out make room without a loss", "[window]") {
  const WindowConfig config{WindowKind::kCount, 1000, 5, 50};
  const auto table = MakeTable(std::span(&config, 1), KeyedTable::kBytesMin, 0);
  for (uint64_t i = 0; i < 500'000; ++i) table->Add(0, KeyOf(i), int64_t(i / 10));
  REQUIRE(table->counters(0).evicted == 0);
  REQUIRE(table->counters(0).reclaimed > 400'000);
  REQUIRE(table->bytes() <= KeyedTable::kBytesMin);
}

TEST_CASE("the ceiling holds with windows of every kind that all grow", "[window]") {
  const std::vector<WindowConfig> windows = {
      {WindowKind::kCount, kOneHourMs, 100'000, 50},     {WindowKind::kDistinct, kOneHourMs, 20'000, 50},
      {WindowKind::kSequence, kOneHourMs, 64, 50},       {WindowKind::kSum, kOneHourMs, 64, 50},
      {WindowKind::kPercentile, kOneHourMs, 64, 95},     {WindowKind::kAverage, kOneHourMs, 64, 50},
      {WindowKind::kDistinct, kOneHourMs, 64, 50},       {WindowKind::kCount, kOneHourMs, 64, 50},
      {WindowKind::kDistinct, kOneHourMs, 1'000'000, 50}};
  const auto table = MakeTable(windows, KeyedTable::kBytesMin);
  uint64_t x = 12345;
  size_t bytes_max = 0;
  for (int64_t i = 0; i < 1'000'000; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    const auto window = uint16_t((x >> 33) % windows.size());
    // A few keys are busy, most come once.
    const uint64_t key = (x >> 40) % 3 == 0 ? (x >> 45) % 20 : x >> 20;
    AddTo(*table, window, KeyOf(key * 16 + window), {i / 100, uint32_t(x >> 32), double(x >> 50)});
    bytes_max = std::max(bytes_max, table->bytes());
  }
  REQUIRE(bytes_max <= table->memory_bytes());
  REQUIRE(bytes_max > table->memory_bytes() / 2);
  REQUIRE(table->total().evicted > 100'000);
}

TEST_CASE("the same events give the same readings, evictions and all", "[window]") {
  const std::vector<WindowConfig> windows = {{WindowKind::kCount, kOneHourMs, 5, 50},
                                             {WindowKind::kDistinct, kOneHourMs, 200, 50}};
  const auto run = [&] {
    const auto table = MakeTable(windows, KeyedTable::kBytesMin);
    uint64_t sum = 0;
    uint64_t x = 7;
    for (int64_t i = 0; i < 300'000; ++i) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      const auto window = uint16_t(x >> 63);
      const Reading reading =
          AddTo(*table, window, KeyOf((x >> 30) % 200'000 * 2 + window), {i, uint32_t(i), 0});
      sum = sum * 31 + uint64_t(reading.value);
    }
    return sum + table->total().evicted;
  };
  REQUIRE(run() == run());
}

TEST_CASE("after a rollback keys of the time that never was start afresh", "[window]") {
  const WindowConfig config{WindowKind::kCount, kOneHourMs, 5, 50};
  const auto table = MakeTable(std::span(&config, 1), KeyedTable::kBytesMin, 300'000);
  table->Add(0, KeyOf(1), 0);
  table->Add(0, KeyOf(1), int64_t{10} * 365 * 24 * kOneHourMs);
  table->SetNow(1000);
  const Reading reading = table->Add(0, KeyOf(1), 1000);
  REQUIRE(reading.counted);
  REQUIRE(reading.value == 1);
  REQUIRE(reading.newest_ms == 1000);
}

}  // namespace
}  // namespace stockade
