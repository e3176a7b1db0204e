// A flood of distinct sources against the ceiling: prints the resident memory at its highest beside the
// ceiling, and whether slow attackers that were seen before the flood, at 4 of 5, are caught by their next
// attempt after it.
//
//   flood_bench [keys, default 50000000] [ceiling in MiB, default 256]
// Exit 0 if the process stayed below its ceiling plus 64 MiB and all of them were caught; else 1.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "engine/window/keyed_table.h"

namespace stockade {
namespace {

Hash128 KeyOf(uint64_t number) {
  return SipHash128(HashKey{5, 6}, &number, sizeof(number));
}

int Run(uint64_t keys, size_t ceiling_mib) {
  constexpr uint64_t kAttackers = 1000;
  constexpr int64_t kDayMs = 86'400'000;
  const WindowConfig config{WindowKind::kCount, kDayMs, 5, 50};
  const auto table = KeyedTable::Create({.memory_bytes = ceiling_mib << 20}, std::span(&config, 1));
  if (!table.ok()) {
    std::fprintf(stderr, "%s\n", std::string(table.status().message()).c_str());
    return 1;
  }
  KeyedTable& windows = **table;
  for (int64_t attempt = 0; attempt < 4; ++attempt) {
    for (uint64_t attacker = 0; attacker < kAttackers; ++attacker)
      windows.Add(0, KeyOf(attacker), attempt * 60'000);
  }
  const auto start = std::chrono::steady_clock::now();
  constexpr uint64_t kAhead = 16;
  Hash128 ahead[kAhead];
  for (uint64_t i = 0; i < kAhead; ++i) ahead[i] = KeyOf(kAttackers + i);
  for (uint64_t i = 0; i < keys; ++i) {
    const Hash128 key = ahead[i % kAhead];
    ahead[i % kAhead] = KeyOf(kAttackers + i + kAhead);
    windows.Prefetch(ahead[i % kAhead]);
    // The flood takes an hour.
    windows.Add(0, key, 300'000 + int64_t(i * 3'600'000 / keys));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  uint64_t caught = 0;
  for (uint64_t attacker = 0; attacker < kAttackers; ++attacker) {
    caught += windows.Add(0, KeyOf(attacker), 4'000'000).value >= 5;
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double resident_mib = double(usage.ru_maxrss) / 1024;
  std::printf(
      "keys %llu, %.1f M/s; ceiling %zu MiB, table %.1f MiB, resident at most %.1f MiB; held %zu, evicted "
      "%llu, "
      "worst undercount %llu; slow attackers caught %llu of %llu\n",
      static_cast<unsigned long long>(keys), double(keys) / seconds / 1e6, ceiling_mib,
      double(windows.bytes()) / 1048576, resident_mib, windows.size(),
      static_cast<unsigned long long>(windows.total().evicted),
      static_cast<unsigned long long>(windows.total().worst_undercount),
      static_cast<unsigned long long>(caught), static_cast<unsigned long long>(kAttackers));
  return resident_mib <= double(ceiling_mib) + 64 && caught == kAttackers ? 0 : 1;
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  return stockade::Run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000'000,
                       argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 256);
}
