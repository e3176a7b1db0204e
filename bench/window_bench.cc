// What an event costs in the keyed table, beside the floors: absl::flat_hash_map updates of the same keys, as
// they come and prefetched. Before anything is timed both sides count the same events and must agree.
//
//   BM_Floor_*            one map of Hash128 -> int64, ++ for every event
//   BM_SlidingCount_Add   one window of limit 5 over as many keys; with and without prefetching
//   BM_Hot_*              one key with 5,000 values in turn: count against distinct at limits 8 to 5,000
//   BM_Flood_Add          every key new, the table at its ceiling: what evicting costs
// Keys are visited in random order. keys:10000000 needs 3 GiB and runs only if STOCKADE_BENCH_LARGE is set.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/status.h"
#include "engine/window/keyed_table.h"

namespace stockade {
namespace {

constexpr int64_t kSpanMs = 600'000;
// How far ahead an event's index slot and its line are asked for.
constexpr size_t kAheadSlot = 16;
constexpr size_t kAheadBlock = 8;

std::vector<Hash128> Stream(size_t keys, size_t events) {
  std::vector<Hash128> stream(events);
  uint64_t x = 88172645463325252u;
  for (Hash128& key : stream) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    const uint64_t number = x % keys;
    key = Combine(Hash128{number * 0x9E3779B97F4A7C15u, number}, Hash128{1, 2});
  }
  return stream;
}

std::unique_ptr<KeyedTable> Table(const WindowConfig& config, size_t memory_bytes) {
  return KeyedTable::Create({.memory_bytes = memory_bytes}, std::span(&config, 1)).value();
}

size_t MemoryFor(size_t keys) {
  return std::max(keys * 160, KeyedTable::kBytesMin);
}

void CompareAnswers() {
  const auto table = Table({WindowKind::kCount, kSpanMs, 1, 50}, 64 << 20);
  const auto counts = Table({WindowKind::kCount, kSpanMs, 64, 50}, 64 << 20);
  absl::flat_hash_map<Hash128, int64_t> map;
  const std::vector<Hash128> stream = Stream(20'000, 100'000);
  for (const Hash128& key : stream) {
    const int64_t count = ++map[key];
    STOCKADE_CHECK(table->Add(0, key, 1000).before == (count > 1 ? 1 : 0));
    STOCKADE_CHECK(counts->Add(0, key, 1000).count == std::min<int64_t>(count, 64));
  }
  STOCKADE_CHECK(table->size() == map.size());
}

void BM_Floor_Map(benchmark::State& state) {
  const auto keys = size_t(state.range(0));
  const std::vector<Hash128> stream = Stream(keys, 1 << 20);
  absl::flat_hash_map<Hash128, int64_t> map;
  for (uint64_t i = 0; i < keys; ++i) map[Combine(Hash128{i * 0x9E3779B97F4A7C15u, i}, Hash128{1, 2})] = 0;
  const bool prefetches = state.range(1) != 0;
  size_t at = 0;
  for (auto _ : state) {
    if (prefetches) map.prefetch(stream[(at + kAheadSlot) & ((1 << 20) - 1)]);
    benchmark::DoNotOptimize(++map[stream[at]]);
    at = (at + 1) & ((1 << 20) - 1);
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_SlidingCount_Add(benchmark::State& state) {
  const auto keys = size_t(state.range(0));
  const std::vector<Hash128> stream = Stream(keys, 1 << 20);
  const auto table = Table({WindowKind::kCount, kSpanMs, 5, 50}, MemoryFor(keys));
  for (uint64_t i = 0; i < keys; ++i) {
    table->Add(0, Combine(Hash128{i * 0x9E3779B97F4A7C15u, i}, Hash128{1, 2}), 0);
  }
  const bool prefetches = state.range(1) != 0;
  size_t at = 0;
  int64_t now = 0;
  for (auto _ : state) {
    if (prefetches) {
      table->Prefetch(stream[(at + kAheadSlot) & ((1 << 20) - 1)]);
      table->PrefetchBlock(stream[(at + kAheadBlock) & ((1 << 20) - 1)]);
    }
    benchmark::DoNotOptimize(table->Add(0, stream[at], now++ / 64));
    at = (at + 1) & ((1 << 20) - 1);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_key"] = double(table->bytes()) / double(table->size());
}

void BM_Hot_Count(benchmark::State& state) {
  const auto table = Table({WindowKind::kCount, kSpanMs, int(state.range(0)), 50}, 64 << 20);
  const Hash128 key{1, 2};
  int64_t now = 0;
  for (auto _ : state) benchmark::DoNotOptimize(table->Add(0, key, now += 100));
  state.SetItemsProcessed(state.iterations());
}

void BM_Hot_Distinct(benchmark::State& state) {
  const auto table = Table({WindowKind::kDistinct, kSpanMs, int(state.range(0)), 50}, 64 << 20);
  const Hash128 key{1, 2};
  const std::vector<Hash128> values = Stream(5000, 1 << 16);
  int64_t now = 0;
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->AddTag(0, key, now += 100, Fingerprint(values[at++ & 0xffff])));
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_Flood_Add(benchmark::State& state) {
  const auto table = Table({WindowKind::kCount, kSpanMs, 5, 50}, size_t(state.range(0)) << 20);
  uint64_t number = 0;
  const auto key = [](uint64_t n) { return Combine(Hash128{n * 0x9E3779B97F4A7C15u, n}, Hash128{3, 4}); };
  while (table->total().evicted == 0) table->Add(0, key(number++), 0);
  for (auto _ : state) {
    table->Prefetch(key(number + kAheadSlot));
    benchmark::DoNotOptimize(table->Add(0, key(number++), 0));
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  using namespace stockade;
  CompareAnswers();
  std::vector<int64_t> sizes = {10'000, 1'000'000};
  if (std::getenv("STOCKADE_BENCH_LARGE") != nullptr) sizes.push_back(10'000'000);
  for (int64_t keys : sizes) {
    for (int64_t prefetches : {0, 1}) {
      benchmark::RegisterBenchmark("BM_Floor_Map", BM_Floor_Map)
          ->ArgNames({"keys", "prefetch"})
          ->Args({keys, prefetches});
      benchmark::RegisterBenchmark("BM_SlidingCount_Add", BM_SlidingCount_Add)
          ->ArgNames({"keys", "prefetch"})
          ->Args({keys, prefetches});
    }
  }
  for (int64_t limit : {8, 64, 1000, 5000}) {
    benchmark::RegisterBenchmark("BM_Hot_Count", BM_Hot_Count)->ArgName("limit")->Arg(limit);
    benchmark::RegisterBenchmark("BM_Hot_Distinct", BM_Hot_Distinct)->ArgName("limit")->Arg(limit);
  }
  benchmark::RegisterBenchmark("BM_Flood_Add", BM_Flood_Add)->ArgName("MiB")->Arg(16)->Arg(128);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
