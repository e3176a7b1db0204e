// What to change, given what candidates came to: how costs compare, which changes are better than the current settings, and what to
// write into the file.
//
// A change is taken only if nothing gets worse by it on this log: attacks reaching the check, right pairs let in, customers asked or
// throttled, customers denied, accounts locked by strangers; and something gets better by a margin (kGainMin). Only numbers are
// taken: a detector that is not needed against the attacks of this log may be needed against the next, and the gateway's lock is a
// fact. Nothing is recommended that was not run as a whole.
//
// Plain functions of their arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/tuning/alarm_budget.h"
#include "tools/tuning/backtest.h"
#include "tools/tuning/setting_override.h"
#include "tools/tuning/tally.h"

namespace stockade {

// What a run is judged by; less is better.
struct Costs {
  uint64_t reached = 0;     // attempts of attacks
  uint64_t taken_over = 0;  // right pairs of theirs let in
  uint64_t asked = 0;       // attempts of customers: challenged or throttled
  uint64_t denied = 0;      // of customers
  uint64_t locked = 0;      // by strangers, times

  uint64_t touched() const noexcept { return asked + denied; }
  friend bool operator==(const Costs&, const Costs&) = default;
};
Costs CostsOf(const Figures& figures);

// A gain is one of 5 %, and of three attempts at least; what is within 1 %, or two attempts, is no loss.
inline constexpr double kGainMin = 0.05;
inline constexpr uint64_t kGainAttemptsMin = 3;
inline constexpr double kLossMax = 0.01;
inline constexpr uint64_t kLossAttemptsMax = 2;

// Whether nothing is worse than `current`, within those tolerances; none for denials, takeovers and locks.
bool IsNoWorse(const Costs& costs, const Costs& current);
// And something better by the margin.
bool IsBetter(const Costs& costs, const Costs& current);
// Whether something is better by the margin, whatever else is worse.
bool HasGain(const Costs& costs, const Costs& current);
// By how much, as the sum of shares of the current costs. 0: alike.
double GainOf(const Costs& costs, const Costs& current);
// Candidates that no other one beats in both reached and touched; indices, by touched.
std::vector<size_t> ParetoFront(const std::vector<Costs>& costs);

// Whether a change of this setting may be recommended at all.
bool MayRecommend(const SettingOverride& change);

// Sets of changes that deserve a run of their own, the most wanted first: the best change of each setting and the alarm budget
// together, with a part of the budget, the budget alone, a part of it, the changes without it. `runs`: of `candidates`, of which the first is the current settings.
std::vector<std::vector<SettingOverride>> Combine(const std::vector<Candidate>& candidates,
                                                  const std::vector<Figures>& runs,
                                                  const std::vector<SettingOverride>& budget);
// What the alarm budget asks to be changed of these settings; nothing where it is so already, or nothing is known.
std::vector<SettingOverride> BudgetChanges(const AlarmBudget& budget, const EngineOptions& current);

// Which of all runs to recommend: the first of `wanted` (runs of what Combine gave, in its order) that is no worse than the current
// settings, else the best single change; nothing where none is better.
std::optional<size_t> Recommend(const std::vector<Candidate>& candidates, const std::vector<Figures>& runs,
                                const std::vector<size_t>& wanted);

// Changes as a piece of stockade.yaml.
std::string ToYaml(const std::vector<SettingOverride>& changes);

}  // namespace stockade
