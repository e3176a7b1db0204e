// The section `thresholds` of the settings: other numbers for correlation rules, without a copy of their files.
//
//   thresholds:
//     address_fails_on_8_accounts: {gte: 6, timespan: 15m}     # a rule's name, id or title; one of both, or both
//
// `gte` takes the place of the number of a condition that is written as {gte: N}; any other condition must be changed in the
// rule. What a rule is called stays as it is. Load time only; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/rule/finding.h"
#include "engine/rule/sigma_rule.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

struct RuleThreshold {
  std::string rule;  // CorrelationRule's handle, id or title
  std::optional<double> gte;
  std::optional<int64_t> span_ms;
  Place place;  // in the settings
};

std::vector<RuleThreshold> ReadRuleThresholds(const YamlNode& node, const std::string& path,
                                              SettingsReader* reader);

// Writes them into the rules. What names no correlation rule, or one whose condition is another, goes to `findings` with its
// place in the settings.
void ApplyRuleThresholds(const std::vector<RuleThreshold>& thresholds, SigmaDocuments* documents,
                         Findings* findings);

}  // namespace stockade
