// Turns the documents of all rule files into one RuleSet: the step after which a rule either works or was
// refused.
//
// Resolves what rules say of each other: filters are joined into the rules they name (`any`: into every rule
// whose logsource theirs covers), correlations find the rules they refer to by name or id, aliases become one
// field for each referenced rule, chains of correlations are put in an order in which each stands after what
// feeds it. Interns every field that is asked for, and builds the pattern sets.
//
// Everything wrong is reported at once, one error a line, each "file:line:column: key: what, and what would
// be right" (the first kErrorsMax of them):
//   a name or id that two rules have; a reference to no rule, with the nearest name; a cycle, with its chain
//   of places; a rule referred to twice by one correlation; a filter on a correlation; an alias without an
//   entry for a referenced rule, or with one for another; a group-by that is an alias of the referenced
//   correlation but not of this one; a pattern that neither Hyperscan nor RE2 takes; a question @timestamp
//   cannot answer; more fields, rules or tests than a table holds.
// On an error `fields` may have gained names; nothing else happened.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "engine/event/field.h"
#include "engine/rule/rule_set.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

struct CompileOptions {
  // What an error report holds at most: nobody repairs more in one sitting.
  static constexpr size_t kErrorsMax = 200;
  PatternSet::Engines engines = PatternSet::Engines::kAll;
};

absl::StatusOr<std::unique_ptr<const RuleSet>> Compile(SigmaDocuments documents, FieldTable* fields,
                                                       const CompileOptions& options = {});

}  // namespace stockade
