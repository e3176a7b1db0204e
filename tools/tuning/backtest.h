// Runs a log through an engine for each candidate, as if it had stood in front of the gateway that wrote the log.
//
// A run is what `stockade replay` does without --observe: an attempt that is stopped is not observed. Each candidate has an engine of
// its own, which keeps up to its memory_bytes; log, labels, days and rule sets are shared and constant. `jobs` candidates run at the
// same time, each on a thread; what comes back does not depend on how many.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "tools/tuning/alarm_budget.h"
#include "tools/tuning/days.h"
#include "tools/tuning/event_log.h"
#include "tools/tuning/labels.h"
#include "tools/tuning/setting_override.h"
#include "tools/tuning/tally.h"

namespace stockade {

// Settings to try. Its rules were compiled for the fields of the log.
struct Candidate {
  std::vector<SettingOverride> changes;  // from the current settings; empty: these themselves
  EngineOptions options;
  std::shared_ptr<const RuleSet> rules;

  // "detectors.charts.h = 7, thresholds.x.gte = 4"; "current settings"
  std::string Name() const;
};

// What runs are judged by. All outlive the call.
struct Backtest {
  const EventLog& log;
  const Labels& labels;
  const LogDays& days;
  LockoutRule lock;  // the gateway's; limit 0: it has none
};

// One candidate, on this thread. `contacts`: where not null, is told of each attempt. `done`: attempts that were run, added to as it
// goes. `stop`: ends it early, with Cancelled. Errors: those of Engine::Create.
absl::StatusOr<Figures> RunBacktest(const Backtest& backtest, const Candidate& candidate,
                                    FirstContacts* contacts, std::atomic<uint64_t>* done,
                                    const std::atomic<bool>* stop);

// All of them, `jobs` ≥ 1 at a time; figures in the order of the candidates. `contacts`: of the first. `watch` is called on this
// thread some ten times a second with the attempts run so far; false ends everything with Cancelled. The first error ends everything.
absl::StatusOr<std::vector<Figures>> RunBacktests(const Backtest& backtest,
                                                  const std::vector<Candidate>& candidates, size_t jobs,
                                                  FirstContacts* contacts,
                                                  const std::function<bool(uint64_t)>& watch);

}  // namespace stockade
