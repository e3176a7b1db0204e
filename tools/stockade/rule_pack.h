// Which rules a run uses: where the shipped pack lies, which files of a folder are rules, and all of them
// compiled.
//
// A folder is walked with its subfolders, in order of name, so that the same folder gives the same rules on
// every machine. Rules are *.yml and *.yaml; tests (*.test.yml) and formats of text lines (a subfolder
// `formats`) are none.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/field.h"
#include "engine/rule/rule_set.h"
#include "tools/stockade/config_file.h"

namespace stockade {

// The folder of the shipped rules: $STOCKADE_RULES if it is set, else ../share/stockade/rules beside the
// folder of this executable (a build tree has a link there). Error: there is none, and where it was looked
// for.
absl::StatusOr<std::string> FindShippedRules();

// The rule files that `paths` name; kShippedRules stands for FindShippedRules. A file that is named is taken
// whatever its name. Errors: a path that is not there or cannot be read, a folder without a rule.
absl::StatusOr<std::vector<std::string>> ListRuleFiles(const std::vector<std::string>& paths);

struct LoadedRules {
  std::unique_ptr<FieldTable> fields;  // sources keep what stands here; outlives both sources and engine
  std::unique_ptr<const RuleSet> rules;
  std::vector<std::string> files;
};

// Reads and compiles all rules of a configuration. Errors: those of ListRuleFiles, and everything that is
// wrong in the files, a line each, and what the settings say of rules that are not there.
absl::StatusOr<LoadedRules> LoadRules(const Config& config);

}  // namespace stockade
