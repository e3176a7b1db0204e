// Turns the documents of all rule files into one RuleSet: the step after which a rule either works or was
// refused.
//
// What rules say of each other is resolved first (resolve.h). Then every field that is asked for is interned,
// equal tests become one predicate, patterns go into one PatternSet a field, and expressions into branch
// programs.
//
// Everything wrong is reported at once, each with file:line:column, key, what is wrong and what would be
// right:
//   whatever resolve.h refuses;
//   a pattern that neither Hyperscan nor RE2 takes, with the reasons of both;
//   a question @timestamp cannot answer: it is a number, not a text;
//   more rules, predicates or fields than 16-bit ids can name.
// On an error `fields` may have gained names; nothing else happened. Cost: a few milliseconds a rule, nearly
// all of it Hyperscan's compiler. Not thread-safe in `fields` and `findings`.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "engine/event/field.h"
#include "engine/rule/finding.h"
#include "engine/rule/rule_set.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

// Null if there was an error; all of them are in `findings`. (What was in there before does not count.)
std::unique_ptr<const RuleSet> Compile(SigmaDocuments documents, FieldTable* fields, Findings* findings,
                                       PatternSet::Engines engines = PatternSet::Engines::kAll);

// The same, with the errors as one status, one a line (Findings::ToStatus).
absl::StatusOr<std::unique_ptr<const RuleSet>> Compile(SigmaDocuments documents, FieldTable* fields);

}  // namespace stockade
