// YAML text → Sigma documents: the first step of the way of a rule, and the one that speaks to the person who
// wrote it.
//
//   SigmaDocuments documents;
//   Findings findings;
//   for (each file) ParseSigma(text, name, placeholders, &documents, &findings);
//   if (findings.errors() > 0) …              // print findings.all(): every error and warning, with its
//   place Compile(documents, …);
//
// Sigma 2.1.0: base rules (`detection`), correlation rules (`correlation`) and filters (`filter`), any number
// and any order of them in a file, and `response` on base and correlation rules. What is not supported is an
// error that names file, line, column and key, and where it can, what would be right. References between
// documents are not looked at here; compile resolves them when all files are read.
//
// Deviations from Sigma 2.1.0:
//   - a repeated key is an error, where PyYAML silently keeps the last;
//   - only `true` and `false` are booleans and only decimal numbers are numbers (YAML 1.2, not 1.1);
//   - `|neq|all` is refused (two readings); `timespan` is at most kSpanMsMax; one field in `condition.field`;
//   - `logsource` may be missing (a warning), and is not compared with where events come from, except by
//   filters;
//   - `action: global | reset | repeat` and `| count()`, deprecated, are refused;
//   - `temporal` takes {gte: N}, at least N of its rules, as pySigma does, and a condition over rule names.
//
// Hostile input: see yaml_tree.h and condition.h for what is bounded. Linear in the text, some 4 MB/s; no
// exception leaves; nothing is kept of `yaml` or `file`. Thread-safe on distinct arguments.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "engine/rule/finding.h"
#include "engine/rule/placeholder.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

// Appends the documents of `yaml` that are without error to `into`, and what is wrong to `findings`. `file`
// is only a name, for places. `placeholders` is what |expand knows.
void ParseSigma(std::string_view yaml, std::string_view file, const Placeholders& placeholders,
                SigmaDocuments* into, Findings* findings);

// The same for whoever needs only the errors: OK, or InvalidArgument with one line an error. `into` has the
// documents without error in both cases.
absl::Status ParseSigma(std::string_view yaml, std::string_view file, SigmaDocuments* into);

}  // namespace stockade
