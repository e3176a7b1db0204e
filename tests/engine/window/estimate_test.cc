// Above 64 values: standard errors over many seeds, each against the true figure, stay within
// kEstimateErrorMax.
#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/engine/window/window_testing.h"

namespace stockade {
namespace {

constexpr int64_t kSpanMs = 600'000;

// Root of the mean of squared relative errors.
struct Error {
  double squares = 0;
  int count = 0;
  void Add(double got, double want) {
    squares += (got - want) * (got - want) / (want * want);
    ++count;
  }
  double standard() const { return std::sqrt(squares / count); }
};

// Event times that a rate drives up and down: bursts, silences, late ones.
class Arrivals {
 public:
  explicit Arrivals(uint64_t seed, double per_span) : random_(seed), gap_ms_(double(kSpanMs) / per_span) {}
  int64_t Next() {
    if (random_() % 2000 == 0) rate_ = std::exp(double(random_() % 400) / 100 - 2);
    now_ms_ += std::exponential_distribution<double>(rate_ / gap_ms_)(random_);
    if (random_() % 50 == 0) return int64_t(now_ms_) - int64_t(random_() % 60'000);
    return int64_t(now_ms_);
  }
  uint64_t Random() { return random_(); }

 private:
  std::mt19937_64 random_;
  double gap_ms_;
  double rate_ = 1;
  double now_ms_ = 1e12;
};

TEST_CASE("a count in cells is within two per cent", "[window][estimate]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  Error error;
  for (uint64_t run = 0; run < 12; ++run) {
    const WindowConfig config{WindowKind::kCount, kSpanMs, 1'000'000, 50};
    const auto table = MakeTable(std::span(&config, 1));
    Arrivals arrivals(seed + run, run % 3 == 0 ? 300 : run % 3 == 1 ? 3000 : 20'000);
    std::multiset<int64_t> truth;
    for (int i = 0; i < 30'000; ++i) {
      const int64_t time = arrivals.Next();
      const Reading reading = table->Add(0, KeyOf(run), time);
      truth.insert(time);
      while (*truth.begin() <= *truth.rbegin() - kSpanMs) truth.erase(truth.begin());
      if (truth.size() <= 64 && i < 200) REQUIRE(reading.value == double(truth.size()));
      if (truth.size() > 64 && i % 7 == 0) error.Add(reading.value, double(truth.size()));
    }
    REQUIRE(table->Read(KeyOf(run)).estimated);
    REQUIRE(table->bytes() < 100'000);
  }
  WARN("standard error of counts " << error.standard());
  REQUIRE(error.standard() <= kEstimateErrorMax);
}

TEST_CASE("a threshold of a thousand is met within two per cent of its time", "[window][estimate]") {
  const WindowConfig config{WindowKind::kCount, kSpanMs, 1000, 50};
  const auto table = MakeTable(std::span(&config, 1));
  int64_t t = 0;
  int events = 0;
  while (!table->Add(0, KeyOf(1), t += 500).saturated) ++events;
  REQUIRE(std::abs(events - 1000) <= 20);
  for (int i = 0; i < 100'000; ++i) REQUIRE(table->Add(0, KeyOf(1), t += 500).count <= 1000);
}

TEST_CASE("different values are counted exactly to 4,096 and within two per cent to a million",
          "[window][estimate]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  for (const int limit : {1000, 4096, 50'000, 1'000'000}) {
    const WindowConfig config{WindowKind::kDistinct, kSpanMs, limit, 50};
    Error error;
    for (uint64_t run = 0; run < (limit > 10'000 ? 2u : 4u); ++run) {
      const auto table = MakeTable(std::span(&config, 1));
      Arrivals arrivals(seed + run, limit > 100'000 ? 300'000 : limit);
      std::vector<int64_t> newest(size_t(limit) * 2, -1);
      int64_t now = 0;
      for (int i = 0; i < (limit > 100'000 ? 400'000 : limit * 4 + 20'000); ++i) {
        const auto value = uint32_t(arrivals.Random() % uint64_t(limit * 2));
        const int64_t time = std::max(now, arrivals.Next());
        now = time;
        const Reading reading = table->AddTag(0, KeyOf(run), time, Fingerprint(KeyOf(value)));
        newest[value] = time;
        int64_t want = 0;
        if (i % 4999 == 0) {
          for (int64_t t : newest) want += t > now - kSpanMs && t >= 0;
          want = std::min<int64_t>(want, limit);
          if (limit <= 4096) {
            REQUIRE(reading.count == want);
            REQUIRE_FALSE(reading.estimated);
          }
          if (want > 64) error.Add(reading.value, double(want));
        }
      }
      REQUIRE(table->bytes() <= table->memory_bytes());
    }
    WARN("standard error of distinct counts, limit " << limit << ": " << error.standard());
    REQUIRE(error.standard() <= kEstimateErrorMax);
  }
}

TEST_CASE("sums and averages beyond 128 events are within two per cent", "[window][estimate]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  Error sums;
  Error averages;
  for (uint64_t run = 0; run < 8; ++run) {
    const std::vector<WindowConfig> configs = {{WindowKind::kSum, kSpanMs, 64, 50},
                                               {WindowKind::kAverage, kSpanMs, 64, 50}};
    const auto table = MakeTable(configs);
    Arrivals arrivals(seed + run, run % 2 == 0 ? 300 : 5000);
    std::multimap<int64_t, double> truth;
    double sum = 0;
    for (int i = 0; i < 20'000; ++i) {
      const int64_t time = arrivals.Next();
      const double number = double(1 + arrivals.Random() % 1000) * (i % 500 == 0 ? 50 : 1);
      const Reading total = table->AddNumber(0, KeyOf(run), time, number);
      const Reading mean = table->AddNumber(1, KeyOf(run + 1000), time, number);
      truth.emplace(time, number);
      sum += number;
      while (truth.begin()->first <= truth.rbegin()->first - kSpanMs) {
        sum -= truth.begin()->second;
        truth.erase(truth.begin());
      }
      if (!total.estimated) REQUIRE(total.value == sum);
      if (i % 7 == 0 && truth.size() > 64) {
        sums.Add(total.value, sum);
        averages.Add(mean.value, sum / double(truth.size()));
      }
    }
  }
  WARN("standard error of sums " << sums.standard() << ", of averages " << averages.standard());
  REQUIRE(sums.standard() <= kEstimateErrorMax);
  REQUIRE(averages.standard() <= kEstimateErrorMax);
}

TEST_CASE("percentiles of samples are within two per cent of rank", "[window][estimate]") {
  const uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  double squares = 0;
  int looks = 0;
  for (uint64_t run = 0; run < 6; ++run) {
    const double percentile = run % 3 == 0 ? 50 : run % 3 == 1 ? 95 : 10;
    const WindowConfig config{WindowKind::kPercentile, kSpanMs, 64, percentile};
    const auto table = MakeTable(std::span(&config, 1));
    Arrivals arrivals(seed + run, run % 2 == 0 ? 3000 : 20'000);
    std::multimap<int64_t, double> truth;
    for (int i = 0; i < 20'000; ++i) {
      const int64_t time = arrivals.Next();
      const double number = double(arrivals.Random() % 1'000'000);
      const Reading reading = table->AddNumber(0, KeyOf(run), time, number);
      truth.emplace(time, number);
      while (truth.begin()->first <= truth.rbegin()->first - kSpanMs) truth.erase(truth.begin());
      if (i % 997 != 0 || truth.size() <= 64) continue;
      double below = 0;
      for (const auto& [t, value] : truth) below += value <= reading.value;
      const double off = below / double(truth.size()) - percentile / 100;
      if (reading.estimated) {
        squares += off * off;
        ++looks;
      } else {
        REQUIRE(std::fabs(off) <= 1.0 / double(truth.size()) + 1e-9);
      }
    }
  }
  REQUIRE(looks > 30);
  WARN("standard error of rank " << std::sqrt(squares / looks));
  REQUIRE(std::sqrt(squares / looks) <= kEstimateErrorMax);
}

}  // namespace
}  // namespace stockade
