// What an operator asks and orders about standing decisions; part of the admin service, which has asked who it is before.
//
//   GET    /decisions            lines as ToJson(Decision) writes them, soonest expiry first
//            ?scope=&value=&rule=&action=&campaign=&id=   exactly these
//            ?contains=ADDRESS                            those on it and on networks that hold it
//            ?limit=N&after=UNTIL/ID                      pages of them (decision_filter.h)
//   GET    /decisions/ID         {"decision":{…},"left_ms":…,"allowlisted":false,"firewalls":[{"name":"nft","carries":true,
//                                "state":"enforced"}]}; state: enforced, pending, not carried,
//                                refused, switched off. 404: it does not stand
//   POST   /decisions            lines of JSON, or a list, as new_decision.h reads them, at most kNewDecisionsMax. A line of
//                                answer each: {"line":1,"state":"added","id":"…"}; state: added, extended, covered, refused
//                                with "why". A broken one costs itself. What is answered added or extended is durable
//   DELETE /decisions/ID         {"removed":1}; 404 and {"removed":0} where it does not stand
//   DELETE /decisions?scope=&…   {"removed":7}; at least one filter, or all=true
//   GET    /enforcement          {"enforcing":true}; after a switch also "since", "by", "reason"
//   PUT    /enforcement          {"enforcing":false,"reason":"…"}: firewalls are told to let everything go, nothing else
//   GET    /firewalls            a line each: {"name":"nft","kind":"nftables","decided":…,"enforced":…,"pending":…,
//                                "lag_ms":…,…}
//   GET    /audit?after=N&limit=M   entries of the audit log behind number N, at most kAuditLinesMax, oldest first
//
// Who does something: the field `By` of the request, or `by` of the query or the body of /enforcement; else "operator". It is
// what the caller says of himself: all who hold the token are one to us. Why: `reason` of each line, of the query, of the body.
//
// A parameter or member that is not known, stands twice or is of another form is 400, and nothing is done. What this instance
// has no part for is 501; a part that fails is 503 with what it says.
//
// Holds no state; any thread, as far as its parts allow it. Parts may wait for a disk: a hundred thousand new ones take
// seconds, but a request holds 256 KiB at most (HttpServiceOptions::body_bytes_max).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/gateway/decision_filter.h"
#include "adapters/http/service_message.h"
#include "adapters/new_decision.h"
#include "engine/decision/decision.h"

namespace stockade {

inline constexpr size_t kNewDecisionsMax = 10'000;  // of a request
inline constexpr size_t kAuditLinesMax = 10'000;    // of an answer
inline constexpr size_t kActorBytesMax = 64;

// Who orders something, and why (empty: did not say).
struct Actor {
  std::string by = "operator";
  std::string reason;
};

// What became of a new decision. `id` where it was added or extended, or of what covers it, where that is known.
struct AddedDecision {
  enum class State : uint8_t { kAdded, kExtended, kCovered, kRefused };
  State state = State::kAdded;
  std::string id;
  std::string why;  // of kRefused
};

struct Removal {
  DecisionFilter filter;  // without a page
  Actor actor;
};

// How it stands with a decision at a firewall.
struct FirewallShare {
  enum class State : uint8_t { kEnforced, kPending, kNotCarried, kRefused, kSwitchedOff };
  std::string name;
  State state = State::kPending;
};

struct ExplainedDecision {
  Decision decision;
  int64_t left_ms = 0;
  bool allowlisted = false;  // touches the allowlist: it does no more than challenge those whom that holds
  std::vector<FirewallShare> firewalls;
};

struct Enforcement {
  bool enforcing = true;
  int64_t since_ms = 0;  // of the last switch; 0: there was none
  Actor actor;           // of the last switch
};

struct FirewallFigures {
  std::string name;
  std::string kind;
  uint64_t decided = 0;       // those in force that it carries
  uint64_t enforced = 0;      // of them, those it has taken
  uint64_t pending = 0;       // orders that wait for it
  int64_t lag_ms = 0;         // how long the oldest of them has waited
  std::string last_error;     // empty: the last call went well
  int64_t last_error_ms = 0;  // 0: never
  int64_t reconciled_ms = 0;  // when what stands there was last compared; 0: never, or it cannot tell
  uint64_t repaired = 0;      // what differed then, in all
  uint64_t left_out = 0;      // orders that it can never carry out
};

struct AuditLine {
  uint64_t number = 0;
  std::string json;  // with its chain (adapters/store/audit_chain.h), as it stands in the log
};

// Each may be missing; then its path answers 501. `now_ms` comes with `add`.
struct DecisionDeskParts {
  // Those that stand, by SelectDecisions.
  std::function<std::vector<Decision>(const DecisionFilter&)> decisions;
  std::function<std::optional<ExplainedDecision>(std::string_view id)> explain;
  // Takes all of them, in their order, and returns what became of each when that is durable. They passed CheckNewDecision.
  // An error: none is taken.
  std::function<absl::StatusOr<std::vector<AddedDecision>>(std::span<const NewDecision>, const Actor&)> add;
  // How many were removed, when that is durable.
  std::function<absl::StatusOr<size_t>(const Removal&)> remove;
  std::function<Enforcement()> enforcement;
  std::function<absl::Status(bool enforcing, const Actor&)> set_enforcing;
  std::function<std::vector<FirewallFigures>()> firewalls;
  // At most `limit` behind number `after`, in their order.
  std::function<absl::StatusOr<std::vector<AuditLine>>(uint64_t after, size_t limit)> audit;
  // Milliseconds since 1970.
  std::function<int64_t()> now_ms;
};

class DecisionDesk {
 public:
  explicit DecisionDesk(DecisionDeskParts parts) : parts_(std::move(parts)) {}

  // Whether a path is one of this desk's.
  static bool Knows(std::string_view path) noexcept;
  // The answer to a request for one of them, by somebody who may ask.
  ServiceReply Reply(const ServiceRequest& request) const;

 private:
  ServiceReply List(const Query& query) const;
  ServiceReply Explain(std::string_view id) const;
  ServiceReply Add(const ServiceRequest& request, const Query& query) const;
  ServiceReply Remove(const ServiceRequest& request, const Query& query, std::string_view id) const;
  ServiceReply AnswerEnforcement(const ServiceRequest& request) const;
  ServiceReply ListFirewalls() const;
  ServiceReply ListAudit(const Query& query) const;

  const DecisionDeskParts parts_;
};

}  // namespace stockade
