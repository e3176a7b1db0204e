#include "tools/tuning/sweep.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "engine/rule/finding.h"
#include "engine/rule/span_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// The sections of the settings that verdicts depend on, and those they do not.
constexpr std::array<std::string_view, 7> kTunable = {"detectors", "thresholds", "policy", "certificates",
                                                      "mode",      "lateness",   "memory"};
constexpr std::array<std::string_view, 8> kOthers = {"hash_key", "rules",     "placeholders", "allow",
                                                     "store",    "firewalls", "input",        "gateway"};

std::string_view Trimmed(std::string_view text) {
  return FromAbsl(absl::StripAsciiWhitespace(ToAbsl(text)));
}

absl::Status Wrong(const std::string& place, std::string_view what) {
  return absl::InvalidArgumentError(Concat(place, ": ", what));
}

void AddNumbers(std::string setting, std::vector<double> numbers, double current, double least, double most,
                std::vector<Sweep>* sweeps) {
  Sweep sweep;
  sweep.setting = std::move(setting);
  for (const double number : numbers) {
    if (number < least || number > most || std::abs(number - current) < 0.05) continue;
    sweep.values.push_back(Concat(number));
  }
  if (!sweep.values.empty()) sweeps->push_back(std::move(sweep));
}

void AddSpans(std::string setting, std::vector<int64_t> spans_ms, int64_t current_ms,
              std::vector<Sweep>* sweeps) {
  Sweep sweep;
  sweep.setting = std::move(setting);
  for (const int64_t span_ms : spans_ms) {
    if (span_ms != current_ms && span_ms >= 1000 && span_ms <= kSpanMsMax)
      sweep.values.push_back(SpanText(span_ms));
  }
  if (!sweep.values.empty()) sweeps->push_back(std::move(sweep));
}

void AddDetectors(const DetectorSettings& settings, std::vector<Sweep>* sweeps) {
  const double suspect = settings.evidence.suspect;
  const double condemned = settings.evidence.condemned;
  AddNumbers("detectors.evidence.suspect", {5, 6, 6.9, 8, 9.2, 11}, suspect, 5, std::min(12.0, condemned - 1),
             sweeps);
  AddNumbers("detectors.evidence.condemned", {10, 11.5, 13.8, 16, 18}, condemned, std::max(10.0, suspect + 1),
             18, sweeps);
  AddNumbers("detectors.charts.h", {6.9, 8, 9.2, 10.5, 12}, settings.pressure.h, 5, 20, sweeps);
  constexpr int64_t kMinute = 60'000;
  AddSpans("detectors.charts.hold", {10 * kMinute, 30 * kMinute, 60 * kMinute, 120 * kMinute},
           settings.pressure.hold_ms, sweeps);
  AddNumbers("detectors.lock.limit", {3, 5, 10}, settings.lock.limit, 2, 100, sweeps);
  for (size_t i = 0; i < kDetectors; ++i) {
    const bool on = settings.states[i] == DetectorState::kOn;
    sweeps->push_back({Concat("detectors.", kDetectorNames[i]), {on ? "off" : "on"}, ""});
  }
}

// Which rules somebody acts on: those with a response, and what feeds them.
std::vector<bool> BehindResponses(const RuleSet& rules) {
  const size_t base = rules.rules().size();
  const std::vector<CompiledCorrelation>& correlations = rules.correlations();
  std::vector<bool> behind(correlations.size());
  // Each refers only to those before it.
  for (size_t i = correlations.size(); i-- > 0;) {
    if (correlations[i].written->response) behind[i] = true;
    if (!behind[i]) continue;
    for (const CompiledCorrelation::Reference& reference : correlations[i].references) {
      if (reference.unified >= base) behind[reference.unified - base] = true;
    }
  }
  return behind;
}

void AddRules(const RuleSet& rules, std::vector<Sweep>* sweeps) {
  const std::vector<bool> behind = BehindResponses(rules);
  for (size_t i = 0; i < rules.correlations().size(); ++i) {
    const CorrelationRule& rule = *rules.correlations()[i].written;
    if (!behind[i] || !CorrelationRule::Counts(rule.type) || rule.bounds.size() != 1 ||
        rule.bounds[0].comparison != Test::Comparison::kGte)
      continue;
    const double number = rule.bounds[0].number;
    // Where one is enough there is nothing to tune but its span.
    if (number >= 2)
      AddNumbers(Concat("thresholds.", rule.header.handle(), ".gte"), {std::ceil(number / 2), number * 2},
                 number, 2, 1e9, sweeps);
    AddSpans(Concat("thresholds.", rule.header.handle(), ".timespan"), {rule.span_ms / 2, rule.span_ms * 2},
             rule.span_ms, sweeps);
  }
}

}  // namespace

