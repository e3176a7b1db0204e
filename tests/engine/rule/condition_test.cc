// The condition grammar: chosen cases and their exact errors; random trees printed as conditions, read back
// and compared with the tree they came from over every assignment; hostile conditions.
#include "engine/rule/condition.h"

#include <catch2/catch.hpp>

#include <random>

#include "engine/rule/modifier.h"
#include "tests/engine/rule/rule_text.h"

namespace stockade {
namespace {

YamlNode TextNode(std::string text) {
  YamlNode node;
  node.kind = YamlNode::Kind::kText;
  node.plain = true;
  node.verbatim = true;
  node.line = 1;
  node.column = 1;
  node.text_column = 1;
  node.text = std::move(text);
  return node;
}

std::vector<NamedExpression> Names(const std::vector<std::string>& names) {
  std::vector<NamedExpression> expressions;
  for (size_t i = 0; i < names.size(); ++i) {
    Expression leaf;
    leaf.test = static_cast<int>(i);
    expressions.push_back(NamedExpression{names[i], leaf});
  }
  return expressions;
}

struct Read {
  std::string tree;
  std::string error;
};

Read ReadCondition(const std::string& text, const std::vector<std::string>& names) {
  std::vector<NamedExpression> expressions = Names(names);
  Findings findings;
  const YamlNode node = TextNode(text);
  const auto tree = ParseCondition(node, "", "c", "selection", expressions, &findings);
  Read read;
  if (tree.has_value()) read.tree = TreeText(*tree, names);
  if (!findings.all().empty()) {
    CHECK(findings.all().size() == 1);
    read.error = std::to_string(findings.all()[0].place.column) + ": " + findings.all()[0].what;
  }
  CHECK(tree.has_value() == read.error.empty());
  return read;
}

TEST_CASE("or binds less than and, and less than not", "[rule]") {
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  const auto tree = [&](const std::string& text) { return ReadCondition(text, names).tree; };
  CHECK(tree("a") == "a");
  CHECK(tree("a or b and c") == "or(a, and(b, c))");
  CHECK(tree("a and b or c") == "or(and(a, b), c)");
  CHECK(tree("(a or b) and c") == "and(or(a, b), c)");
  CHECK(tree("not a and b") == "and(not(a), b)");
  CHECK(tree("not (a and b)") == "not(and(a, b))");
  CHECK(tree("not not a") == "not(not(a))");
  CHECK(tree("a and b and c or d") == "or(and(a, b, c), d)");
  CHECK(tree("a or not b and not c or d") == "or(a, and(not(b), not(c)), d)");
  CHECK(tree("((a))") == "a");
  CHECK(tree("a AND NOT b") == "and(a, not(b))");
  CHECK(tree("(a)or(b)") == "or(a, b)");
  CHECK(tree("  a\n or\tb ") == "or(a, b)");
}

TEST_CASE("quantifiers take patterns and them, and leave out hidden names", "[rule]") {
  const std::vector<std::string> names = {"sel_a", "sel_b", "filter_x", "_hidden", "sel_c"};
  const auto tree = [&](const std::string& text) { return ReadCondition(text, names).tree; };
  CHECK(tree("1 of sel_*") == "or(sel_a, sel_b, sel_c)");
  CHECK(tree("any of sel_*") == "or(sel_a, sel_b, sel_c)");
  CHECK(tree("all of sel_*") == "and(sel_a, sel_b, sel_c)");
  CHECK(tree("2 of sel_*") == "or(and(sel_a, sel_b), and(sel_a, sel_c), and(sel_b, sel_c))");
  CHECK(tree("3 of sel_*") == "and(sel_a, sel_b, sel_c)");
  CHECK(tree("1 of filter*") == "filter_x");
  CHECK(tree("1 of them") == "or(sel_a, sel_b, filter_x, sel_c)");
  CHECK(tree("all of them") == "and(sel_a, sel_b, filter_x, sel_c)");
  CHECK(tree("1 of *") == "or(sel_a, sel_b, filter_x, sel_c)");
  CHECK(tree("1 of _*") == "_hidden");
  CHECK(tree("1 of *_a") == "sel_a");
  CHECK(tree("all of sel_* and not 1 of filter_*") == "and(and(sel_a, sel_b, sel_c), not(filter_x))");
  CHECK(tree("not all of sel_* or filter_x") == "or(not(and(sel_a, sel_b, sel_c)), filter_x)");
}

TEST_CASE("a selection may have a name of the grammar where it cannot be mistaken", "[rule]") {
  CHECK(ReadCondition("all", {"all"}).tree == "all");
  CHECK(ReadCondition("them and all", {"all", "them"}).tree == "and(them, all)");
}

TEST_CASE("a wrong condition is refused at its column", "[rule]") {
  const std::vector<std::string> names = {"selection", "filter"};
  const auto error = [&](const std::string& text) { return ReadCondition(text, names).error; };
  CHECK(error("") == "1: the condition is empty; name a selection");
  CHECK(error("selection and not filtr") == "19: no selection 'filtr'; did you mean 'filter'?");
  CHECK(error("selection and keywords") == "15: no selection 'keywords'; there is selection, filter");
  CHECK(error("selection and") == "14: the condition ends where a selection should stand");
  CHECK(error("selection filter") == "11: 'filter' follows without `and` or `or` before it");
  CHECK(error("(selection and filter") == "1: '(' is never closed");
  CHECK(error("selection)") == "10: ')' without '(' before it");
  CHECK(error("and selection") == "1: `and` where a selection should stand");
  CHECK(error("()") == "2: ')' where a selection should stand");
  CHECK(error("1 of filt_*") == "6: no selection fits 'filt_*'; there is selection, filter");
  CHECK(error("some of them") == "1: 'some' before `of`; write a number, all or any");
  CHECK(error("0 of them") == "1: `0 of` is always true; write not 1 of them");
  CHECK(error("3 of them") == "1: `3 of them` can never be: only 2 fit");
  CHECK(error("1 of") == "5: `of` needs `them` or a pattern such as selection_*");
  CHECK(error("sel*") == "1: a pattern needs `1 of` or `all of` before it: 1 of sel*");
  CHECK(error("selection | count() by user > 5") ==
        "11: aggregations after | are no longer Sigma; write a correlation rule: event_count for count(), "
        "value_count "
        "for count(field), value_sum, value_avg, temporal for near");
}

// A random tree over four names, and its text with as many parentheses as precedence needs, sometimes more.
struct RandomTree {
  std::mt19937 random;
  Expression Make(int depth) {
    Expression tree;
    const unsigned kind = depth == 0 ? 0 : random() % 4;
    if (kind == 0) {
      tree.test = static_cast<int>(random() % 4);
      return tree;
    }
    if (kind == 1) return Not(Make(depth - 1));
    tree.kind = kind == 2 ? Expression::Kind::kAnd : Expression::Kind::kOr;
    const unsigned operands = 2 + random() % 2;
    for (unsigned i = 0; i < operands; ++i) tree.operands.push_back(Make(depth - 1));
    return tree;
  }
  static int Binding(const Expression& tree) {
    return tree.kind == Expression::Kind::kOr ? 0 : tree.kind == Expression::Kind::kAnd ? 1 : 2;
  }
  std::string Print(const Expression& tree, int binding) {
    std::string text;
    if (tree.kind == Expression::Kind::kTest) {
      text = std::string(1, static_cast<char>('a' + tree.test));
    } else if (tree.kind == Expression::Kind::kNot) {
      text = "not " + Print(tree.operands[0], 2);
    } else {
      const bool is_and = tree.kind == Expression::Kind::kAnd;
      for (size_t i = 0; i < tree.operands.size(); ++i) {
        if (i > 0) text += is_and ? " and " : " or ";
        text += Print(tree.operands[i], is_and ? 2 : 1);
      }
    }
    return Binding(tree) < binding || random() % 8 == 0 ? "(" + text + ")" : text;
  }
};

bool Holds(const Expression& tree, unsigned assignment) {
  switch (tree.kind) {
    case Expression::Kind::kTest:
      return (assignment >> tree.test & 1) != 0;
    case Expression::Kind::kNot:
      return !Holds(tree.operands[0], assignment);
    case Expression::Kind::kAnd:
      for (const Expression& operand : tree.operands) {
        if (!Holds(operand, assignment)) return false;
      }
      return true;
    case Expression::Kind::kOr:
      break;
  }
  for (const Expression& operand : tree.operands) {
    if (Holds(operand, assignment)) return true;
  }
  return false;
}

TEST_CASE("a printed tree is read back with the same meaning", "[rule][oracle]") {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    RandomTree trees{std::mt19937(seed)};
    const Expression tree = trees.Make(4);
    const std::string text = trees.Print(tree, 0);
    INFO("seed " << seed << ": " << text);
    std::vector<NamedExpression> names = Names({"a", "b", "c", "d"});
    Findings findings;
    const YamlNode node = TextNode(text);
    const auto read = ParseCondition(node, "", "", "selection", names, &findings);
    REQUIRE(read.has_value());
    for (unsigned assignment = 0; assignment < 16; ++assignment) {
      REQUIRE(Holds(*read, assignment) == Holds(tree, assignment));
    }
  }
}

TEST_CASE("N of M is true for exactly those assignments with N of them true", "[rule][oracle]") {
  for (size_t m = 1; m <= 7; ++m) {
    std::vector<Expression> leaves;
    for (size_t i = 0; i < m; ++i) {
      Expression leaf;
      leaf.test = static_cast<int>(i);
      leaves.push_back(leaf);
    }
    for (size_t n = 1; n <= m; ++n) {
      const auto choice = AtLeast(n, leaves);
      REQUIRE(choice.has_value());
      for (unsigned assignment = 0; assignment < 1u << m; ++assignment) {
        INFO(n << " of " << m << ", assignment " << assignment);
        REQUIRE(Holds(*choice, assignment) == (static_cast<size_t>(__builtin_popcount(assignment)) >= n));
      }
    }
  }
}

TEST_CASE("hostile conditions are refused, not run out of stack or memory", "[rule]") {
  std::string deep;
  for (int i = 0; i < 4000; ++i) deep += '(';
  CHECK(ReadCondition(deep, {"a"}).error == "51: parentheses and nots deeper than 50");
  std::string nots;
  for (int i = 0; i < 2000; ++i) nots += "not ";
  CHECK(ReadCondition(nots + "a", {"a"}).error == "201: parentheses and nots deeper than 50");
  CHECK(ReadCondition(std::string(8193, 'a'), {"a"}).error ==
        "1: a condition of 8193 bytes; at most 8192 are taken");

  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back("s" + std::to_string(i));
  CHECK(ReadCondition("20 of s*", many).error == "1: more than 4096 ways to choose 20 of 40");

  // A name that stands for much, written often.
  std::vector<NamedExpression> names = Names({"a"});
  names[0].expression.kind = Expression::Kind::kOr;
  names[0].expression.operands.resize(1000);
  std::string text = "a";
  for (int i = 0; i < 500; ++i) text += " or a";
  Findings findings;
  const YamlNode node = TextNode(text);
  CHECK_FALSE(ParseCondition(node, "", "c", "selection", names, &findings).has_value());
  REQUIRE(findings.errors() == 1);
  CHECK(findings.all()[0].what == "the condition grows to more than 100000 nodes");
}

}  // namespace
}  // namespace stockade
