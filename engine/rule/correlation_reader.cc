// `correlation`: which rules, for which key, within which span, under which condition.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/limits.h"
#include "engine/rule/condition.h"
#include "engine/rule/document_reader.h"
#include "engine/text.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;
using Comparison = Test::Comparison;

// In the order of CorrelationRule::Type.
constexpr std::array<std::string_view, 7> kTypes = {"event_count",      "value_count", "temporal",
                                                    "temporal_ordered", "value_sum",   "value_avg",
                                                    "value_percentile"};
// In the order of Test::Comparison.
constexpr std::array<std::string_view, 6> kComparisons = {"eq", "neq", "lt", "lte", "gt", "gte"};

std::string_view NameOf(Type type) {
  return kTypes[static_cast<size_t>(type)];
}

// Whether some number meets all bounds; of counts, some whole number from 0 on.
bool CanBeMet(const std::vector<CorrelationRule::Bound>& bounds, bool is_count) {
  double low = is_count ? 0 : -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;
  const auto raise = [&](double to, bool open) {
    if (to > low || (to == low && open)) low_open = open;
    low = std::max(low, to);
  };
  const auto lower = [&](double to, bool open) {
    if (to < high || (to == high && open)) high_open = open;
    high = std::min(high, to);
  };
  const double step = is_count ? 1 : 0;  // above 4 is from 5 on where there is nothing in between
  for (const auto& bound : bounds) {
    switch (bound.comparison) {
      case Comparison::kGt:
        raise(bound.number + step, !is_count);
        break;
      case Comparison::kGte:
        raise(bound.number, false);
        break;
      case Comparison::kLt:
        lower(bound.number - step, !is_count);
        break;
      case Comparison::kLte:
        lower(bound.number, false);
        break;
      case Comparison::kEq:
        raise(bound.number, false);
        lower(bound.number, false);
        break;
      case Comparison::kNeq:
        break;
    }
  }
  if (low > high || (low == high && (low_open || high_open))) return false;
  for (const auto& bound : bounds) {
    if (bound.comparison == Comparison::kNeq && low == high && bound.number == low) return false;
  }
  return true;
}

// Whether an expression asks for each of the leaves 0 … count - 1 and for nothing else.
bool AsksForAll(const Expression& expression, size_t count) {
  if (expression.kind == Expression::Kind::kTest) return count == 1;
  std::vector<bool> asked(count);
  if (expression.kind != Expression::Kind::kAnd) return false;
  for (const Expression& operand : expression.operands) {
    if (operand.kind != Expression::Kind::kTest) return false;
    asked[static_cast<size_t>(operand.test)] = true;
  }
  return std::find(asked.begin(), asked.end(), false) == asked.end();
}

}  // namespace

