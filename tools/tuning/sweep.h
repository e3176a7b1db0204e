// Which settings a tuning run tries.
//
//   --sweep detectors.charts.h=7,8,9.2        or the same, a line each, in a file; # begins a comment
//
// Each value is one candidate: the current settings with this one changed; or, as a grid, every combination of all sweeps. Whether a
// key exists and takes a value, the reader of settings says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "tools/tuning/setting_override.h"

namespace stockade {

struct Sweep {
  std::string setting;
  std::vector<std::string> values;
  std::string place;  // "--sweep", or file and line
};

inline constexpr size_t kSweepValuesMax = 100;
// At a second a run, an hour on one core.
inline constexpr size_t kCandidatesMax = 4000;

// Errors: InvalidArgument with the place, for what is no sweep, and for a setting of which no verdict depends; with the one that was
// meant, where one is near.
absl::StatusOr<Sweep> ParseSweep(std::string_view text, const std::string& place);
// The sweeps of a text, one a line.
absl::StatusOr<std::vector<Sweep>> ParseSweepLines(std::string_view text, const std::string& file);

// One at a time, round the current settings: the thresholds of evidence, pressure and its hold, the guard's limit, each detector on or
// off, and numbers and spans of the correlation rules behind each response. `options`, `rules`: the current ones.
std::vector<Sweep> DefaultSweeps(const EngineOptions& options, const RuleSet& rules);

struct PlannedCandidate {
  std::vector<SettingOverride> changes;
  std::string place;
};
// Errors: ResourceExhausted, for more than kCandidatesMax.
absl::StatusOr<std::vector<PlannedCandidate>> PlanCandidates(const std::vector<Sweep>& sweeps, bool grid);

}  // namespace stockade
