// What a snapshot of who is at home costs a gate: how long each step holds the engine, how long the whole takes beside it, and how
// long a start waits for reading it. Beside the floor: copying the same bytes, hashing them once.
//
// A lock is held for a copy, so the longest step is what the unluckiest login waits; it is taken as processor time of this thread, best
// of three snapshots step by step, so that other programs are left out, and once more as it came.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "engine/detect/familiar_reader.h"
#include "engine/detect/familiar_writer.h"
#include "engine/status.h"

namespace stockade {
namespace {

constexpr HashKey kKey{7, 9};
constexpr int64_t kStartNs = int64_t{20'000} * 86'400 * 1'000'000'000;
constexpr size_t kCustomers = size_t{1} << 17;  // as an engine of 1 GiB keeps

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void Fill(size_t accounts, Lanes* lanes, ProvenCustomers* customers) {
  std::mt19937_64 random(1);
  for (size_t i = 0; i < accounts * 3; ++i) {
    const size_t who = i < accounts ? i : random() % accounts;
    const std::string account = std::to_string(who);
    const std::string device = std::to_string(random() % 4 == 0 ? random() % 1'000'000 : who);
    Attempt attempt;
    attempt.time_ns = kStartNs + static_cast<int64_t>(i) * 1'000'000;
    attempt.account = account;
    attempt.device = device;
    attempt.source = Address::V4(static_cast<uint32_t>(who * 2'654'435'761U + (random() % 4 == 0 ? 256 : 0)));
    lanes->Learn(attempt, Lane::kFamiliar);
    if (i % 8 == 0) customers->Note(attempt, attempt.time_ns / 1'000'000);
  }
}

struct Snapshot {
  std::string bytes;
  std::vector<double> steps;  // seconds that each held the engine
  double encode = 0;
};
Snapshot Take(const Lanes& lanes, const ProvenCustomers& customers) {
  Snapshot snapshot;
  snapshot.bytes.reserve(size_t{256} << 20);
  FamiliarWriter writer(kKey);
  for (bool more = true; more;) {
    const double begin = ThreadSeconds();
    more = writer.Copy(lanes, customers, kStartNs / 1'000'000);
    const double copied = ThreadSeconds();
    writer.Encode(&snapshot.bytes);
    snapshot.steps.push_back(copied - begin);
    snapshot.encode += ThreadSeconds() - copied;
  }
  return snapshot;
}

void Run(size_t accounts) {
  Lanes lanes(size_t{256} << 20, kKey);
  ProvenCustomers customers(kKey, kCustomers);
  Fill(accounts, &lanes, &customers);
  Snapshot snapshot = Take(lanes, customers);
  std::vector<double> as_it_came = snapshot.steps;
  for (int i = 0; i < 2; ++i) {
    const Snapshot again = Take(lanes, customers);
    STOCKADE_CHECK(again.bytes == snapshot.bytes);
    for (size_t step = 0; step < again.steps.size(); ++step)
      snapshot.steps[step] = std::min(snapshot.steps[step], again.steps[step]);
    snapshot.encode = std::min(snapshot.encode, again.encode);
  }
  Timing load;
  for (int i = 0; i < 3; ++i) {
    Lanes into(size_t{256} << 20, kKey);
    ProvenCustomers known(kKey, kCustomers);
    load.Take([&] {
      FamiliarReader reader(kKey, &into, &known);
      for (size_t at = 0; at < snapshot.bytes.size(); at += size_t{256} << 10)
        STOCKADE_CHECK(reader.Read(std::string_view(snapshot.bytes).substr(at, size_t{256} << 10)).ok());
      STOCKADE_CHECK(reader.Finish().ok());
    });
    STOCKADE_CHECK(into.accounts() == lanes.accounts());
  }
  Timing floor_copy, floor_hash;
  std::string copy(snapshot.bytes.size(), ' ');
  for (int i = 0; i < 3; ++i) {
    floor_copy.Take([&] { std::memcpy(copy.data(), snapshot.bytes.data(), copy.size()); });
    floor_hash.Take([&] { STOCKADE_CHECK(SipHash128(kKey, copy).low != 0); });
  }
  std::sort(snapshot.steps.begin(), snapshot.steps.end());
  std::sort(as_it_came.begin(), as_it_came.end());
  double held = 0;
  for (const double step : snapshot.steps) held += step;
  const size_t steps = snapshot.steps.size();
  std::printf(
      "%8zu accounts %7.1f MiB %5zu steps | engine held µs: p50 %5.1f  p99 %5.1f  max %6.1f  (as it came "
      "%6.1f), in all %6.1f ms\n",
      lanes.accounts(), static_cast<double>(snapshot.bytes.size()) / 1048576, steps,
      snapshot.steps[steps / 2] * 1e6, snapshot.steps[steps * 99 / 100] * 1e6, snapshot.steps.back() * 1e6,
      as_it_came.back() * 1e6, held * 1e3);
  const double floor = floor_copy.best() + floor_hash.best();
  std::printf("%17s floor copy and hash %6.1f ms | write %6.1f ms, ratio %.1f | read %6.1f ms, ratio %.1f\n",
              "", floor * 1e3, (held + snapshot.encode) * 1e3, (held + snapshot.encode) / floor,
              load.best() * 1e3, load.best() / floor);
}

}  // namespace
}  // namespace stockade

int main() {
  std::printf("%s\n", stockade::LoadText().c_str());
  for (const size_t accounts : {size_t{10'000}, size_t{100'000}, size_t{1'000'000}, size_t{2'500'000}})
    stockade::Run(accounts);
  std::printf("%s\n", stockade::LoadText().c_str());
}