bool DocumentReader::ReadCorrelation(const YamlNode& document, const YamlEntry& correlation,
                                     CorrelationRule* rule) {
  constexpr std::array<std::string_view, 8> kKeys = {"type",      "rules",   "group-by", "timespan",
                                                     "condition", "aliases", "generate", "percentile"};
  const YamlNode& map = correlation.value;
  rule->place = PlaceOf(correlation.key, file_);
  if (!map.is_map())
    return Fail(map, "correlation", "must be a map with type, rules, timespan and condition");
  bool sound = true;
  const YamlNode* timespan = map.Find("timespan");
  // `timeframe` is what the key was called before correlations; it is too far off for an edit distance.
  const YamlEntry* timeframe = map.FindEntry("timeframe");
  if (timeframe != nullptr && timespan == nullptr) {
    sound =
        Fail(timeframe->key, "correlation.timeframe", "unknown key; did you mean 'timespan'?", "timespan");
  }
  if (timeframe == nullptr) sound = CheckKeys(map, "correlation", kKeys);

  const YamlNode* type = map.Find("type");
  if (type == nullptr) return Fail(map, "correlation.type", "is missing");
  const std::optional<size_t> index = ReadChoice(*type, "correlation.type", kTypes);
  if (!index.has_value()) return false;
  rule->type = static_cast<Type>(*index);

  if (const YamlNode* rules = map.Find("rules")) {
    sound = ReadReferences(*rules, "correlation.rules", &rule->rules) && sound;
  } else {
    sound = Fail(map, "correlation.rules", "is missing; name the rules whose matches are counted");
  }
  if (timespan != nullptr) {
    const std::optional<int64_t> ms = ReadSpan(*timespan, "correlation.timespan", kSpanMsMax);
    rule->span_ms = ms.value_or(0);
    sound = sound && ms.has_value();
  } else if (timeframe == nullptr) {
    sound = Fail(map, "correlation.timespan", "is missing");
  }
  if (const YamlNode* group_by = map.Find("group-by"); group_by != nullptr && !group_by->is_null()) {
    sound = ReadTexts(*group_by, "correlation.group-by", &rule->group_by) && sound;
    for (size_t i = 0; i < rule->group_by.size(); ++i) {
      const auto end = rule->group_by.begin() + static_cast<ptrdiff_t>(i);
      if (std::find(rule->group_by.begin(), end, rule->group_by[i]) != end) {
        sound = Fail(*group_by, "correlation.group-by", Concat(Quoted(rule->group_by[i]), " is there twice"));
      }
      if (rule->group_by[i].empty())
        sound = Fail(*group_by, "correlation.group-by", "a field without a name");
    }
  }
  if (const YamlNode* aliases = map.Find("aliases"); aliases != nullptr && !aliases->is_null()) {
    sound = ReadAliases(*aliases, rule) && sound;
  }
  for (const std::string& field : rule->group_by) {
    const bool is_alias = std::any_of(rule->aliases.begin(), rule->aliases.end(),
                                      [&](const Alias& alias) { return alias.name == field; });
    if (!is_alias) WarnOfNearMissField(*map.Find("group-by"), "correlation.group-by", field);
  }
  // The specification shows `generate` inside the correlation, its schema beside it.
  const YamlNode* generate = map.Find("generate");
  if (generate == nullptr) generate = document.Find("generate");
  if (generate != nullptr) {
    const std::optional<bool> value = ReadBool(*generate, "correlation.generate");
    sound = sound && value.has_value();
    rule->generate = value.value_or(false);
  }
  return ReadCondition(map, rule) && sound;
}

bool DocumentReader::ReadAliases(const YamlNode& aliases, CorrelationRule* rule) {
  if (!aliases.is_map()) {
    return Fail(aliases, "correlation.aliases", "must be a map: alias: {rule: field}");
  }
  bool sound = true;
  for (const YamlEntry& entry : aliases.entries) {
    const std::string path = Concat("correlation.aliases.", entry.key.text);
    Alias alias{entry.key.text, {}, PlaceOf(entry.key, file_)};
    if (!entry.value.is_map() || entry.value.entries.empty()) {
      sound =
          Fail(entry.value, path, "must say for each rule which field the alias stands for: {rule: field}");
      continue;
    }
    for (const YamlEntry& field : entry.value.entries) {
      if (!field.value.is_text() || field.value.text.empty()) {
        sound = Fail(field.value, path, "must be the name of a field");
        continue;
      }
      std::vector<std::string_view> known;
      bool is_known = false;
      for (const auto& reference : rule->rules) {
        known.push_back(reference.rule);
        is_known = is_known || reference.rule == field.key.text;
      }
      if (!is_known) {
        const std::string_view near = Nearest(field.key.text, known);
        sound =
            Fail(field.key, path,
                 Concat("rule ", Quoted(field.key.text), " is not among correlation.rules", DidYouMean(near)),
                 near);
        continue;
      }
      alias.entries.push_back(AliasEntry{field.key.text, field.value.text});
    }
    rule->aliases.push_back(std::move(alias));
  }
  return sound;
}

