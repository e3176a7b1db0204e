// The conditions of all rules as branch programs: which predicate to ask next, and where to go on with either answer. What
// is answered already, because it was scanned for or stands in the login's words, is asked before what must be worked out, and a rule
// sleeps until a predicate is true without which it cannot match.
#pragma once

#include "engine/rule/rule_set.h"

namespace stockade {

// Writes steps, entries and what wakes each rule into `set`, whose rules and predicates are there.
void BuildPrograms(RuleSet* set);

}  // namespace stockade
