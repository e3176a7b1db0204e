// What a rule or a detector says: who, why, how many, from when to when. An alert is a finding, not yet an
// order: policy makes decisions of alerts, and an alert without a response stays a finding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/event/login_event.h"

namespace stockade {

// What a decision does to those it names.
enum class Action : uint8_t { kChallenge, kThrottle, kBlock, kLock };
inline constexpr std::string_view kActionNames[] = {"challenge", "throttle", "block", "lock"};
constexpr std::string_view Name(Action action) noexcept {
  return kActionNames[static_cast<size_t>(action)];
}

// Whom a response names, taken from the event that raised the alert.
enum class Target : uint8_t { kSourceIp, kSourcePrefix, kSourceAsn, kSourceFingerprint, kUserName };
inline constexpr std::string_view kTargetNames[] = {"source.ip", "source.prefix", "source.asn",
                                                    "source.fingerprint", "user.name"};
constexpr std::string_view Name(Target target) noexcept {
  return kTargetNames[static_cast<size_t>(target)];
}

// What a test a challenge shows: whether a human is there, or whether it is the account's owner.
enum class ChallengeKind : uint8_t { kHuman, kIdentity };
inline constexpr std::string_view kChallengeKindNames[] = {"human", "identity"};
constexpr std::string_view Name(ChallengeKind kind) noexcept {
  return kChallengeKindNames[static_cast<size_t>(kind)];
}

// The `response` of a rule: what a match does. Milliseconds of event time.
struct Response {
  Action action = Action::kBlock;
  Target target = Target::kSourceIp;
  int64_t for_ms = 0;             // first time; > 0
  double escalate_factor = 1;     // each repeat while it is remembered: for *= factor …
  int64_t escalate_up_to_ms = 0;  // … up to this; 0: no escalation
  ChallengeKind challenge_kind = ChallengeKind::kHuman;  // of a challenge, where the rule names one
  bool all_lanes = false;  // of a lock: not only the unfamiliar lane. Never for what a stranger can cause.
  bool shadow = false;     // shown, never carried out: a rule on trial
};

// What a detector's alert rests on in place of a count; of a rule's nothing is set. Views of names that live for ever.
struct DetectorFinding {
  std::string_view detector;  // its name in the settings, "source_ladder"; empty: a rule's
  std::string_view setting;   // of the threshold: "detectors.evidence.condemned"
  double score = 0;           // the evidence there was, ≥ threshold: both to two decimals
  double threshold = 0;
  int64_t since_ms =
      0;  // since when there had been evidence without a pause; 0: the detector keeps no such time
};

// The counts behind an alert. Values live as long as the alert is handed on: during one Observe.
struct Alert {
  std::string_view rule;  // name of the rule, or its id or title where it has no name
  std::string_view title;
  std::string_view level;              // Sigma level, may be empty
  const Response* response = nullptr;  // null: alert only
  int64_t time_ms = 0;                 // event time of the event that raised it
  int64_t span_ms = 0;                 // 0 for a base rule
  double value = 0;        // the count, distinct count, sum, average or percentile that met the condition
  std::string_view via;    // the correlation these counts are from, where the rule itself only joins others
  bool at_least = false;   // value is a lower bound: the window keeps no more than its threshold needs
  bool estimated = false;  // value is an estimate within kEstimateErrorMax
  std::string_view condition;      // as written: "gte 8"
  std::string_view counted_field;  // of value_* rules; else empty
  int64_t first_ms = 0;            // oldest and newest event counted
  int64_t last_ms = 0;
  // Group-by fields and their values in the triggering event, in the order of the rule.
  std::vector<std::pair<std::string_view, std::string_view>> group;
  DetectorFinding found;
  const LoginEvent* event = nullptr;  // the triggering event; policy takes the target's value from it
};

}  // namespace stockade
