// What rules say of each other, resolved: filters are joined into the rules they name, correlations find what
// they refer to, and are put into an order in which each stands after what feeds it.
//
// A filter is ANDed into the base rules it names by name or id; with `any`, into every rule whose logsource
// its own covers ("category/product/service", "*" covers everything). A correlation refers to base rules and
// correlations by name or id; a group-by or condition field that is an alias becomes one field for each
// referenced rule.
//
// Refused, each with its place:
//   a name or id that two rules have;
//   a reference to no rule (with the nearest name), or to one rule twice in one correlation;
//   a cycle of correlations, with the chain of its places;
//   a filter that names a correlation;
//   an alias without an entry for a referenced rule, or with one for a rule that is not referenced;
//   a group-by that is an alias of the referenced correlation only: which field of its events is meant, it
//   does not say; more rules or fields than their tables hold.
// Load time only; O(rules + references).
#pragma once

#include <vector>

#include "engine/event/field.h"
#include "engine/rule/finding.h"
#include "engine/rule/rule_set.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

// Changes `documents`: filters joined in and gone, correlations in topological order (as far as may be, in
// the order they were read). Gives one entry for each correlation, all but `written`. With errors in
// `findings` the result is of no use.
std::vector<CompiledCorrelation> Resolve(SigmaDocuments* documents, FieldTable* fields, Findings* findings);

// The id of a field's name; reports a full table.
FieldId InternField(std::string_view name, const Place& place, std::string_view key, FieldTable* fields,
                    Findings* findings);

}  // namespace stockade