absl::StatusOr<Sweep> ParseSweep(std::string_view text, const std::string& place) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return Wrong(place, Concat(Quoted(text), " is no sweep; write detectors.charts.h=7,8,9.2"));
  Sweep sweep;
  sweep.setting = std::string(Trimmed(text.substr(0, equals)));
  sweep.place = place;
  const std::vector<std::string> keys = SettingKeys(sweep.setting);
  if (keys.empty()) {
    return Wrong(place, Concat(Quoted(sweep.setting),
                               " is no setting; write its keys with dots between, detectors.charts.h"));
  }
  if (std::ranges::find(kOthers, keys[0]) != kOthers.end())
    return Wrong(place,
                 Concat(Quoted(keys[0]), " cannot be swept: the log is read once, by the current one"));
  if (std::ranges::find(kTunable, keys[0]) == kTunable.end()) {
    std::string list;
    for (const std::string_view key : kTunable) Append(&list, list.empty() ? "" : ", ", key);
    const std::string_view nearest = Nearest(keys[0], kTunable);
    return Wrong(place, Concat(Quoted(keys[0]), " is no setting that can be swept",
                               nearest.empty() ? Concat("; known: ", list) : DidYouMean(nearest)));
  }
  std::string_view values = text.substr(equals + 1);
  while (true) {
    const size_t end = std::min(values.find(','), values.size());
    const std::string_view value = Trimmed(values.substr(0, end));
    if (value.empty()) return Wrong(place, Concat(sweep.setting, ": a value is missing; write a,b,c"));
    if (std::ranges::find(sweep.values, value) == sweep.values.end()) sweep.values.emplace_back(value);
    if (end == values.size()) break;
    values.remove_prefix(end + 1);
  }
  if (sweep.values.size() > kSweepValuesMax)
    return Wrong(place, Concat(sweep.setting, ": more than ", kSweepValuesMax, " values"));
  return sweep;
}

absl::StatusOr<std::vector<Sweep>> ParseSweepLines(std::string_view text, const std::string& file) {
  std::vector<Sweep> sweeps;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    ASSIGN_OR_RETURN(Sweep sweep, ParseSweep(line, Concat(file, ":", number)));
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

std::vector<Sweep> DefaultSweeps(const EngineOptions& options, const RuleSet& rules) {
  std::vector<Sweep> sweeps;
  if (options.detectors.has_value()) AddDetectors(*options.detectors, &sweeps);
  AddRules(rules, &sweeps);
  return sweeps;
}

absl::StatusOr<std::vector<PlannedCandidate>> PlanCandidates(const std::vector<Sweep>& sweeps, bool grid) {
  size_t count = grid ? 1 : 0;
  for (const Sweep& sweep : sweeps) {
    count = grid ? count * sweep.values.size() : count + sweep.values.size();
    if (count > kCandidatesMax) {
      return absl::ResourceExhaustedError(Concat("the sweeps make more than ", kCandidatesMax,
                                                 " candidates; sweep fewer values",
                                                 grid ? ", or without --grid one setting at a time" : ""));
    }
  }
  std::vector<PlannedCandidate> planned;
  if (!grid) {
    for (const Sweep& sweep : sweeps)
      for (const std::string& value : sweep.values)
        planned.push_back({{{sweep.setting, value}}, sweep.place});
    return planned;
  }
  if (sweeps.empty()) return planned;
  planned.emplace_back();
  for (const Sweep& sweep : sweeps) {
    std::vector<PlannedCandidate> longer;
    for (const PlannedCandidate& one : planned) {
      for (const std::string& value : sweep.values) {
        longer.push_back(one);
        longer.back().changes.push_back({sweep.setting, value});
        longer.back().place = sweep.place;
      }
    }
    planned = std::move(longer);
  }
  return planned;
}

}  // namespace stockade
