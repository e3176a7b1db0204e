// What the whole engine, every detector and the shipped rules on, costs an attempt, and whether a flood beside an attack changes how
// much of the attack comes through: at a ceiling of 256 MiB, in lock-step with simulated worlds.
//
//   load_bench [--customers 1000000] [--flood 3000000]
//
// First: p50, p99 and p99.9 of Assess and Observe by the wall clock, each attempt alone, as live: nothing is prefetched, and between
// two attempts the world is simulated, which leaves the caches to it; under ten overlapping attacks at 20,000 customers, and at
// --customers under a mimic. What other programs do on the machine stands in the figures; the load average says how much.
// Then: mimic and slow alone, beside a flood of so many sources of one try each, and of half as many with two; once each, seed 4.
// Exit 1 if a flood changed an attack's attempts that reached the check by more than two upwards.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.h"
#include "engine/engine.h"
#include "engine/status.h"
#include "tools/simulation/lockstep.h"
#include "tools/simulation/score.h"
#include "tools/simulation/world.h"
#include "tools/simulation/world_options.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/rule_pack.h"

namespace stockade {
namespace {

constexpr size_t kMemoryBytes = size_t{256} << 20;
constexpr int64_t kHourMs = 3'600'000;
constexpr uint64_t kSeed = 4;

// How long calls took, by the quarter of an octave: a figure read from it is at most a fifth too high.
class Durations {
 public:
  void Add(int64_t ns) noexcept {
    size_t at = 0;
    for (double bound = 16; static_cast<double>(ns) >= bound && at + 1 < counts_.size(); bound *= kStep) ++at;
    ++counts_[at];
    ++total_;
  }
  double Quantile(double share) const noexcept {
    uint64_t below = 0;
    double bound = 16;
    for (const uint64_t count : counts_) {
      below += count;
      if (static_cast<double>(below) >= share * static_cast<double>(total_)) break;
      bound *= kStep;
    }
    return bound;
  }

 private:
  static constexpr double kStep = 1.189207115002721;  // 2^(1/4)
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(120);
  uint64_t total_ = 0;
};

class TimedEngine {
 public:
  explicit TimedEngine(Engine* engine) : engine_(*engine) {}

  Verdict Assess(const Attempt& attempt) {
    const auto begin = std::chrono::steady_clock::now();
    const Verdict verdict = engine_.Assess(attempt);
    assess_.Add(NsSince(begin));
    return verdict;
  }
  void Observe(const LoginEvent& event, const Verdict& verdict) {
    const auto begin = std::chrono::steady_clock::now();
    engine_.Observe(event, verdict);
    observe_.Add(NsSince(begin));
  }
  const Durations& assess() const { return assess_; }
  const Durations& observe() const { return observe_; }

 private:
  static int64_t NsSince(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin)
        .count();
  }
  Engine& engine_;
  Durations assess_, observe_;
};

class Load {
 public:
  Load(const Config& config, const RuleSet* rules) : config_(config), rules_(rules) {}

  std::unique_ptr<Engine> NewEngine() const {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(config_.engine, rules_, nullptr);
    STOCKADE_CHECK(engine.ok());
    return *std::move(engine);
  }

  void PrintCost(const std::string& what, const WorldOptions& options) const {
    const std::unique_ptr<Engine> engine = NewEngine();
    TimedEngine timed(engine.get());
    Score score(options);
    Run(options, &timed, &score);
    for (const auto& [name, durations] :
         {std::pair{"Assess", &timed.assess()}, std::pair{"Observe", &timed.observe()}}) {
      std::printf("%-44s %-8s p50 %6.2f us   p99 %6.2f us   p99.9 %6.2f us\n", what.c_str(), name,
                  durations->Quantile(0.5) / 1000, durations->Quantile(0.99) / 1000,
                  durations->Quantile(0.999) / 1000);
    }
    std::printf("%-44s %zu MiB of 256 in the engine, %.0f MiB resident with the world\n", "",
                engine->counters().memory_bytes >> 20, ResidentBytesMax() / 1048576);
    std::fflush(stdout);
  }

