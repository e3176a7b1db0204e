// Which change is better, which trades, which is recommended, and how it is written down.
#include "tools/tuning/recommendation.h"

#include <catch2/catch.hpp>

#include "engine/rule/yaml_tree.h"

namespace stockade {
namespace {

const Costs kNow{.reached = 1000, .taken_over = 2, .asked = 400, .denied = 3, .locked = 1};

Costs With(uint64_t Costs::*cost, uint64_t value) {
  Costs costs = kNow;
  costs.*cost = value;
  return costs;
}

TEST_CASE("better is a gain without a loss beyond what chance does", "[tuning]") {
  CHECK_FALSE(IsBetter(kNow, kNow));
  CHECK(IsNoWorse(kNow, kNow));
  CHECK(IsBetter(With(&Costs::reached, 900), kNow));
  CHECK_FALSE(IsBetter(With(&Costs::reached, 960), kNow));  // 4 %
  CHECK(IsNoWorse(With(&Costs::reached, 1010), kNow));
  CHECK_FALSE(IsNoWorse(With(&Costs::reached, 1011), kNow));
  CHECK_FALSE(IsNoWorse(With(&Costs::denied, 4), kNow));
  CHECK_FALSE(IsNoWorse(With(&Costs::locked, 2), kNow));
  CHECK_FALSE(IsNoWorse(With(&Costs::taken_over, 3), kNow));
  CHECK(IsBetter(With(&Costs::locked, 0), kNow));
  Costs trade = With(&Costs::reached, 100);
  trade.asked = 500;
  CHECK(HasGain(trade, kNow));
  CHECK_FALSE(IsBetter(trade, kNow));
}

TEST_CASE("the front is what no other beats in both", "[tuning]") {
  const std::vector<Costs> costs = {{.reached = 10, .asked = 10},
                                    {.reached = 5, .asked = 20},
                                    {.reached = 11, .asked = 10},
                                    {.reached = 6, .asked = 25},
                                    {.reached = 30, .asked = 1}};
  CHECK(ParetoFront(costs) == std::vector<size_t>{4, 0, 1});
}

Figures Run(uint64_t reached, uint64_t asked) {
  Figures figures;
  figures.campaigns.resize(1);
  figures.campaigns[0].reached = reached;
  figures.customers[0][1][0].challenged = asked;
  return figures;
}

Candidate Changed(const std::string& setting, const std::string& value) {
  Candidate candidate;
  candidate.changes = {{setting, value}};
  return candidate;
}

TEST_CASE("the best change of each setting is put together with the budget, and only numbers are",
          "[tuning]") {
  const std::vector<Candidate> candidates = {
      Candidate(), Changed("detectors.charts.h", "8"), Changed("detectors.charts.h", "7"),
      Changed("thresholds.x.gte", "4"), Changed("detectors.pressure", "off")};
  const std::vector<Figures> runs = {Run(100, 100), Run(80, 100), Run(60, 100), Run(100, 90), Run(100, 10)};
  const auto combined = Combine(candidates, runs, {{"detectors.evidence.suspect", "8"}});
  REQUIRE_FALSE(combined.empty());
  CHECK(combined[0] == std::vector<SettingOverride>{{"detectors.evidence.suspect", "8"},
                                                    {"detectors.charts.h", "7"},
                                                    {"thresholds.x.gte", "4"}});
  for (const auto& changes : combined)
    for (const SettingOverride& change : changes) CHECK(change.path != "detectors.pressure");
}

TEST_CASE("what was put together is recommended only if it holds as a whole, else the best single change",
          "[tuning]") {
  const std::vector<Candidate> candidates = {Candidate(), Changed("detectors.charts.h", "8"),
                                             Changed("detectors.charts.h", "7"),
                                             Changed("thresholds.x.gte", "4")};
  CHECK(Recommend(candidates, {Run(100, 100), Run(80, 100), Run(60, 100), Run(60, 90)}, {3}) == 3);
  CHECK(Recommend(candidates, {Run(100, 100), Run(80, 100), Run(60, 100), Run(60, 190)}, {3}) == 2);
  CHECK(Recommend(candidates, {Run(100, 100), Run(80, 150), Run(100, 100), Run(60, 190)}, {3}) ==
        std::nullopt);
}

TEST_CASE("a budget that is so already changes nothing, and stays within what may be set", "[tuning]") {
  EngineOptions options;
  AlarmBudget budget;
  budget.quiet_days = 3;
  budget.pressure_h = 9.2;
  budget.source_h = 15;
  CHECK(BudgetChanges(budget, options).empty());  // no detectors
  options.detectors.emplace();
  CHECK(BudgetChanges(budget, options) == std::vector<SettingOverride>{{"detectors.evidence.suspect", "12"}});
  budget.quiet_days = 0;
  CHECK(BudgetChanges(budget, options).empty());
}

TEST_CASE("changes are written as settings are, whatever a rule is called", "[tuning]") {
  CHECK(ToYaml({{"detectors.charts.h", "7"}, {"detectors.charts.hold", "1h"}, {"thresholds.a.gte", "4"}}) ==
        "detectors:\n  charts:\n    h: 7\n    hold: 1h\nthresholds:\n  a:\n    gte: 4\n");
  const std::string yaml = ToYaml({{"thresholds.it's: \"odd\" \\ #1.gte", "4"}});
  Findings findings;
  const std::vector<YamlNode> tree = ReadYaml(yaml, "f", &findings);
  INFO(yaml);
  REQUIRE(tree.size() == 1);
  REQUIRE(findings.errors() == 0);
  CHECK(tree[0].Find("thresholds")->entries[0].key.text == "it's: \"odd\" \\ #1");
}

}  // namespace
}  // namespace stockade
