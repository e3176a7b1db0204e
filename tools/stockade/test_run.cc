#include "tools/stockade/test_run.h"

#include <algorithm>
#include <optional>

#include "adapters/client_hello/stack_lookup.h"
#include "adapters/source/open_inputs.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/console.h"

namespace stockade {
namespace {

// As many differing verdicts are listed; the rest is a number.
constexpr size_t kVerdictLinesMax = 20;
// And as many lines of alerts or decisions.
constexpr size_t kDifferenceLinesMax = 60;

struct SeenAlert {
  std::string rule, condition;
  int64_t time_ms = 0;
  double value = 0;
  std::vector<std::pair<std::string, std::string>> group;
};
struct SeenVerdict {
  VerdictKind verdict = VerdictKind::kAllow;
  ChallengeKind kind = ChallengeKind::kHuman;
  std::string by;
};

class Recorder : public EngineListener {
 public:
  explicit Recorder(const std::set<std::string>& tested) : tested_(tested) {}
  void OnAlert(const Alert& alert) override {
    SeenAlert seen;
    seen.rule = std::string(alert.rule);
    if (!tested_.contains(seen.rule)) return;
    seen.condition = std::string(alert.condition);
    seen.time_ms = alert.time_ms;
    seen.value = alert.value;
    for (const auto& [field, value] : alert.group)
      seen.group.emplace_back(std::string(field), std::string(value));
    alerts.push_back(std::move(seen));
  }
  void OnDecision(const Decision& decision) override { decisions.push_back(decision); }

  std::vector<SeenAlert> alerts;
  std::vector<Decision> decisions;

