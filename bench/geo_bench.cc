// What it costs an attempt to be told its AS and country: the library's two walks, and ours with what is remembered, over sources that
// come from so many networks. Files by STOCKADE_GEO_ASN and STOCKADE_GEO_COUNTRY; without them MaxMind's small test files, which lie in
// the cache whole: real ones cost some misses of memory more a walk.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "adapters/geo/geo_lookup.h"
#include "engine/status.h"

namespace stockade {
namespace {

std::shared_ptr<const GeoDatabase> Open(const char* variable, const char* otherwise, GeoDatabase::Kind kind) {
  const char* const named = std::getenv(variable);
  auto database =
      GeoDatabase::Open(named != nullptr ? named : std::string(STOCKADE_GEO_TEST_DATA) + otherwise, kind);
  if (!database.ok()) return nullptr;
  return *std::move(database);
}

GeoDatabases Files() {
  return {Open("STOCKADE_GEO_ASN", "/GeoLite2-ASN-Test.mmdb", GeoDatabase::Kind::kAsn),
          Open("STOCKADE_GEO_COUNTRY", "/GeoLite2-Country-Test.mmdb", GeoDatabase::Kind::kCountry)};
}

// Hosts of so many /24, half of them below 1.128.0.0/11, which the files know.
std::vector<Address> Sources(size_t networks) {
  std::mt19937 random(1);
  std::vector<Address> sources(size_t{1} << 16);
  for (Address& source : sources) {
    const auto network = static_cast<uint32_t>(random() % networks);
    const uint32_t base =
        network % 2 == 0 ? 0x01800000U + (network << 8 & 0x1fff00U) : network * 2'654'435'761U & ~0xffU;
    source = Address::V4(base | (static_cast<uint32_t>(random()) & 0xff));
  }
  return sources;
}

void BM_Geo_Library(benchmark::State& state) {
  const GeoDatabases files = Files();
  if (files.asn == nullptr || files.country == nullptr) return state.SkipWithError("no files");
  const auto sources = Sources(static_cast<size_t>(state.range(0)));
  size_t i = 0, told = 0;
  for (auto _ : state) {
    const Address& source = sources[i++ % sources.size()];
    told += files.asn->Find(source).value + files.country->Find(source).value;
  }
  benchmark::DoNotOptimize(told);
}
BENCHMARK(BM_Geo_Library)->ArgName("networks")->Arg(1000)->Arg(100'000);

void BM_Geo_Fill(benchmark::State& state) {
  const GeoDatabases files = Files();
  if (files.asn == nullptr || files.country == nullptr) return state.SkipWithError("no files");
  const auto sources = Sources(static_cast<size_t>(state.range(0)));
  GeoLookup lookup(files);
  for (size_t i = 0; i < 1000; ++i) {
    Attempt attempt;
    attempt.source = sources[i];
    lookup.Fill(&attempt);
    STOCKADE_CHECK(attempt.asn == files.asn->Find(sources[i]).value);
  }
  size_t i = 0, told = 0;
  for (auto _ : state) {
    Attempt attempt;
    attempt.source = sources[i++ % sources.size()];
    lookup.Fill(&attempt);
    told += attempt.asn + attempt.country.size();
  }
  benchmark::DoNotOptimize(told);
  state.counters["remembered"] =
      static_cast<double>(lookup.counts().remembered) / static_cast<double>(lookup.counts().asked);
}
BENCHMARK(BM_Geo_Fill)->ArgName("networks")->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace stockade

BENCHMARK_MAIN();
