// detection_bench: the table of issue and README that anyone can reproduce. Each class of attack alone on a cold policy,
// and all of them in one week; over seeds; for Stockade and for what others do by default.
//
//   detection_bench [--seeds N] [--customers N] [--class NAME] [--hard] [--lock L] [--svg FILE]
//
// A world is eight days; the policy has seen seven when the attack comes. Same arguments, same table, on every machine.
// "reached" is the median and the worst over seeds of attempts that came as far as the password check; "first stop" and
// "settled" the worst; customers, of those with an earlier login, over all seeds and their eight days.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "bench/detection/detection_figure.h"
#include "bench/detection/peer_policies.h"
#include "engine/engine.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/simulation/lockstep.h"
#include "tools/simulation/score.h"
#include "tools/simulation/world.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/rule_pack.h"

namespace stockade {
namespace {

struct BenchOptions {
  uint64_t seeds = 3;
  uint32_t customers = 20'000;
  int lock_limit = 5;
  bool hard = false;
  std::string only;
  std::string svg;
};

class StockadePolicy final : public FrontPolicy {
 public:
  explicit StockadePolicy(const Config& config, const RuleSet* rules) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(config.engine, rules, nullptr);
    STOCKADE_CHECK(engine.ok());
    engine_ = *std::move(engine);
  }
  Verdict Assess(const Attempt& attempt) override { return engine_->Assess(attempt); }
  void Observe(const LoginEvent& event, const Verdict& verdict) override { engine_->Observe(event, verdict); }

