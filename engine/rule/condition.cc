#include "engine/rule/condition.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "engine/text.h"

namespace stockade {
namespace {

struct Token {
  std::string_view text;  // empty: the end
  size_t offset = 0;
};

bool IsWord(const Token& token, std::string_view word) {
  return absl::EqualsIgnoreCase(ToAbsl(token.text), ToAbsl(word));
}

// Whether `name` fits `pattern`, where `*` is any number of characters. Iterative, with one step back to the
// last star.
bool Fits(std::string_view name, std::string_view pattern) {
  size_t n = 0;
  size_t p = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++n;
      ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

constexpr std::string_view kAggregation =
    "aggregations after | are no longer Sigma; write a correlation rule: event_count for count(), "
    "value_count for "
    "count(field), value_sum, value_avg, temporal for near";

class Parser {
 public:
  Parser(const YamlNode& condition, std::string_view file, std::string_view path, std::string_view what,
         std::span<NamedExpression> names, Findings* findings)
      : condition_(condition), file_(file), path_(path), what_(what), names_(names), findings_(findings) {
    for (const NamedExpression& name : names_) sizes_.push_back(CountNodes(name.expression));
  }

  std::optional<Expression> Parse() {
    if (condition_.text.size() > kConditionBytesMax) {
      return Fail(0, Concat("a condition of ", condition_.text.size(), " bytes; at most ", kConditionBytesMax,
                            " are taken"));
    }
    Advance();
    if (token_.text.empty()) return Fail(0, Concat("the condition is empty; name a ", what_));
    std::optional<Expression> tree = ParseOr();
    if (!tree.has_value()) return std::nullopt;
    if (token_.text == ")") return Fail(token_.offset, "')' without '(' before it");
    if (!token_.text.empty()) {
      return Fail(token_.offset, Concat(Quoted(token_.text), " follows without `and` or `or` before it"));
    }
    return tree;
  }

 private:
  std::nullopt_t Fail(size_t offset, std::string_view what, std::string_view suggestion = {}) {
    if (!failed_) findings_->Error(PlaceOf(condition_, file_, offset), path_, what, suggestion);
    failed_ = true;
    return std::nullopt;
  }

  void Advance() {
    const std::string_view text = condition_.text;
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    const auto is_single = [](char c) { return c == '(' || c == ')' || c == '|'; };
    while (at_ < text.size() && is_space(text[at_])) ++at_;
    const size_t from = at_;
    if (at_ < text.size() && is_single(text[at_])) {
      ++at_;
    } else {
      while (at_ < text.size() && !is_space(text[at_]) && !is_single(text[at_])) ++at_;
    }
    token_ = Token{text.substr(from, at_ - from), from};
  }

  Token Peek() {
    const Token here = token_;
    const size_t at = at_;
    Advance();
    const Token next = std::exchange(token_, here);
    at_ = at;
    return next;
  }

  std::optional<Expression> ParseOr() { return ParseChain("or", Expression::Kind::kOr); }

  // operand { word operand }, where the operands of `or` are chains of `and`.
  std::optional<Expression> ParseChain(std::string_view word, Expression::Kind kind) {
    std::vector<Expression> operands;
    while (true) {
      std::optional<Expression> operand =
          kind == Expression::Kind::kOr ? ParseChain("and", Expression::Kind::kAnd) : ParseNot();
      if (!operand.has_value()) return std::nullopt;
      operands.push_back(*std::move(operand));
      if (!IsWord(token_, word)) break;
      Advance();
    }
    return Join(kind, std::move(operands));
  }

  std::optional<Expression> ParseNot() {
    if (++depth_ > kConditionDepthMax) {
      return Fail(token_.offset, Concat("parentheses and nots deeper than ", kConditionDepthMax));
    }
    std::optional<Expression> operand;
    if (IsWord(token_, "not")) {
      Advance();
      operand = ParseNot();
      if (operand.has_value()) operand = Not(*std::move(operand));
    } else {
      operand = ParseSelector();
    }
    --depth_;
    return operand;
  }

  std::optional<Expression> ParseSelector() {
    const Token first = token_;
    if (first.text.empty())
      return Fail(first.offset, Concat("the condition ends where a ", what_, " should stand"));
    if (first.text == "|") return Fail(first.offset, kAggregation);
    if (first.text == ")") return Fail(first.offset, Concat("')' where a ", what_, " should stand"));
    if (first.text == "(") {
      Advance();
      std::optional<Expression> inner = ParseOr();
      if (!inner.has_value()) return std::nullopt;
      if (token_.text != ")") {
        if (token_.text == "|") return Fail(token_.offset, kAggregation);
        return Fail(first.offset, "'(' is never closed");
      }
      Advance();
      return AfterSelector(std::move(inner));
    }
    if (IsWord(Peek(), "of")) return AfterSelector(ParseOf());
    if (IsWord(first, "and") || IsWord(first, "or") || IsWord(first, "of")) {
      return Fail(first.offset, Concat("`", first.text, "` where a ", what_, " should stand"));
    }
    Advance();
    return AfterSelector(Named(first));
  }

  std::optional<Expression> AfterSelector(std::optional<Expression> selector) {
    if (selector.has_value() && token_.text == "|") return Fail(token_.offset, kAggregation);
    return selector;
  }

  std::optional<Expression> Named(const Token& token) {
    if (token.text.find('*') != std::string_view::npos) {
      return Fail(token.offset, Concat("a pattern needs `1 of` or `all of` before it: 1 of ", token.text),
                  Concat("1 of ", token.text));
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i].name == token.text) return Take(i, token);
    }
    std::vector<std::string_view> known;
    for (const NamedExpression& name : names_) known.push_back(name.name);
    const std::string_view near = Nearest(token.text, known);
    return Fail(token.offset,
                Concat("no ", what_, " ", Quoted(token.text),
                       near.empty() ? "; there is " + Known() : DidYouMean(near)),
                near);
  }

