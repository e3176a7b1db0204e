// `field|modifier|modifier: values` → tests, joined in an expression.
//
// All modifiers of the Sigma 2.1 appendix: all, startswith, endswith, contains, exists, cased, neq, windash,
// re (with i, m, s), base64, base64offset, utf16le, utf16be, utf16, wide, lt, lte, gt, gte, minute, hour,
// day, week, month, year, cidr, expand, fieldref. Which may stand together, and in which order where order
// matters, modifier_key.h says. Everything else is an error, never a guess.
//
// What a value without modifiers means: a text must equal the field's text, case ignored, * and ? being
// wildcards; a number must equal the field's number; null: the field is absent or null; '': it is there and
// empty; true and false are texts. An address or network under source.ip or source.prefix means that address, however it
// is spelt (address_value.h). Several values are alternatives; with |all each must hold. |neq negates
// the whole: none of them. A keyword (no field) is asked of every text of the event and may stand anywhere in
// it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/rule/finding.h"
#include "engine/rule/placeholder.h"
#include "engine/rule/sigma_rule.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

// Tests of one rule. The longest published rule has some 400 values.
inline constexpr size_t kTestsMax = 20'000;
// One value. Hyperscan takes no pattern of more than 16,000 bytes anyway; a list of values is what is meant.
inline constexpr size_t kValueBytesMax = 8192;

// What the values of one rule become tests of.
struct ModifierContext {
  std::string_view file;
  std::string_view path;             // of the map that holds the key: "detection.selection"
  const Placeholders* placeholders;  // null: none are known
  std::vector<Test>* tests;          // appended to
  Findings* findings;
};

// The expression of one entry of a selection. `key` is the field with its modifiers; it may be empty or begin
// with "|" for keywords. `values` are its values: scalars and nulls (anything else is an error), `is_list`
// tells how they were written. Nothing if something was wrong; every reason is in `findings`.
std::optional<Expression> ResolveModifiers(const YamlNode& key, std::span<const YamlNode> values,
                                           bool is_list, const ModifierContext& context);

// The same for a bare value of a list or a selection: a keyword.
std::optional<Expression> ResolveKeyword(const YamlNode& value, const ModifierContext& context);

}  // namespace stockade
