// The condition grammar of Sigma → a tree.
//
//   condition := and { "or" and }            binds least
//   and       := not { "and" not }
//   not       := "not" not | selector
//   selector  := ( number | "all" | "any" ) "of" ( "them" | pattern ) | "(" condition ")" | name
//
// A pattern is a name with `*`; `them` is every name. Neither stands for names that begin with "_", except a
// pattern that begins so itself. "N of" asks for at least N; `any of` is `1 of`. The words of the grammar are
// lower case; AND, OR and NOT are read too. Aggregations (`| count() by x > 5`, `| near`), which Sigma gave
// up for correlation rules, are refused with a word on what replaces them.
//
// Hostile conditions: length, depth and the size of the tree are bounded below. A tree holds a copy of what a
// name stands for at each place the name is written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/rule/finding.h"
#include "engine/rule/sigma_rule.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

inline constexpr size_t kConditionBytesMax = 8192;
// Parentheses and nots inside each other. Published rules need 3; each costs a few hundred bytes of stack.
inline constexpr int kConditionDepthMax = 50;
// Nodes of the whole tree: some 5 MB.
inline constexpr size_t kExpressionNodesMax = 100'000;
// Ways to choose N of a pattern's names: "3 of" 20 names are 1140.
inline constexpr size_t kChoicesMax = 4096;

// What a name in a condition stands for. `used` is set once a condition names it, directly or by a pattern.
struct NamedExpression {
  std::string name;
  Expression expression;
  bool used = false;
};

// The tree of `condition` (a text). `path` is its key, for errors: "detection.condition". `what` is what its
// names are called in errors: "selection", "rule". Errors name the column of the character. Nothing if there
// is an error.
std::optional<Expression> ParseCondition(const YamlNode& condition, std::string_view file,
                                         std::string_view path, std::string_view what,
                                         std::span<NamedExpression> names, Findings* findings);

// At least `count` of `operands`: count from 1 to their number. Nothing if that takes more than kChoicesMax
// choices.
std::optional<Expression> AtLeast(size_t count, std::span<const Expression> operands);

// Nodes of the tree, itself included.
size_t CountNodes(const Expression& expression);

}  // namespace stockade
