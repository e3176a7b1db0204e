// What a replay amounts to: figures gathered attempt by attempt, and the report of them for a person or a
// machine.
//
// Memory stays below some 2 MiB whatever comes: counts of accounts and sources are exact up to 8,192 and
// estimates above, the list of most stopped sources says "at least" where a flood made it forget. Adding an
// attempt costs about 30 ns.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/source/open_inputs.h"
#include "engine/decision/alarm.h"
#include "engine/engine.h"
#include "tools/stockade/console.h"
#include "tools/stockade/distinct_count.h"
#include "tools/stockade/familiar_snapshot.h"
#include "tools/stockade/top_counts.h"

namespace stockade {

// How the run went as a whole.
struct ReplayRun {
  Mode mode = Mode::kProtect;
  bool observe = false;  // --observe
  bool interrupted = false;
  size_t memory_ceiling = 0;
  std::optional<WrittenSnapshot> learnt;  // --learn
  double seconds = 0;                     // wall clock; the only figure that differs between two runs
};

class ReplaySummary {
 public:
  static constexpr size_t kTopSources = 10;
  // Takeovers, and alarms of other kinds, that are kept with their words; all are counted.
  static constexpr size_t kAlarmsKept = 1000;

  void AddVerdict(const LoginEvent& event, const Verdict& verdict, bool reaches);
  // What came of an attempt that was added as one that reaches the check, when nothing was known of it yet.
  void AddOutcome(Outcome outcome);
  void AddAlert(const Alert& alert) { ++alerts_[std::string(alert.rule)]; }
  void AddDecision(const Decision& decision) { ++decisions_[decision.rule]; }
  void AddAlarm(const Alarm& alarm);

  uint64_t attempts() const noexcept { return attempts_; }
  // Time of the earliest attempt.
  int64_t first_ns() const noexcept { return first_ns_; }

  // The report. `figures`: what else the source says of itself. `inputs` and `source` are those that were replayed, `engine` what the engine counted.
  void Print(const ReplayRun& run, const std::vector<InputDescription>& inputs, const SourceCounters& source,
             const EngineCounters& engine, const std::vector<SourceFigure>& figures, const Console& console,
             std::ostream& out) const;
  // The same as one object of JSON. Members are only ever added.
  std::string ToJson(const ReplayRun& run, const std::vector<InputDescription>& inputs,
                     const SourceCounters& source, const EngineCounters& engine,
                     const std::vector<SourceFigure>& figures) const;

 private:
  static constexpr size_t kOutcomes = kOutcomeNames.size();

  uint64_t stopped() const noexcept { return attempts_ - reached_; }

  uint64_t attempts_ = 0;
  uint64_t reached_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  std::array<uint64_t, 4> verdicts_{};                         // by VerdictKind
  std::array<std::array<uint64_t, kOutcomes>, 2> outcomes_{};  // [stopped, reached]
  DistinctCount accounts_;
  DistinctCount accounts_stopped_;
  DistinctCount sources_;
  DistinctCount sources_stopped_;
  TopCounts<Address> top_stopped_;
  std::map<std::string, uint64_t> alerts_;  // as many as there are rules
  std::map<std::string, uint64_t> decisions_;
  std::map<std::string, uint64_t> alarms_;  // by kind
  std::vector<Alarm> takeovers_;
  std::vector<Alarm> other_alarms_;
};

}  // namespace stockade
