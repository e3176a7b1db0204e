// Rules on trial, `policy.shadow` in the settings: whether each of them is there.
//
// The decisions of a rule on trial are shown and not carried out. One that is misspelt would be carried out, so a name
// that no rule has is an error wherever rules are loaded by settings: run, replay, tune, explain, simulate and check ask
// this one question. Load time only; one thread.
#pragma once

#include <string>
#include <vector>

#include "engine/rule/finding.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

struct RuleOnTrial {
  std::string rule;  // as decisions name it: RuleHeader::handle
  Place place;       // in the settings
};

// What is called like no rule of `documents` goes to `findings`, with its place in the settings and the name that was
// meant, where one is near.
void CheckRulesOnTrial(const std::vector<RuleOnTrial>& on_trial, const SigmaDocuments& documents,
                       Findings* findings);

}  // namespace stockade