  std::optional<Expression> ParseOf() {
    const Token count = token_;
    Advance();
    Advance();
    const Token pattern = token_;
    if (pattern.text.empty() || pattern.text == "(" || pattern.text == ")" || pattern.text == "|") {
      return Fail(pattern.offset, "`of` needs `them` or a pattern such as selection_*");
    }
    Advance();
    std::vector<Expression> operands;
    const bool is_them = IsWord(pattern, "them");
    for (size_t i = 0; i < names_.size(); ++i) {
      const std::string_view name = names_[i].name;
      const bool is_hidden = name.substr(0, 1) == "_" && (is_them || pattern.text[0] != '_');
      if (is_hidden || !(is_them || Fits(name, pattern.text))) continue;
      std::optional<Expression> operand = Take(i, pattern);
      if (!operand.has_value()) return std::nullopt;
      operands.push_back(*std::move(operand));
    }
    if (operands.empty()) {
      return Fail(pattern.offset,
                  Concat("no ", what_, " fits ", Quoted(pattern.text), "; there is ", Known()));
    }
    if (IsWord(count, "all")) return Join(Expression::Kind::kAnd, std::move(operands));
    if (IsWord(count, "any")) return Join(Expression::Kind::kOr, std::move(operands));
    uint32_t number = 0;
    if (!absl::SimpleAtoi(ToAbsl(count.text), &number)) {
      return Fail(count.offset, Concat(Quoted(count.text), " before `of`; write a number, all or any"));
    }
    if (number == 0) {
      return Fail(count.offset, Concat("`0 of` is always true; write not 1 of ", pattern.text),
                  Concat("not 1 of ", pattern.text));
    }
    if (number > operands.size()) {
      return Fail(count.offset, Concat("`", number, " of ", pattern.text, "` can never be: only ",
                                       operands.size(), " fit"));
    }
    std::optional<Expression> choice = AtLeast(number, operands);
    if (!choice.has_value()) {
      return Fail(count.offset,
                  Concat("more than ", kChoicesMax, " ways to choose ", number, " of ", operands.size()));
    }
    return Grown(CountNodes(*choice), count) ? std::move(choice) : std::nullopt;
  }

  std::optional<Expression> Take(size_t index, const Token& token) {
    names_[index].used = true;
    if (!Grown(sizes_[index], token)) return std::nullopt;
    return names_[index].expression;
  }

  bool Grown(size_t nodes, const Token& token) {
    nodes_ += nodes;
    if (nodes_ <= kExpressionNodesMax) return true;
    Fail(token.offset, Concat("the condition grows to more than ", kExpressionNodesMax, " nodes"));
    return false;
  }

  std::string Known() const {
    constexpr size_t kShown = 8;
    std::string text;
    for (size_t i = 0; i < names_.size() && i < kShown; ++i) Append(&text, i > 0 ? ", " : "", names_[i].name);
    if (names_.size() > kShown) text += ", ...";
    return text.empty() ? "none" : text;
  }

  const YamlNode& condition_;
  std::string_view file_;
  std::string_view path_;
  std::string_view what_;
  std::span<NamedExpression> names_;
  Findings* findings_;
  std::vector<size_t> sizes_;
  Token token_;
  size_t at_ = 0;
  int depth_ = 0;
  size_t nodes_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<Expression> ParseCondition(const YamlNode& condition, std::string_view file,
                                         std::string_view path, std::string_view what,
                                         std::span<NamedExpression> names, Findings* findings) {
  return Parser(condition, file, path, what, names, findings).Parse();
}

std::optional<Expression> AtLeast(size_t count, std::span<const Expression> operands) {
  if (count == 0 || count > operands.size()) return std::nullopt;
  // n over k, multiplied up so that every step divides evenly.
  size_t choices = 1;
  for (size_t i = 1; i <= std::min(count, operands.size() - count); ++i) {
    choices = choices * (operands.size() - i + 1) / i;
    if (choices > kChoicesMax) return std::nullopt;
  }
  size_t nodes = 0;
  for (const Expression& operand : operands) nodes += CountNodes(operand);
  // Each operand stands in count/n of the choices.
  if (nodes * choices * count > kExpressionNodesMax * operands.size()) return std::nullopt;

  std::vector<size_t> chosen(count);
  for (size_t i = 0; i < count; ++i) chosen[i] = i;
  std::vector<Expression> ways;
  while (true) {
    std::vector<Expression> together;
    for (size_t index : chosen) together.push_back(operands[index]);
    ways.push_back(Join(Expression::Kind::kAnd, std::move(together)));
    // The next choice in lexical order: the last index that can still move, moves; those behind it follow
    // closely.
    size_t i = count;
    while (i > 0 && chosen[i - 1] == operands.size() - count + i - 1) --i;
    if (i == 0) break;
    ++chosen[i - 1];
    for (size_t j = i; j < count; ++j) chosen[j] = chosen[j - 1] + 1;
  }
  return Join(Expression::Kind::kOr, std::move(ways));
}

size_t CountNodes(const Expression& expression) {
  size_t nodes = 1;
  for (const Expression& operand : expression.operands) nodes += CountNodes(operand);
  return nodes;
}

}  // namespace stockade