bool DocumentReader::ReadCondition(const YamlNode& correlation, CorrelationRule* rule) {
  const YamlNode* condition = correlation.Find("condition");
  if (rule->type != Type::kValuePercentile && correlation.Find("percentile") != nullptr) {
    return Fail(*correlation.Find("percentile"), "correlation.percentile",
                "goes only with type: value_percentile");
  }
  if (CorrelationRule::IsTemporal(rule->type)) return ReadTemporalCondition(condition, rule);
  constexpr std::string_view kPath = "correlation.condition";
  if (condition == nullptr) {
    return Fail(correlation, kPath, Concat(NameOf(rule->type), " needs one, such as {gte: 10}"));
  }
  if (!condition->is_map()) {
    return Fail(*condition, kPath,
                "must be a map such as {gte: 10}; a condition over rule names goes with temporal");
  }
  bool sound = ReadBounds(*condition, rule);
  const YamlNode* field = condition->Find("field");
  if (rule->type == Type::kEventCount) {
    if (field != nullptr) {
      sound = Fail(*field, "correlation.condition.field",
                   "event_count counts events; to count different values of a field write type: value_count");
    }
  } else if (field == nullptr) {
    sound = Fail(*condition, "correlation.condition.field",
                 Concat(NameOf(rule->type), " needs the field it looks at"));
  } else {
    const bool is_one = field->is_list() && field->items.size() == 1;
    const YamlNode& name = is_one ? field->items[0] : *field;
    if (!name.is_text() || name.text.empty()) {
      sound =
          Fail(*field, "correlation.condition.field",
               field->is_list() ? "several fields at once are not supported; name one" : "must be one field");
    } else {
      rule->condition_field = name.text;
      const bool is_alias = std::any_of(rule->aliases.begin(), rule->aliases.end(),
                                        [&](const Alias& alias) { return alias.name == name.text; });
      if (!is_alias) WarnOfNearMissField(name, "correlation.condition.field", name.text);
    }
  }
  return ReadPercentile(correlation, *condition, rule) && sound;
}

bool DocumentReader::ReadBounds(const YamlNode& condition, CorrelationRule* rule) {
  bool sound = true;
  for (const YamlEntry& entry : condition.entries) {
    const std::string_view key = entry.key.text;
    if (key == "field" || key == "percentile") continue;
    const std::string path = Concat("correlation.condition.", key);
    const auto found = std::find(kComparisons.begin(), kComparisons.end(), key);
    if (found == kComparisons.end()) {
      const std::string_view near = Nearest(key, kComparisons);
      sound = Fail(entry.key, path,
                   Concat("unknown comparison; there is gt, gte, lt, lte, eq, neq and field"), near);
      continue;
    }
    const std::optional<double> number = ReadNumber(entry.value, path);
    if (!number.has_value()) {
      sound = false;
      continue;
    }
    const bool counts = CorrelationRule::Counts(rule->type) || CorrelationRule::IsTemporal(rule->type);
    if (counts && (*number < 0 || *number != std::floor(*number))) {
      sound = Fail(entry.value, path, Concat("a count is a whole number from 0 on, not ", entry.value.text));
    }
    rule->bounds.push_back({static_cast<Comparison>(found - kComparisons.begin()), *number});
    Append(&rule->condition_written, rule->condition_written.empty() ? "" : ", ", key, " ", entry.value.text);
  }
  if (!sound) return false;
  if (rule->bounds.empty()) {
    return Fail(condition, "correlation.condition", "names no number to compare with, such as gte: 10");
  }
  if (!CanBeMet(rule->bounds, CorrelationRule::Counts(rule->type))) {
    return Fail(condition, "correlation.condition", Concat("no number is ", rule->condition_written));
  }
  return true;
}

