// What the tests of the rule loader share: rules as text in, findings and trees as text out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/rule/sigma_parse.h"

namespace stockade {

// Every finding of a text, as `check` prints it; the file is called "r.yml".
inline std::vector<std::string> FindingsOf(std::string_view yaml, const Placeholders& placeholders = {}) {
  SigmaDocuments documents;
  Findings findings;
  ParseSigma(yaml, "r.yml", placeholders, &documents, &findings);
  std::vector<std::string> lines;
  for (const Finding& finding : findings.all()) lines.push_back(finding.ToString());
  return lines;
}

// A tree as text: "and(0, not(1))"; `leaves` are shown in place of indices where there are any.
inline std::string TreeText(const Expression& expression, const std::vector<std::string>& leaves = {}) {
  if (expression.kind == Expression::Kind::kTest) {
    const auto index = static_cast<size_t>(expression.test);
    return index < leaves.size() ? leaves[index] : std::to_string(expression.test);
  }
  std::string text = expression.kind == Expression::Kind::kAnd  ? "and("
                     : expression.kind == Expression::Kind::kOr ? "or("
                                                                : "not(";
  for (size_t i = 0; i < expression.operands.size(); ++i) {
    if (i > 0) text += ", ";
    text += TreeText(expression.operands[i], leaves);
  }
  return text + ")";
}

}  // namespace stockade
