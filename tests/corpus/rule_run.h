// What the corpus tests share: rules over a log, and what came of it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/source/open_inputs.h"
#include "engine/engine.h"

namespace stockade {

// A folder of the corpora, or nothing (and a message) where it is absent: the caller then returns.
std::optional<std::string> CorpusFolder(std::string_view name);
std::string ReadText(const std::string& file);  // fails the test if it cannot be read

struct RunAlert {
  std::string rule;
  std::string source;  // source.ip of the event that raised it; empty if it had none
  int64_t time_ms = 0;
};
struct RunVerdict {
  std::string source;
  VerdictKind kind = VerdictKind::kAllow;
  std::string by;
  bool reached = false;
  Outcome outcome = Outcome::kUnknown;
};
struct RuleRun {
  std::vector<RunAlert> alerts;
  std::vector<Decision> decisions;
  std::vector<RunVerdict> verdicts;  // one a record
  uint64_t unreadable = 0;

  std::set<std::string> AlertedSources() const;
};

enum class Feeding { kWhatIf, kObserveAll };

// Runs the rules in `yaml` (documents), or the rule files or folders `paths`, over one input. Fails the test
// if rules or input do not load.
RuleRun RunRules(const std::string& yaml, const std::vector<std::string>& paths,
                 const std::string& input_file, const std::string& input_text, SourceOptions options,
                 Feeding feeding);

}  // namespace stockade
