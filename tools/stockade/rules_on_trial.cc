#include "tools/stockade/rules_on_trial.h"

#include <algorithm>
#include <string_view>

#include "engine/text.h"

namespace stockade {

void CheckRulesOnTrial(const std::vector<RuleOnTrial>& on_trial, const SigmaDocuments& documents,
                       Findings* findings) {
  std::vector<std::string_view> names;
  for (const SigmaRule& rule : documents.rules) names.emplace_back(rule.header.handle());
  for (const CorrelationRule& rule : documents.correlations) names.emplace_back(rule.header.handle());
  for (const RuleOnTrial& one : on_trial) {
    if (std::find(names.begin(), names.end(), std::string_view(one.rule)) != names.end()) continue;
    const std::string_view nearest = Nearest(one.rule, names);
    findings->Error(
        one.place, "policy.shadow",
        Concat("no rule is called ", Quoted(one.rule), ", so none would be on trial", DidYouMean(nearest)),
        nearest);
  }
}

}  // namespace stockade
