// The selections of `detection` and `filter`, and the condition over them.
#include <algorithm>
#include <utility>

#include "engine/rule/condition.h"
#include "engine/rule/document_reader.h"
#include "engine/rule/modifier.h"
#include "engine/text.h"

namespace stockade {

std::optional<Expression> DocumentReader::ReadDetection(const YamlNode& map, std::string_view path,
                                                        std::span<const std::string_view> other_keys,
                                                        std::vector<Test>* tests) {
  if (!map.is_map()) {
    Fail(map, path, "must be a map of selections and a condition");
    return std::nullopt;
  }
  std::vector<NamedExpression> names;
  std::vector<const YamlNode*> keys;
  bool sound = true;
  for (const YamlEntry& entry : map.entries) {
    const std::string_view key = entry.key.text;
    if (key == "condition" || std::find(other_keys.begin(), other_keys.end(), key) != other_keys.end())
      continue;
    const std::string key_path = Concat(path, ".", key);
    if (key == "timeframe") {
      sound = Fail(entry.key, key_path,
                   "belonged to `| count()`; write a correlation rule, whose timespan it becomes");
      continue;
    }
    std::optional<Expression> selection = ReadSelection(entry.value, key_path, tests);
    sound = sound && selection.has_value();
    names.push_back(NamedExpression{entry.key.text, std::move(selection).value_or(Expression{})});
    keys.push_back(&entry.key);
  }
  const std::string condition_path = Concat(path, ".condition");
  const YamlEntry* condition = map.FindEntry("condition");
  if (condition == nullptr) {
    std::string_view near;
    for (const NamedExpression& name : names) {
      constexpr std::string_view kCondition[] = {"condition"};
      if (!Nearest(name.name, kCondition).empty()) near = name.name;
    }
    Fail(map, condition_path,
         near.empty() ? std::string("is missing; it says which selections must match")
                      : Concat("is missing; did you mean it by '", near, "'?"));
    return std::nullopt;
  }
  if (names.empty()) {
    Fail(map, path, "has no selection, only a condition");
    return std::nullopt;
  }
  // A list of conditions: any of them.
  const YamlNode& written = condition->value;
  const std::span<const YamlNode> conditions =
      written.is_list() ? std::span<const YamlNode>(written.items) : std::span<const YamlNode>(&written, 1);
  std::vector<Expression> operands;
  if (conditions.empty()) sound = Fail(written, condition_path, "an empty list of conditions never matches");
  for (const YamlNode& text : conditions) {
    if (!text.is_text()) {
      sound = Fail(text, condition_path, "must be a text such as `selection and not 1 of filter_*`");
      continue;
    }
    std::optional<Expression> operand =
        ParseCondition(text, file_, condition_path, "selection", names, findings_);
    sound = sound && operand.has_value();
    if (operand.has_value()) operands.push_back(*std::move(operand));
  }
  if (!sound) return std::nullopt;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!names[i].used) {
      Warn(*keys[i], Concat(path, ".", names[i].name), "no condition asks for this selection");
    }
  }
  return Join(Expression::Kind::kOr, std::move(operands));
}

std::optional<Expression> DocumentReader::ReadSelection(const YamlNode& selection, std::string_view path,
                                                        std::vector<Test>* tests) {
  const ModifierContext context{file_, path, placeholders_, tests, findings_};
  if (selection.is_text()) return ResolveKeyword(selection, context);
  if (selection.is_null() || (selection.items.empty() && selection.entries.empty())) {
    Fail(selection, path, "is empty; a selection names fields and values, or keywords");
    return std::nullopt;
  }
  std::vector<Expression> operands;
  bool sound = true;
  const auto add = [&](std::optional<Expression> operand) {
    sound = sound && operand.has_value();
    if (operand.has_value()) operands.push_back(*std::move(operand));
  };
  for (const YamlEntry& entry : selection.entries) {
    const YamlNode& value = entry.value;
    const std::span<const YamlNode> values =
        value.is_list() ? std::span<const YamlNode>(value.items) : std::span<const YamlNode>(&value, 1);
    add(ResolveModifiers(entry.key, values, value.is_list(), context));
  }
  for (const YamlNode& item : selection.items) {
    if (item.is_map()) {
      add(ReadSelection(item, path, tests));
    } else if (item.is_list()) {
      sound = Fail(item, path, "a list in a list; write one list");
    } else {
      add(ResolveKeyword(item, context));
    }
  }
  if (!sound) return std::nullopt;
  return Join(selection.is_map() ? Expression::Kind::kAnd : Expression::Kind::kOr, std::move(operands));
}

}  // namespace stockade
