// The rule loader on any bytes: it ends, within its bounds, and what it says is consistent: a document is
// kept or an error says why not, every error has a place inside the text, every test index is one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/rule/sigma_parse.h"
#include "engine/status.h"

namespace {

void CheckTree(const stockade::Expression& tree, size_t tests) {
  using Kind = stockade::Expression::Kind;
  if (tree.kind == Kind::kTest) {
    STOCKADE_CHECK(tree.test >= 0 && static_cast<size_t>(tree.test) < tests);
    STOCKADE_CHECK(tree.operands.empty());
  }
  STOCKADE_CHECK(tree.kind != Kind::kNot || tree.operands.size() == 1);
  for (const stockade::Expression& operand : tree.operands) CheckTree(operand, tests);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const stockade::Placeholders placeholders = {{"admins", {"root", "adm*"}}};
  stockade::SigmaDocuments documents;
  stockade::Findings findings;
  stockade::ParseSigma(text, "f", placeholders, &documents, &findings);

  for (const stockade::SigmaRule& rule : documents.rules) {
    STOCKADE_CHECK(!rule.header.handle().empty());
    CheckTree(rule.expression, rule.tests.size());
  }
  for (const stockade::SigmaFilter& filter : documents.filters)
    CheckTree(filter.expression, filter.tests.size());
  for (const stockade::CorrelationRule& rule : documents.correlations) {
    STOCKADE_CHECK(rule.span_ms > 0 && !rule.rules.empty());
    if (rule.temporal_condition.has_value()) CheckTree(*rule.temporal_condition, rule.rules.size());
    if (rule.response.has_value()) STOCKADE_CHECK(rule.response->for_ms > 0);
  }
  for (const stockade::Finding& finding : findings.all()) {
    STOCKADE_CHECK(!finding.what.empty());
    STOCKADE_CHECK(finding.place.line >= 0 && static_cast<size_t>(finding.place.line) <= size + 2);
  }
  STOCKADE_CHECK(findings.ToStatus().ok() == (findings.errors() == 0));
  return 0;
}