 private:
  std::unique_ptr<Engine> engine_;
};

Score RunOne(const WorldOptions& options, FrontPolicy* policy) {
  absl::StatusOr<std::unique_ptr<World>> world = World::Create(options);
  if (!world.ok()) {
    std::cerr << FromAbsl(world.status().message()) << "\n";
    std::exit(2);
  }
  Score score((*world)->options());
  RunLockstep(world->get(), policy, &score);
  return score;
}

uint64_t Median(std::vector<uint64_t> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

FigureCell Summarise(const std::vector<Score>& scores) {
  FigureCell cell;
  std::vector<uint64_t> attempts, reached;
  bool stops = true;
  cell.settles = true;
  for (const Score& score : scores) {
    uint64_t all = 0, through = 0, taken = 0;
    for (const CampaignScore& campaign : score.campaigns()) {
      all += campaign.attempts;
      through += campaign.reached;
      taken += campaign.taken_over;
      stops = stops && campaign.first_stop != 0;
      cell.first_stop_worst = std::max(cell.first_stop_worst, campaign.first_stop);
      cell.settles = cell.settles && campaign.settled;
      cell.settled_worst = std::max(cell.settled_worst, campaign.settled_after);
    }
    attempts.push_back(all);
    reached.push_back(through);
    cell.taken_over = std::max(cell.taken_over, taken);
    cell.locked_worst = std::max(cell.locked_worst, score.locks().customers_locked_by_strangers);
    for (const Period period : {Period::kQuiet, Period::kDuring, Period::kAfter}) {
      const CustomerScore& known = score.customers(period, true);
      cell.customers += known.attempts;
      cell.denied += known.denied;
      cell.challenged += known.challenged;
      cell.first_denied += score.customers(period, false).denied;
    }
  }
  if (!stops) cell.first_stop_worst = 0;
  cell.attempts = Median(attempts);
  cell.reached = Median(reached);
  cell.reached_worst = *std::max_element(reached.begin(), reached.end());
  return cell;
}

void PrintRow(std::string_view attack, std::string_view policy, const FigureCell& cell) {
  const auto million = [&cell](uint64_t count) {
    return cell.customers == 0 ? 0.0 : static_cast<double>(count) * 1e6 / static_cast<double>(cell.customers);
  };
  absl::PrintF("%-13s %-12s %8d %8d %8d %10s %9s %6d %12.0f %14.0f %8d\n", ToAbsl(attack), ToAbsl(policy),
               cell.attempts, cell.reached, cell.reached_worst,
               cell.first_stop_worst == 0 ? "never" : std::to_string(cell.first_stop_worst),
               cell.settles ? std::to_string(cell.settled_worst) : "never", cell.taken_over,
               million(cell.denied), million(cell.challenged), cell.locked_worst);
  std::fflush(stdout);
}

bool ParseArguments(int count, char** arguments, BenchOptions* options) {
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--hard") {
      options->hard = true;
      continue;
    }
    if (i + 1 == count) return false;
    const std::string value = arguments[++i];
    if (name == "--seeds") {
      options->seeds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--customers") {
      options->customers = static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (name == "--lock") {
      options->lock_limit = static_cast<int>(std::strtol(value.c_str(), nullptr, 10));
    } else if (name == "--class") {
      options->only = value;
    } else if (name == "--svg") {
      options->svg = value;
    } else {
      return false;
    }
  }
  return options->seeds > 0;
}

int RunBench(const BenchOptions& options) {
  Config config = DefaultConfig();
  config.engine.detectors->lock.limit = options.lock_limit;
  config.rules = {STOCKADE_RULES};
  absl::StatusOr<LoadedRules> rules = LoadRules(config);
  if (!rules.ok()) {
    std::cerr << FromAbsl(rules.status().message()) << "\n";
    return 2;
  }
  std::vector<std::string> policies = {"stockade"};
  for (const Peer& peer : Peers()) policies.emplace_back(peer.name);

  std::vector<std::pair<std::string, std::vector<AttackOptions>>> mixes;
  std::vector<AttackOptions> all;
  for (size_t i = 0; i < kAttackClassNames.size(); ++i) {
    const AttackOptions attack = AttackOptions::Of(static_cast<AttackClass>(i));
    mixes.push_back({std::string(kAttackClassNames[i]), {attack}});
    all.push_back(attack);
  }
  // Those of the issue, 42,360 attempts that overlap; and all.
  constexpr int64_t kOfTheIssue = 10;
  mixes.push_back({"ten at once", {all.begin(), all.begin() + kOfTheIssue}});
  mixes.push_back({"all at once", all});

  absl::PrintF("%-13s %-12s %8s %8s %8s %10s %9s %6s %12s %14s %8s\n", "class", "policy", "attempts",
               "reached", "worst", "first stop", "settled", "let in", "denied/M", "challenged/M", "locked");
  std::vector<FigureRow> rows;
  for (const auto& [name, attacks] : mixes) {
    if (!options.only.empty() && options.only != name) continue;
    FigureRow row;
    row.name = name;
    for (const std::string& policy : policies) {
      std::vector<Score> scores;
      for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
        WorldOptions world;
        world.seed = seed;
        world.customers = options.customers;
        world.lock_limit = options.lock_limit;
        world.attacks = attacks;
        if (options.hard) world.MakeHard();
        std::unique_ptr<FrontPolicy> front;
        for (const Peer& peer : Peers()) {
          if (peer.name == policy) front = peer.make();
        }
        // Customers have certificates only where the policy asks for them: the others must do without.
        if (policy == "certificate") world.certificates_ppm = 970'000;
        if (front == nullptr) front = std::make_unique<StockadePolicy>(config, rules->rules.get());
        scores.push_back(RunOne(world, front.get()));
      }
      row.cells.push_back(Summarise(scores));
      PrintRow(name, policy, row.cells.back());
    }
    rows.push_back(std::move(row));
  }
  if (options.svg.empty()) return 0;
  std::ofstream file(options.svg);
  file << DrawFigure(policies, rows,
                     Concat(options.customers, " customers, eight days, ", options.seeds,
                            " seeds, gateway lock ", options.lock_limit, options.hard ? ", hard world" : "",
                            "; each class alone; median; detection_bench"));
  file.close();
  if (file.good()) return 0;
  std::cerr << "detection_bench: " << options.svg << " cannot be written\n";
  return 2;
}

}  // namespace
}  // namespace stockade

int main(int count, char** arguments) {
  stockade::BenchOptions options;
  if (!stockade::ParseArguments(count, arguments, &options)) {
    std::cerr << "usage: detection_bench [--seeds N] [--customers N] [--class NAME] [--hard] [--lock L] "
                 "[--svg FILE]\n";
    return 2;
  }
  return stockade::RunBench(options);
}
