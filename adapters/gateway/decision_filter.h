// Which of the standing decisions are meant: by an operator who lists, lifts or exports some of them.
//
// Plain data, pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/http/query.h"
#include "engine/decision/decision.h"

namespace stockade {

// All that is given must hold; empty ones say nothing.
struct DecisionFilter {
  std::optional<Scope> scope;
  std::optional<Action> action;
  std::string value;     // exactly this; of addresses and networks in the spelling of Decision::value
  std::string rule;      // exactly
  std::string campaign;  // exactly
  std::string id;
  Address contains;  // those on this address and on networks that hold it
  // A page: at most `limit` of them (0: all), those behind `after` ("2026-11-23T09:00:00.000Z/0123456789abcdef", time and id
  // of the last one of the page before; it may be gone by now). Pages are in the order of (until, id).
  size_t limit = 0;
  std::string after;

  // Whether it names fewer than all.
  bool names_some() const {
    return scope || action || !value.empty() || !rule.empty() || !campaign.empty() || !id.empty() ||
           contains.present();
  }
  bool is_page() const { return limit > 0 || !after.empty(); }
  bool Matches(const Decision& decision) const;
};

// Reads the parameters that are filters, `limit` and `after`, and says in `rest` what the others are. Errors:
// InvalidArgument, naming the parameter, for one that stands twice or is none of what it must be: what was misread would
// name too much.
absl::StatusOr<DecisionFilter> ReadDecisionFilter(const Query& query, Query* rest);

// Where the filter's page begins: behind this time and id.
struct PagePlace {
  int64_t until_ms = INT64_MIN;
  std::string id;
};
PagePlace PageBegin(const DecisionFilter& filter);

// Those of `standing` that the filter names, in their order; or its page of them. For whoever holds few decisions, in no
// order: one pass and, of a page, a sort of pointers; copies only what is given.
std::vector<Decision> SelectDecisions(const std::vector<const Decision*>& standing,
                                      const DecisionFilter& filter);

// What `after` is to be for the page behind this decision.
std::string PageEnd(const Decision& decision);

}  // namespace stockade
