// |expand: `%name%` in a rule's value stands for a list that the operator fills.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/rule/modifier_key.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

// What each %name% stands for. Read as Sigma strings, so they may hold wildcards. An empty list stands for nothing and
// matches nothing: a rule of a shipped pack may ask for a list that an operator has not filled yet.
using Placeholders = absl::flat_hash_map<std::string, std::vector<std::string>>;

// How many tests one value may become (placeholders, and dashes inside base64). Three dashes give 125.
inline constexpr size_t kVariantsMax = 4096;

// The value with each %name% replaced by each of what it stands for in turn; `\%` is a percent sign. `is_pattern`: the value is
// a regular expression, in which what is put must stand for itself. `placeholders` null: none are known. Nothing if there
// is no placeholder in it, or an unknown one, or if they make more than kVariantsMax values; the reason is among the
// findings.
std::optional<std::vector<std::string>> ExpandPlaceholders(const YamlNode& value, bool is_pattern,
                                                           const Placeholders* placeholders,
                                                           const KeyPlace& place);

}  // namespace stockade