  // How many attempts of the first campaign reached the check.
  uint64_t Reached(const WorldOptions& options) const {
    const std::unique_ptr<Engine> engine = NewEngine();
    Score score(options);
    Run(options, engine.get(), &score);
    return score.campaigns()[0].reached;
  }

 private:
  template <typename Front>
  static void Run(const WorldOptions& options, Front* front, Score* score) {
    absl::StatusOr<std::unique_ptr<World>> world = World::Create(options);
    STOCKADE_CHECK(world.ok());
    RunLockstep(world->get(), front, score);
  }

  const Config& config_;
  const RuleSet* rules_;
};

WorldOptions WorldOf(uint32_t customers, int days, std::vector<AttackOptions> attacks) {
  WorldOptions options;
  options.seed = kSeed;
  options.customers = customers;
  options.days = days;
  options.attacks = std::move(attacks);
  return options;
}

// From an hour before the attack on, 300 a second.
AttackOptions FloodOf(AttackClass kind, uint64_t attempts, uint32_t addresses, uint32_t tries) {
  AttackOptions flood = AttackOptions::Of(kind);
  flood.attempts = attempts;
  flood.addresses = addresses;
  flood.tries_per_address = tries;
  flood.attempts_per_hour = 300 * 3600;
  flood.at_ms = (4 * 24 + 9) * kHourMs;
  return flood;
}

int RunLoad(uint32_t customers, uint64_t flood) {
  Config config = DefaultConfig();
  config.engine.memory_bytes = kMemoryBytes;
  config.rules = {STOCKADE_RULES};
  const absl::StatusOr<LoadedRules> rules = LoadRules(config);
  STOCKADE_CHECK(rules.ok());
  const Load load(config, rules->rules.get());

  std::vector<AttackOptions> ten;
  for (size_t i = 0; i < 10; ++i) ten.push_back(AttackOptions::Of(static_cast<AttackClass>(i)));
  load.PrintCost("20000 customers, ten attacks at once", WorldOf(20'000, 8, ten));
  load.PrintCost(std::to_string(customers) + " customers, a mimic",
                 WorldOf(customers, 4, {AttackOptions::Of(AttackClass::kMimic)}));

  bool holds = true;
  for (const AttackClass kind : {AttackClass::kMimic, AttackClass::kSlow}) {
    AttackOptions attack = AttackOptions::Of(kind);
    attack.at_ms = (4 * 24 + 10) * kHourMs;
    const uint64_t alone = load.Reached(WorldOf(20'000, 6, {attack}));
    const uint64_t one_try =
        load.Reached(WorldOf(20'000, 6, {attack, FloodOf(AttackClass::kBurst, flood, 0, 1)}));
    const uint64_t two_tries = load.Reached(WorldOf(
        20'000, 6, {attack, FloodOf(AttackClass::kEnumeration, flood, static_cast<uint32_t>(flood / 2), 2)}));
    std::printf("%-44s reached the check: alone %llu, beside a flood %llu, of two tries an address %llu\n",
                std::string(kAttackClassNames[static_cast<size_t>(kind)]).c_str(),
                static_cast<unsigned long long>(alone), static_cast<unsigned long long>(one_try),
                static_cast<unsigned long long>(two_tries));
    std::fflush(stdout);
    holds = holds && std::max(one_try, two_tries) <= alone + 2;
  }
  return holds ? 0 : 1;
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  uint64_t customers = 1'000'000, flood = 3'000'000;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    uint64_t* const value = name == "--customers" ? &customers : name == "--flood" ? &flood : nullptr;
    if (value == nullptr || i + 1 == argc) {
      std::fprintf(stderr, "usage: load_bench [--customers N] [--flood N]\n");
      return 2;
    }
    *value = std::strtoull(argv[++i], nullptr, 10);
  }
  if (customers == 0 || customers > 20'000'000 || flood < 2 || flood > 50'000'000) return 2;
  std::printf("%s\n", stockade::LoadText().c_str());
  const int exit_code = stockade::RunLoad(static_cast<uint32_t>(customers), flood);
  std::printf("%s at the end\n", stockade::LoadText().c_str());
  return exit_code;
}
