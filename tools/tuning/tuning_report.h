// Everything a tuning run found out, for those who write it down: html_report, json_report, and the program's own summary.
//
// Members refer to what the run keeps; none is owned but the small ones. Constant while it is written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tuning/alarm_budget.h"
#include "tools/tuning/backtest.h"
#include "tools/tuning/recommendation.h"

namespace stockade {

struct TuningReport {
  const Backtest& backtest;
  std::vector<std::string> inputs;
  std::string labels_file;  // empty: they were guessed
  // The first is the current settings; from `combined` on, sets of changes that were put together of what came before.
  const std::vector<Candidate>& candidates;
  const std::vector<Figures>& runs;
  size_t combined = 0;
  AlarmBudget budget;
  std::vector<SettingOverride> budget_changes;
  std::optional<size_t> recommended;
  std::vector<std::string> notes;  // what a reader must know of this run: sentences

  const Figures& current() const { return runs[0]; }
  const Figures& best() const { return runs[recommended.value_or(0)]; }
  // The run of `budget_changes` alone; null where there is none.
  const Figures* budget_run() const;
};

// How a run compares with the current settings. better: IsBetter. alike: no worse, and no gain. trade: something is better by the
// margin and something worse. worse: the rest.
enum class Comparison : uint8_t { kCurrent, kBetter, kAlike, kTrade, kWorse };
inline constexpr std::array<std::string_view, 5> kComparisonNames = {"current", "better", "alike", "trade",
                                                                     "worse"};
Comparison Compare(const TuningReport& report, size_t run);

// What the labels are, or how they were guessed and what that cannot see: paragraphs of plain text.
std::vector<std::string> HowItWasJudged(const TuningReport& report);

}  // namespace stockade
