#include "tools/stockade/rule_thresholds.h"

#include "absl/strings/numbers.h"
#include "engine/limits.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A window that counts further is a mistake of the unit.
constexpr double kThresholdMax = 1e9;

CorrelationRule* FindCorrelation(const std::string& name, SigmaDocuments* documents) {
  for (CorrelationRule& rule : documents->correlations) {
    if (name == rule.header.name || name == rule.header.id || name == rule.header.title) return &rule;
  }
  return nullptr;
}

}  // namespace

std::vector<RuleThreshold> ReadRuleThresholds(const YamlNode& node, const std::string& path,
                                              SettingsReader* reader) {
  std::vector<RuleThreshold> thresholds;
  if (!node.is_map()) {
    reader->Error(node, path, "must be a map: rule → {gte: 6, timespan: 15m}");
    return thresholds;
  }
  for (const YamlEntry& entry : node.entries) {
    RuleThreshold threshold;
    threshold.rule = entry.key.text;
    threshold.place = PlaceOf(entry.key, reader->file());
    reader->ReadMap(entry.value, Concat(path, ".", entry.key.text),
                    {{"gte",
                      [&](const YamlNode& value, const std::string& at) {
                        const std::string* text = reader->ReadText(value, at);
                        if (text == nullptr) return;
                        double number = 0;
                        if (absl::SimpleAtod(*text, &number) && number > 0 && number <= kThresholdMax) {
                          threshold.gte = number;
                        } else {
                          reader->Error(value, at, Concat(Quoted(*text), " is no number above 0"));
                        }
                      }},
                     {"timespan", [&](const YamlNode& value, const std::string& at) {
                        if (const auto span = reader->ReadSpan(
                                value, at, {absl::Seconds(1), absl::Milliseconds(kSpanMsMax)}))
                          threshold.span_ms = absl::ToInt64Milliseconds(*span);
                      }}});
    if (threshold.gte || threshold.span_ms) thresholds.push_back(std::move(threshold));
  }
  return thresholds;
}

void ApplyRuleThresholds(const std::vector<RuleThreshold>& thresholds, SigmaDocuments* documents,
                         Findings* findings) {
  for (const RuleThreshold& threshold : thresholds) {
    const std::string key = Concat("thresholds.", threshold.rule);
    CorrelationRule* const rule = FindCorrelation(threshold.rule, documents);
    if (rule == nullptr) {
      std::vector<std::string_view> names;
      for (const CorrelationRule& one : documents->correlations) names.push_back(one.header.handle());
      const std::string_view nearest = Nearest(threshold.rule, names);
      findings->Error(threshold.place, key, Concat("no correlation rule is called so", DidYouMean(nearest)),
                      nearest);
      continue;
    }
    if (threshold.gte) {
      if (rule->bounds.size() != 1 || rule->bounds[0].comparison != Test::Comparison::kGte) {
        findings->Error(threshold.place, key,
                        Concat("its condition is ", Quoted(rule->condition_written),
                               " and not {gte: N}; change it in the rule itself"));
        continue;
      }
      rule->bounds[0].number = *threshold.gte;
      rule->condition_written = Concat("gte ", *threshold.gte);
    }
    if (threshold.span_ms) rule->span_ms = *threshold.span_ms;
  }
}

}  // namespace stockade
