// What a look-up costs: networks, ledger, allowlist and lanes, before every password check.
//
// The floor beside them is one look-up in a plain hash table of as many addresses: what no exact answer can
// beat. Before anything is timed, misses and hits are checked for what they must be.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/ledger.h"
#include "engine/detect/lanes.h"
#include "engine/event/keyed_hash.h"
#include "engine/status.h"

namespace stockade {
namespace {

constexpr size_t kQueries = 1 << 16;

std::vector<Address> RandomAddresses(size_t count, uint32_t seed, bool v6) {
  std::mt19937_64 random(seed);
  std::vector<Address> addresses;
  addresses.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    std::array<uint8_t, 16> bytes{0x20, 0x01};
    const uint64_t bits = random();
    for (size_t b = 0; b < 8; ++b) bytes[4 + b] = static_cast<uint8_t>(bits >> (8 * b));
    addresses.push_back(v6 ? Address::V6(bytes) : Address::V4(static_cast<uint32_t>(bits)));
  }
  return addresses;
}

// Queries that hit and miss in turn.
std::vector<Address> HalfHits(const std::vector<Address>& present, bool v6) {
  std::vector<Address> queries = RandomAddresses(kQueries, 99, v6);
  std::mt19937_64 random(7);
  for (size_t i = 0; i < kQueries; i += 2) queries[i] = present[random() % present.size()];
  return queries;
}

void BM_Floor_HashTable(benchmark::State& state) {
  const auto addresses = RandomAddresses(static_cast<size_t>(state.range(0)), 1, false);
  absl::flat_hash_map<Address, uint32_t> table;
  for (const Address& address : addresses) table[address] = 1;
  const auto queries = HalfHits(addresses, false);
  size_t i = 0, hits = 0;
  for (auto _ : state) hits += table.contains(queries[i++ % kQueries]) ? 1 : 0;
  benchmark::DoNotOptimize(hits);
}
BENCHMARK(BM_Floor_HashTable)->ArgName("entries")->Arg(1 << 20);

// lengths: how many prefix lengths beside single addresses; each has a thousand networks.
void BM_PrefixMap_FindLongest(benchmark::State& state) {
  const bool v6 = state.range(2) != 0;
  const auto addresses = RandomAddresses(static_cast<size_t>(state.range(0)), 1, v6);
  PrefixMap map;
  for (const Address& address : addresses) map.Insert(Prefix::Around(address, 128), 1);
  for (int length = 0; length < state.range(1); ++length)
    for (const Address& address : RandomAddresses(1000, static_cast<uint32_t>(length + 2), v6))
      map.Insert(Prefix::Around(address, (v6 ? 64 : 24) - (v6 ? 2 : 1) * length), 2);
  const auto queries = HalfHits(addresses, v6);
  STOCKADE_CHECK(map.FindLongest(queries[0])->value == 1);
  size_t i = 0, hits = 0;
  for (auto _ : state) hits += map.FindLongest(queries[i++ % kQueries]) ? 1 : 0;
  benchmark::DoNotOptimize(hits);
}
BENCHMARK(BM_PrefixMap_FindLongest)
    ->ArgNames({"entries", "lengths", "v6"})
    ->Args({1 << 20, 0, 0})
    ->Args({1 << 20, 1, 0})
    ->Args({1 << 20, 4, 0})
    ->Args({1 << 20, 16, 0})
    ->Args({1 << 20, 0, 1})
    ->Args({1 << 20, 4, 1})
    ->Args({1 << 20, 16, 1});

// names: 0 decisions on addresses alone; 1 also some on networks, accounts, an ASN and a fingerprint.
void BM_Ledger_Find(benchmark::State& state) {
  const HashKey key{1, 2};
  Ledger ledger({.hash_key = key, .bytes_max = size_t{4} << 30});
  const auto addresses = RandomAddresses(static_cast<size_t>(state.range(0)), 1, false);
  Decision decision;
  decision.rule = "many_accounts";
  decision.until_ms = 1000;
  for (const Address& address : addresses) {
    decision.prefix = Prefix::Around(address, 32);
    ledger.Propose(decision);
  }
  if (state.range(1) != 0) {
    decision.scope = Scope::kRange;
    for (const Address& address : RandomAddresses(1000, 2, false)) {
      decision.prefix = Prefix::Around(address, 24);
      ledger.Propose(decision);
    }
    decision.scope = Scope::kAccount;
    for (int i = 0; i < 1000; ++i) {
      decision.value = "customer" + std::to_string(i);
      ledger.Propose(decision);
    }
    decision.scope = Scope::kAsn;
    decision.value = "64500";
    ledger.Propose(decision);
    decision.scope = Scope::kFingerprint;
    decision.value = "00112233445566778899aabbccddeeff";
    ledger.Propose(decision);
  }
  const auto queries = HalfHits(addresses, false);
  Attempt attempt;
  attempt.account = "customer4711";
  attempt.asn = 64501;
  attempt.ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
  attempt.user_agent =
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0";
  attempt.source = queries[0];
  STOCKADE_CHECK(ledger.Find(attempt, 0).source != nullptr);
  STOCKADE_CHECK(ledger.Find(attempt, 1000).source == nullptr);
  size_t i = 0, hits = 0;
  for (auto _ : state) {
    // As the engine does: it hears of the events of a batch before it assesses them.
    attempt.source = queries[(i + 8) % kQueries];
    ledger.Prefetch(attempt);
    attempt.source = queries[i++ % kQueries];
    hits += ledger.Find(attempt, 0).source != nullptr ? 1 : 0;
  }
  benchmark::DoNotOptimize(hits);
  state.counters["bytes_each"] = static_cast<double>(ledger.bytes()) / static_cast<double>(ledger.size());
}
BENCHMARK(BM_Ledger_Find)
    ->ArgNames({"decisions", "names"})
    ->Args({1000, 0})
    ->Args({1 << 20, 0})
    ->Args({1 << 20, 1});

void BM_Lanes_LaneOf(benchmark::State& state) {
  const auto accounts = static_cast<size_t>(state.range(0));
  Lanes lanes(size_t{256} << 20, HashKey{1, 2});
  std::vector<std::string> names;
  for (size_t i = 0; i < accounts; ++i) names.push_back("customer" + std::to_string(i));
  const auto homes = RandomAddresses(accounts, 3, false);
  Attempt attempt;
  attempt.time_ns = int64_t{1'700'000'000} * 1'000'000'000;
  attempt.ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
  attempt.user_agent =
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0";
  for (size_t i = 0; i < accounts; ++i) {
    attempt.account = names[i];
    attempt.source = homes[i];
    lanes.Learn(attempt, Lane::kCertified);
  }
  STOCKADE_CHECK(lanes.Phi(attempt) > 5);
  std::mt19937_64 random(5);
  std::vector<size_t> order(kQueries);
  for (size_t& which : order) which = random() % accounts;
  size_t i = 0, familiar = 0;
  for (auto _ : state) {
    const size_t which = order[i++ % kQueries];
    attempt.account = names[which];
    attempt.source = homes[which];
    familiar += lanes.LaneOf(attempt) == Lane::kFamiliar ? 1 : 0;
  }
  benchmark::DoNotOptimize(familiar);
}
BENCHMARK(BM_Lanes_LaneOf)->ArgName("accounts")->Arg(10'000)->Arg(1'000'000);

void BM_Address_Parse(benchmark::State& state) {
  const bool v6 = state.range(0) != 0;
  std::vector<std::string> texts;
  for (const Address& address : RandomAddresses(kQueries, 1, v6)) texts.push_back(address.ToString());
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(Address::Parse(texts[i++ % kQueries]));
}
BENCHMARK(BM_Address_Parse)->ArgName("v6")->Arg(0)->Arg(1);

void BM_SipHash128(benchmark::State& state) {
  const std::string text(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(SipHash128(HashKey{1, 2}, text));
}
BENCHMARK(BM_SipHash128)->ArgName("bytes")->Arg(16)->Arg(116);

}  // namespace
}  // namespace stockade

BENCHMARK_MAIN();