 private:
  const std::set<std::string>& tested_;
};

// Where an event stands in a case, as the case's author wrote times.
std::string At(const TestCase& test, int64_t time_ms) {
  return time_ms == test.start_ms ? "0" : FormatSpanMs(time_ms - test.start_ms);
}

bool Matches(const TestCase& test, const ExpectedAlert& expected, const SeenAlert& seen) {
  if (expected.rule != seen.rule) return false;
  if (expected.at_ms && test.start_ms + *expected.at_ms != seen.time_ms) return false;
  if (expected.value && *expected.value != seen.value) return false;
  return std::all_of(expected.group.begin(), expected.group.end(), [&](const auto& wanted) {
    return std::find(seen.group.begin(), seen.group.end(), wanted) != seen.group.end();
  });
}
bool Matches(const TestCase& test, const ExpectedDecision& expected, const Decision& seen) {
  if (expected.action && *expected.action != Name(seen.action)) return false;
  if (expected.scope && *expected.scope != kScopeNames[static_cast<size_t>(seen.scope)]) return false;
  if (expected.value && *expected.value != seen.value) return false;
  if (expected.rule && *expected.rule != seen.rule) return false;
  if (expected.kind && (seen.action != Action::kChallenge || *expected.kind != Name(seen.challenge_kind)))
    return false;
  if (expected.at_ms && test.start_ms + *expected.at_ms != seen.time_ms) return false;
  return !expected.for_ms || seen.time_ms + *expected.for_ms == seen.until_ms;
}

std::string Describe(const TestCase& test, const ExpectedAlert& alert) {
  std::string text = alert.rule;
  if (alert.at_ms) Append(&text, " at ", At(test, test.start_ms + *alert.at_ms));
  if (alert.value) Append(&text, ", value ", NumberText(*alert.value));
  for (const auto& [field, value] : alert.group) Append(&text, ", ", field, " ", value);
  return text;
}
std::string Describe(const TestCase& test, const SeenAlert& alert) {
  std::string text = Concat(alert.rule, " at ", At(test, alert.time_ms));
  if (!alert.condition.empty())
    Append(&text, ", value ", NumberText(alert.value), " (", alert.condition, ")");
  for (const auto& [field, value] : alert.group) Append(&text, ", ", field, " ", PrintableText(value));
  return text;
}
std::string Describe(const TestCase& test, const ExpectedDecision& decision) {
  std::string text;
  const auto add = [&text](std::string_view before, const std::optional<std::string>& value) {
    if (value) Append(&text, text.empty() ? "" : " ", before, *value);
  };
  add("", decision.action);
  add("", decision.kind);
  add("", decision.scope);
  add("", decision.value);
  if (decision.for_ms) add("for ", FormatSpanMs(*decision.for_ms));
  add("by ", decision.rule);
  if (decision.at_ms) add("at ", At(test, test.start_ms + *decision.at_ms));
  return text;
}
std::string Describe(const TestCase& test, const Decision& decision) {
  std::string text(Name(decision.action));
  if (decision.action == Action::kChallenge) Append(&text, " ", Name(decision.challenge_kind));
  Append(&text, " ", kScopeNames[static_cast<size_t>(decision.scope)], " ", PrintableText(decision.value),
         " for ", FormatSpanMs(decision.until_ms - decision.time_ms), " by ", decision.rule, " at ",
         At(test, decision.time_ms));
  return text;
}

// The longest way in which expected and seen agree in order; what is left over differs.
template <typename Expected, typename Seen>
void Differ(const TestCase& test, std::string_view what, const std::vector<Expected>& expected,
            const std::vector<Seen>& seen, std::vector<std::string>* lines) {
  const size_t rows = expected.size() + 1;
  const size_t columns = seen.size() + 1;
  std::vector<uint32_t> common(rows * columns, 0);  // [i * columns + j]: of the ends from i and from j on
  for (size_t i = expected.size(); i-- > 0;) {
    for (size_t j = seen.size(); j-- > 0;) {
      common[i * columns + j] = Matches(test, expected[i], seen[j])
                                    ? common[(i + 1) * columns + j + 1] + 1
                                    : std::max(common[(i + 1) * columns + j], common[i * columns + j + 1]);
    }
  }
  if (common[0] == expected.size() && common[0] == seen.size()) return;
  lines->push_back(Concat(what, ": expected ", expected.size(), ", got ", seen.size()));
  const size_t first = lines->size();
  size_t i = 0;
  size_t j = 0;
  while (i < expected.size() || j < seen.size()) {
    if (i < expected.size() && j < seen.size() && Matches(test, expected[i], seen[j])) {
      lines->push_back(Concat("  ", Describe(test, seen[j])));
      ++i;
      ++j;
    } else if (j == seen.size() ||
               (i < expected.size() && common[(i + 1) * columns + j] >= common[i * columns + j + 1])) {
      lines->push_back(Concat("- ", Describe(test, expected[i]), "   (line ", expected[i].place.line, ")"));
      ++i;
    } else {
      lines->push_back(Concat("+ ", Describe(test, seen[j])));
      ++j;
    }
  }
  if (lines->size() - first > kDifferenceLinesMax) {
    const size_t more = lines->size() - first - kDifferenceLinesMax;
    lines->resize(first + kDifferenceLinesMax);
    lines->push_back(Concat("  and ", more, " more"));
  }
}

std::string Describe(const SeenVerdict& verdict) {
  std::string text(Name(verdict.verdict));
  if (verdict.verdict == VerdictKind::kChallenge) Append(&text, " ", Name(verdict.kind));
  if (!verdict.by.empty()) Append(&text, " by ", verdict.by);
  return text;
}
std::string Describe(const ExpectedVerdict& verdict) {
  std::string text(Name(verdict.verdict));
  if (verdict.kind) Append(&text, " ", *verdict.kind);
  if (verdict.by) Append(&text, " by ", *verdict.by);
  return text;
}

void DifferVerdicts(const TestCase& test, const std::vector<SeenVerdict>& seen,
                    std::vector<std::string>* lines) {
  size_t differing = 0;
  for (size_t i = 0; i < seen.size(); ++i) {
    const ExpectedVerdict& expected = (*test.verdicts)[i];
    const bool same = expected.verdict == seen[i].verdict &&
                      (!expected.kind || *expected.kind == Name(seen[i].kind)) &&
                      (!expected.by || *expected.by == seen[i].by);
    if (same) continue;
    if (++differing == 1) lines->push_back("verdicts");
    if (differing > kVerdictLinesMax) continue;
    const std::string where = Concat("event ", i + 1, " at ", At(test, test.lines[i].time_ms), ": ");
    lines->push_back(Concat("- ", where, Describe(expected), "   (line ", expected.place.line, ")"));
    lines->push_back(Concat("+ ", where, Describe(seen[i])));
  }
  if (differing > kVerdictLinesMax) lines->push_back(Concat("  and ", differing - kVerdictLinesMax, " more"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> RunTestCase(const TestCase& test, const FieldTable& fields,
                                                     const RuleSet& rules,
                                                     const std::set<std::string>& tested) {
  std::string text;
  for (const TestLine& line : test.lines) Append(&text, line.json, "\n");
  SourceOptions source_options;
  source_options.format = "ndjson";
  source_options.fields = &fields;
  ASSIGN_OR_RETURN(OpenedInputs inputs, OpenText(text, test.place.file, source_options));

  EngineOptions options;
  options.mode = test.settings.mode;
  options.certificates = test.settings.certificates;
  options.memory_bytes = kTestMemoryBytes;
  options.lets_through = test.settings.observe;
  Recorder recorder(tested);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Create(options, &rules, &recorder));

  StackLookup stacks;
  std::vector<std::optional<SeenVerdict>> seen(test.lines.size());
  Batch batch;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, inputs.source->Read(&batch));
    if (!more) break;
    for (Record& record : batch.records) {
      const size_t index = static_cast<size_t>(record.line) - 1;
      STOCKADE_CHECK(index < test.lines.size());
      if (!record.ok()) return ErrorAt(test.lines[index].place, "events", Help(record.error));
      stacks.Fill(&record.event.attempt);
      const Verdict verdict = engine->Assess(record.event.attempt);
      seen[index] = SeenVerdict{verdict.kind, verdict.challenge_kind, std::string(verdict.by)};
      if (test.settings.observe || IsObserved(verdict, record.event.aftermath.challenge)) {
        engine->Observe(record.event, verdict);
      }
    }
  }
  engine->Finish();

  std::vector<SeenVerdict> verdicts;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) {
      return ErrorAt(test.lines[i].place, "events", "is read as something else than a login attempt");
    }
    verdicts.push_back(*std::move(seen[i]));
  }
  std::vector<std::string> lines;
  if (test.alerts) Differ(test, "alerts", *test.alerts, recorder.alerts, &lines);
  if (test.decisions) Differ(test, "decisions", *test.decisions, recorder.decisions, &lines);
  if (test.verdicts) DifferVerdicts(test, verdicts, &lines);
  return lines;
}

}  // namespace stockade