bool DocumentReader::ReadPercentile(const YamlNode& correlation, const YamlNode& condition,
                                    CorrelationRule* rule) {
  const YamlNode* percentile = condition.Find("percentile");
  if (percentile == nullptr) percentile = correlation.Find("percentile");
  if (rule->type != Type::kValuePercentile) {
    if (percentile == nullptr) return true;
    return Fail(*percentile, "correlation.condition.percentile", "goes only with type: value_percentile");
  }
  if (percentile == nullptr) {
    Warn(condition, "correlation.condition.percentile", "is missing; the median, 50, is taken", "50");
    return true;
  }
  const std::optional<double> number = ReadNumber(*percentile, "correlation.condition.percentile");
  if (!number.has_value()) return false;
  if (!(*number > 0 && *number <= 100)) {
    return Fail(*percentile, "correlation.condition.percentile",
                Concat("is above 0 and up to 100, not ", percentile->text));
  }
  rule->percentile = *number;
  return true;
}

// Without a condition, all rules. Of rules in their order nothing else can be asked: what would the place of one be that may be
// absent?
bool DocumentReader::ReadTemporalCondition(const YamlNode* condition, CorrelationRule* rule) {
  if (condition == nullptr || condition->is_null()) return true;
  if (!ReadRuleCondition(*condition, rule)) return false;
  if (rule->type == Type::kTemporal || AsksForAll(*rule->temporal_condition, rule->rules.size())) return true;
  return Fail(
      *condition, "correlation.condition",
      "goes with type: temporal; temporal_ordered is met when all of its rules have matched, in their "
      "order");
}

// A text is a condition over the names of the rules; {gte: 2} asks for two of them, whichever.
bool DocumentReader::ReadRuleCondition(const YamlNode& condition, CorrelationRule* rule) {
  constexpr std::string_view kPath = "correlation.condition";
  std::vector<Expression> leaves;
  for (size_t i = 0; i < rule->rules.size(); ++i) {
    Expression leaf;
    leaf.test = static_cast<int>(i);
    leaves.push_back(leaf);
  }
  if (condition.is_text()) {
    std::vector<NamedExpression> names;
    for (size_t i = 0; i < leaves.size(); ++i)
      names.push_back(NamedExpression{rule->rules[i].rule, leaves[i]});
    rule->temporal_condition = ParseCondition(condition, file_, kPath, "rule", names, findings_);
    rule->condition_written = condition.text;
    for (const NamedExpression& name : names) {
      if (rule->temporal_condition.has_value() && !name.used) {
        Warn(condition, kPath, Concat("does not ask for rule ", Quoted(name.name)));
      }
    }
    return rule->temporal_condition.has_value();
  }
  if (!condition.is_map())
    return Fail(condition, kPath, "must be a text over rule names, or a map such as {gte: 2}");
  for (std::string_view key : {"field", "percentile"}) {
    if (const YamlNode* value = condition.Find(key)) {
      return Fail(*value, Concat(kPath, ".", key), "goes with the value_* types, not with temporal");
    }
  }
  if (!ReadBounds(condition, rule)) return false;
  const CorrelationRule::Bound bound = rule->bounds.front();
  const bool is_lower = bound.comparison == Comparison::kGte || bound.comparison == Comparison::kGt;
  if (rule->bounds.size() != 1 || !is_lower) {
    return Fail(condition, kPath, "of temporal is how many of the rules must match: one gte or gt");
  }
  rule->bounds.clear();
  const double count = bound.number + (bound.comparison == Comparison::kGt ? 1 : 0);
  if (count < 1 || count > static_cast<double>(leaves.size())) {
    return Fail(condition, kPath, Concat("asks for ", count, " of ", leaves.size(), " rules"));
  }
  rule->temporal_condition = AtLeast(static_cast<size_t>(count), leaves);
  if (rule->temporal_condition.has_value()) return true;
  return Fail(condition, kPath,
              Concat("more than ", kChoicesMax, " ways to choose ", count, " of the rules"));
}

}  // namespace stockade
