// A flood of distinct sources against the ceiling: the whole engine with the shipped rules, and whether slow
// attackers that were seen before the flood are caught by their next attempt after it.
//
//   flood_bench [--quick] [--sources 50000000] [--memory 64]
//
// Before: 1,000 addresses fail on nine accounts each, ten minutes apart; the rule slow_many_accounts blocks
// at ten within 24 hours. Then the flood, over twelve hours: every attempt fails, from an address and on an
// account that were never seen, all of them observed, as at a gateway that stops nothing. After: the tenth
// account of each attacker. Memory is in MiB. --quick is 5 million sources. Exit 0 if the process was never
// larger than its ceiling and 64 MiB, and every attacker was blocked; else 1.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_set>

#include "bench/measure.h"
#include "engine/engine.h"
#include "engine/status.h"
#include "tools/stockade/rule_pack.h"

namespace stockade {
namespace {

constexpr uint32_t kAttackers = 1000;
constexpr uint64_t kAccountsBefore = 9;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kBeginNs = 1'777'777'777 * kSecondNs;
constexpr int64_t kFloodNs = 12 * 3600 * kSecondNs;
constexpr double kAllowanceMiB = 64;
constexpr uint64_t kProgressEvery = 5'000'000;

Address AttackerAddress(uint32_t number) {
  return Address::V4((203u << 24) + number * 257);
}
// Different for all numbers below 1.4 billion: a step that shares no factor with the room, 11.0.0.0 to
// 99.255.255.255, through which it goes round. Everywhere and in no order.
Address FloodAddress(uint64_t number) {
  constexpr uint64_t kRoom = uint64_t{89} << 24;
  return Address::V4((11u << 24) + static_cast<uint32_t>(number * 2654435761u % kRoom));
}

struct Caught final : EngineListener {
  void OnDecision(const Decision& decision) override {
    if (decision.rule == "slow_many_accounts") addresses.insert(decision.value);
  }
  std::unordered_set<std::string> addresses;
};

class Flood {
 public:
  Flood(Engine* engine) : engine_(*engine) { event_.aftermath.outcome = Outcome::kBadPassword; }

  void Fail(int64_t time_ns, const Address& source, const char* prefix, uint64_t account) {
    char name[40];
    const int size =
        std::snprintf(name, sizeof name, "%s%llu", prefix, static_cast<unsigned long long>(account));
    event_.attempt.time_ns = time_ns;
    event_.attempt.source = source;
    event_.attempt.account = std::string_view(name, static_cast<size_t>(size));
    engine_.Observe(event_, engine_.Assess(event_.attempt));
  }

 private:
  Engine& engine_;
  LoginEvent event_;
};

int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 2;
}

int Run(uint64_t sources, size_t memory_mib) {
  Config config = DefaultConfig();
  config.rules = {STOCKADE_RULES};
  const absl::StatusOr<LoadedRules> rules = LoadRules(config);
  Caught caught;
  config.engine.memory_bytes = memory_mib << 20;
  if (!rules.ok()) return Refuse(rules.status());
  const auto made = Engine::Create(config.engine, rules->rules.get(), &caught);
  if (!made.ok()) return Refuse(made.status());
  Engine& engine = **made;
  Flood flood(&engine);
  int64_t now_ns = kBeginNs;
  for (uint64_t i = 0; i < kAccountsBefore; ++i, now_ns += 600 * kSecondNs) {
    for (uint32_t attacker = 0; attacker < kAttackers; ++attacker) {
      flood.Fail(now_ns, AttackerAddress(attacker), "stolen", attacker * uint64_t{100} + i);
    }
  }
  STOCKADE_CHECK(caught.addresses.empty());
  const double begin = ProcessorSeconds();
  const int64_t step_ns = kFloodNs / static_cast<int64_t>(sources);
  for (uint64_t i = 0; i < sources; ++i, now_ns += step_ns) {
    flood.Fail(now_ns, FloodAddress(i), "flood", i);
    if ((i + 1) % kProgressEvery == 0 && i + 1 < sources) {
      std::printf("  %llu million, %.1f s, resident at most %.1f MiB\n",
                  static_cast<unsigned long long>((i + 1) / 1'000'000), ProcessorSeconds() - begin,
                  ResidentBytesMax() / 1048576);
      std::fflush(stdout);
    }
  }
  const double seconds = ProcessorSeconds() - begin;
  STOCKADE_CHECK(caught.addresses.empty());
  for (uint32_t attacker = 0; attacker < kAttackers; ++attacker) {
    flood.Fail(now_ns, AttackerAddress(attacker), "stolen", attacker * uint64_t{100} + kAccountsBefore);
  }
  engine.Finish();
  const EngineCounters counters = engine.counters();
  const double resident_mib = ResidentBytesMax() / 1048576;
  std::printf(
      "%llu sources in %.1f s, %.2f M/s; windows evicted %llu, worst undercount %llu, alerts %llu\n"
      "ceiling %zu MiB, engine %.1f MiB, resident at most %.1f MiB of %.0f MiB\n"
      "slow attackers blocked after the flood: %zu of %u\n",
      static_cast<unsigned long long>(sources), seconds, static_cast<double>(sources) / seconds / 1e6,
      static_cast<unsigned long long>(counters.windows_evicted),
      static_cast<unsigned long long>(counters.undercount_max),
      static_cast<unsigned long long>(counters.alerts), memory_mib,
      static_cast<double>(counters.memory_bytes) / 1048576, resident_mib,
      static_cast<double>(memory_mib) + kAllowanceMiB, caught.addresses.size(), kAttackers);
  const bool below = resident_mib <= static_cast<double>(memory_mib) + kAllowanceMiB;
  return below && caught.addresses.size() == kAttackers ? 0 : 1;
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  uint64_t sources = 50'000'000;
  size_t memory_mib = 64;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--quick") {
      sources = 5'000'000;
    } else if (name == "--sources" && i + 1 < argc) {
      sources = std::strtoull(argv[++i], nullptr, 10);
    } else if (name == "--memory" && i + 1 < argc) {
      memory_mib = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "flood_bench [--quick] [--sources N] [--memory MIB]\n");
      return 2;
    }
  }
  if (sources == 0 || sources > 1'400'000'000) return 2;
  std::printf("%s, %s, processor time\n", stockade::StayOnOneCore() ? "one core" : "NOT on one core",
              stockade::LoadText().c_str());
  const int exit_code = stockade::Run(sources, memory_mib);
  std::printf("%s at the end\n", stockade::LoadText().c_str());
  return exit_code;
}
