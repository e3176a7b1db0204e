// A decision that somebody else than a rule asks for: an operator, a list, another program. Who it names and what is done;
// the rest (id, time, evidence) comes when an instance takes it. And its text form, the lines that POST /decisions reads:
//
//   {"action":"block","value":"203.0.113.0/24","for":"1h","reason":"scans us"}
//   {"action":"lock","scope":"account","value":"alice","until":"2026-11-26T12:00:00.000Z","reason":"fell for a mail"}
//
// What could name more than was meant is refused, never repaired: host bits behind a network's length, a member that is not
// known or stands twice, a network that is a large part of the internet.
//
// Plain data, pure functions; any thread. Fuzz: tests/fuzz/exchange_fuzz.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/decision/decision.h"

namespace stockade {

// Whom a decision names. `prefix` of kIp and kRange only.
struct DecisionTarget {
  Scope scope = Scope::kIp;
  std::string value;  // as Decision::value has it: one spelling for each address, an ASN without "AS"
  Prefix prefix;

  friend bool operator==(const DecisionTarget&, const DecisionTarget&) = default;
};

struct NewDecision {
  size_t line = 0;  // where it stood in what was read, from 1; of lists and bundles the number of the entry
  std::optional<Action> action;  // nothing: the format does not say
  DecisionTarget target;
  // When it is over: at most one of them. Neither: the format does not say.
  std::optional<int64_t> for_ms;                         // after it is taken, > 0
  std::optional<int64_t> until_ms;                       // since 1970
  ChallengeKind challenge_kind = ChallengeKind::kHuman;  // of a challenge
  bool all_lanes = false;                                // of a lock
  std::string reason;
  std::string
      origin;  // what it came from, where it did not come from a person: a rule, a list, a feed; may be empty
};

// What a reason and an origin may be long; importers cut what is longer (CutText), POST refuses it.
inline constexpr size_t kReasonBytesMax = 1024;
inline constexpr size_t kOriginBytesMax = 128;
// The widest networks that are taken. Wider ones, typed or fed, are mistakes: 10/8 still fits, a typo of 1/8 no more.
inline constexpr int kNetworkBitsMinV4 = 8;
inline constexpr int kNetworkBitsMinV6 = 16;

// The target of a text. Without `scope` it must be clear: an address, a network, or "AS64500"; nothing else is guessed.
// An ASN is 1…2^32-1 with or without "AS"; a fingerprint is the 32 hexadecimal digits by which decisions know one; an account
// is 1…256 bytes of printable UTF-8. Errors: InvalidArgument, what is wrong and what would be right.
absl::StatusOr<DecisionTarget> ReadTarget(std::optional<Scope> scope, std::string_view value);

// One object of JSON as above. `action`, `value` and one of `for` and `until` must be there, and `reason`, or where it is
// from (`origin`, `rule`). Lines that ToJson(Decision) wrote are read too, so that what one instance exports another takes:
// `rule` becomes the origin; a shadow is refused, for it was never carried out. Errors: InvalidArgument, naming the member.
absl::StatusOr<NewDecision> ReadNewDecision(std::string_view json);

// What holds for every new decision, whoever made it: an action on a scope that it can be carried out on, a time that is
// ahead of `now_ms` and at most Policy::kDurationMsMax away; and no block of the loopback addresses, behind which proxies of ours
// ask for everybody. Errors as above.
absl::Status CheckNewDecision(const NewDecision& decision, int64_t now_ms);

// One line without its end, as ReadNewDecision reads it. Members that say nothing are left out.
std::string ToJson(const NewDecision& decision);

std::optional<Action> ParseAction(std::string_view word) noexcept;
std::optional<Scope> ParseScope(std::string_view word) noexcept;

}  // namespace stockade
