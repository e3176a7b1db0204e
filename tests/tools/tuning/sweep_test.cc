// Sweeps as a person writes them, and what a mistake is told.
#include "tools/tuning/sweep.h"

#include <catch2/catch.hpp>

#include "tools/tuning/setting_override.h"

namespace stockade {
namespace {

using Catch::Contains;

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<Sweep> sweep = ParseSweep(text, "--sweep");
  REQUIRE_FALSE(sweep.ok());
  return std::string(sweep.status().message());
}

TEST_CASE("a sweep is a setting and its values, each once", "[tuning]") {
  const absl::StatusOr<Sweep> sweep = ParseSweep(" detectors.charts.h = 7, 8 ,9.2,8", "--sweep");
  REQUIRE(sweep.ok());
  CHECK(sweep->setting == "detectors.charts.h");
  CHECK(sweep->values == std::vector<std::string>{"7", "8", "9.2"});
}

TEST_CASE("what is no sweep says what is wrong and what would be right", "[tuning]") {
  CHECK_THAT(ErrorOf("detectors.charts.h"), Contains("--sweep") && Contains("detectors.charts.h=7,8,9.2"));
  CHECK_THAT(ErrorOf("detectors..h=7"), Contains("is no setting"));
  CHECK_THAT(ErrorOf("=7"), Contains("is no setting"));
  CHECK_THAT(ErrorOf("detectors.charts.h=7,,8"), Contains("a value is missing"));
  CHECK_THAT(ErrorOf("detectors.charts.h="), Contains("a value is missing"));
  CHECK_THAT(ErrorOf("detector.charts.h=7"), Contains("did you mean 'detectors'?"));
  CHECK_THAT(ErrorOf("colour=red"), Contains("known: detectors, thresholds"));
  CHECK_THAT(ErrorOf("input.year=2025"), Contains("cannot be swept"));
  CHECK_THAT(ErrorOf("thresholds.gte=4"), Contains("is no setting"));
}

TEST_CASE("a file of sweeps names its line", "[tuning]") {
  const absl::StatusOr<std::vector<Sweep>> sweeps =
      ParseSweepLines("# pressure\ndetectors.charts.h=7,8\n\n  thresholds.many.accounts.gte=4\n", "s.txt");
  REQUIRE(sweeps.ok());
  REQUIRE(sweeps->size() == 2);
  CHECK((*sweeps)[1].place == "s.txt:4");
  CHECK(SettingKeys((*sweeps)[1].setting) == std::vector<std::string>{"thresholds", "many.accounts", "gte"});
  const absl::StatusOr<std::vector<Sweep>> wrong = ParseSweepLines("mode=observe\n\ndetectrs=off\n", "s.txt");
  REQUIRE_FALSE(wrong.ok());
  CHECK_THAT(std::string(wrong.status().message()), Contains("s.txt:3: ") && Contains("'detectors'"));
}

TEST_CASE("sweeps are tried one change at a time, or all combinations", "[tuning]") {
  const std::vector<Sweep> sweeps = {{"a", {"1", "2"}, ""}, {"b", {"3", "4", "5"}, ""}};
  const auto single = PlanCandidates(sweeps, false);
  REQUIRE(single.ok());
  CHECK(single->size() == 5);
  for (const PlannedCandidate& one : *single) CHECK(one.changes.size() == 1);
  const auto grid = PlanCandidates(sweeps, true);
  REQUIRE(grid.ok());
  CHECK(grid->size() == 6);
  CHECK(grid->back().changes == std::vector<SettingOverride>{{"a", "2"}, {"b", "5"}});
  std::vector<Sweep> many;
  for (int i = 0; i < 13; ++i) many.push_back({"a" + std::to_string(i), {"1", "2"}, ""});
  CHECK_FALSE(PlanCandidates(many, true).ok());
  CHECK(PlanCandidates(many, false).ok());
}

TEST_CASE("a setting is put into the tree of a file, and not through what is no section", "[tuning]") {
  Findings findings;
  std::vector<YamlNode> root = ReadYaml("detectors: on\nmode: protect\nrules: [a]\n", "f", &findings);
  REQUIRE(root.size() == 1);
  REQUIRE(Override({"detectors.charts.h", "7"}, &root[0]).ok());
  REQUIRE(Override({"detectors.charts.h", "8"}, &root[0]).ok());
  const YamlNode* charts = root[0].Find("detectors")->Find("charts");
  REQUIRE(charts != nullptr);
  REQUIRE(charts->entries.size() == 1);
  CHECK(charts->Find("h")->text == "8");
  CHECK_THAT(std::string(Override({"mode.x", "1"}, &root[0]).message()), Contains("mode is 'protect'"));
  CHECK_THAT(std::string(Override({"rules.x", "1"}, &root[0]).message()), Contains("a list"));
}

}  // namespace
}  // namespace stockade
