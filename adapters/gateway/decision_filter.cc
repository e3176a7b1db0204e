#include "adapters/gateway/decision_filter.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/numbers.h"
#include "adapters/decision_json.h"
#include "adapters/new_decision.h"
#include "engine/event/printable_text.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status Wrong(std::string_view parameter, std::string_view what) {
  return absl::InvalidArgumentError(Concat(parameter, ": ", what));
}

struct After {
  int64_t until_ms = 0;
  std::string_view id;
};

std::optional<After> ReadAfter(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> until_ms = ParseDecisionTimeMs(text.substr(0, slash));
  if (!until_ms) return std::nullopt;
  return After{*until_ms, text.substr(slash + 1)};
}

absl::StatusOr<bool> ReadParameter(std::string_view name, const std::string& value, DecisionFilter* filter) {
  std::string* const texts[] = {&filter->value, &filter->rule, &filter->campaign, &filter->id};
  constexpr std::string_view kTextNames[] = {"value", "rule", "campaign", "id"};
  for (size_t i = 0; i < std::size(texts); ++i) {
    if (name != kTextNames[i]) continue;
    if (value.empty()) return Wrong(name, "is empty; leave it out if all are meant");
    *texts[i] = value;
    return true;
  }
  if (name == "scope") {
    filter->scope = ParseScope(value);
    return filter->scope ? absl::StatusOr<bool>(true) : Wrong(name, NoneOf(kScopeNames));
  }
  if (name == "action") {
    filter->action = ParseAction(value);
    return filter->action ? absl::StatusOr<bool>(true) : Wrong(name, NoneOf(kActionNames));
  }
  if (name == "contains") {
    filter->contains = Address::Parse(value).value_or(Address());
    return filter->contains.present() ? absl::StatusOr<bool>(true) : Wrong(name, "is no address");
  }
  if (name == "limit") {
    return absl::SimpleAtoi(value, &filter->limit) && filter->limit > 0 ? absl::StatusOr<bool>(true)
                                                                        : Wrong(name, "is no number above 0");
  }
  if (name == "after") {
    filter->after = value;
    return ReadAfter(value) ? absl::StatusOr<bool>(true)
                            : Wrong(name, "is not a decision's until, a slash and its id");
  }
  return false;
}

auto OrderOf(const Decision& decision) {
  return std::make_tuple(decision.until_ms, std::string_view(decision.id));
}

}  // namespace

bool DecisionFilter::Matches(const Decision& decision) const {
  if (scope && decision.scope != *scope) return false;
  if (action && decision.action != *action) return false;
  if (!value.empty() && decision.value != value) return false;
  if (!rule.empty() && decision.rule != rule) return false;
  if (!campaign.empty() && decision.campaign != campaign) return false;
  if (!id.empty() && decision.id != id) return false;
  if (!contains.present()) return true;
  return NamesAddresses(decision.scope) && decision.prefix.Contains(contains);
}

absl::StatusOr<DecisionFilter> ReadDecisionFilter(const Query& query, Query* rest) {
  DecisionFilter filter;
  for (size_t i = 0; i < query.size(); ++i) {
    const auto& [name, value] = query[i];
    const bool twice = std::any_of(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&key = query[i].first](const auto& other) { return other.first == key; });
    if (twice) return Wrong(PrintableText(name), "stands twice");
    ASSIGN_OR_RETURN(const bool known, ReadParameter(name, value, &filter));
    if (!known) rest->push_back(query[i]);
  }
  // An address has several spellings; decisions have one.
  const bool may_be_network = !filter.scope || NamesAddresses(*filter.scope);
  if (const std::optional<Prefix> prefix = Prefix::Parse(filter.value); prefix && may_be_network)
    filter.value = prefix->ToString();
  if (filter.scope == Scope::kAsn && !filter.value.empty()) {
    ASSIGN_OR_RETURN(const DecisionTarget target, ReadTarget(Scope::kAsn, filter.value));
    filter.value = target.value;
  }
  return filter;
}

std::vector<Decision> SelectDecisions(const std::vector<const Decision*>& standing,
                                      const DecisionFilter& filter) {
  std::vector<const Decision*> named;
  const PagePlace begin = PageBegin(filter);
  for (const Decision* decision : standing)
    if (filter.Matches(*decision) &&
        OrderOf(*decision) > std::make_tuple(begin.until_ms, std::string_view(begin.id)))
      named.push_back(decision);
  if (filter.is_page()) {
    const size_t size = filter.limit > 0 ? std::min(filter.limit, named.size()) : named.size();
    const auto end = named.begin() + static_cast<std::ptrdiff_t>(size);
    std::partial_sort(named.begin(), end, named.end(),
                      [](const Decision* a, const Decision* b) { return OrderOf(*a) < OrderOf(*b); });
    named.erase(end, named.end());
  }
  std::vector<Decision> decisions;
  decisions.reserve(named.size());
  for (const Decision* decision : named) decisions.push_back(*decision);
  return decisions;
}

PagePlace PageBegin(const DecisionFilter& filter) {
  const std::optional<After> after = ReadAfter(filter.after);
  return after ? PagePlace{after->until_ms, std::string(after->id)} : PagePlace{};
}

std::string PageEnd(const Decision& decision) {
  return Concat(FormatTimeMs(decision.until_ms), "/", decision.id);
}

}  // namespace stockade
