// What is probably not meant, in rules and settings that load without an error: what `stockade check` says
// beyond the readers' own errors. One function a subject; each table row of lint.cc has its reason beside it.
//
// Pure; load time only; any thread.
#pragma once

#include <string_view>

#include "engine/rule/finding.h"
#include "engine/rule/sigma_rule.h"
#include "tools/stockade/config_file.h"

namespace stockade {

// Rules as written, before compile, of any number of files:
//   what a person who gets the alert will miss: id, level, tags, description;
//   a field that nobody sends and that looks like a known one; a word that a closed vocabulary does not have;
//   a correlation that can never fire, or that fires with every event;
//   a response that a stranger could turn against customers;
//   an informational rule without a response to which nobody refers.
// `complete`: all that was written parsed; else nothing is said of what is missing, because it may stand in
// what did not.
void LintRules(const SigmaDocuments& documents, bool complete, Findings* findings);

// Settings that load and would surprise: modes that shut everybody out, placeholders no rule asks for.
// `rule_text`: the text of all rule files, `file`: that of the settings.
void LintConfig(const Config& config, std::string_view file, std::string_view rule_text, Findings* findings);

}  // namespace stockade
