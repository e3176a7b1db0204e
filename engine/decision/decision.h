// The standing order: an action on a scope and value, with an expiry and the evidence it rests on; and its
// text form, the NDJSON that `replay --decisions` writes and every firewall adapter reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/decision/alert.h"
#include "engine/event/address.h"

namespace stockade {

// What kind of name `value` is. The wire spellings are those of Name(Scope).
enum class Scope : uint8_t { kIp, kRange, kAsn, kFingerprint, kAccount };
inline constexpr std::string_view kScopeNames[] = {"ip", "range", "asn", "fingerprint", "account"};
constexpr std::string_view Name(Scope scope) noexcept {
  return kScopeNames[static_cast<size_t>(scope)];
}

constexpr bool NamesAddresses(Scope scope) noexcept {
  return scope == Scope::kIp || scope == Scope::kRange;
}

// Why: enough to explain the decision to the person it hit.
struct Evidence {
  std::string title;
  double value = 0;
  bool at_least = false;
  bool estimated = false;
  std::string condition;      // "gte 8"
  std::string counted_field;  // "user.name" for a value_count over it
  int64_t span_ms = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  std::vector<std::pair<std::string, std::string>> group;  // group-by field → value
  // The correlation the counts are from, where the rule itself only joins others; else empty.
  std::string via = {};
  // Of a detector's decision, as in DetectorFinding: then value is 1, and first and last are of the attempt it was found with.
  std::string detector = {};
  std::string setting = {};
  double score = 0;
  double threshold = 0;
  int64_t since_ms = 0;
};

struct Decision {
  std::string id;       // 16 hex digits; a function of rule, scope, value and time, so that replays agree
  int64_t time_ms = 0;  // event time at which it was made
  Action action = Action::kBlock;
  Scope scope = Scope::kIp;
  std::string value;     // "203.0.113.9", "203.0.113.0/24", "64500", an account, a fingerprint's hash in hex
  Prefix prefix;         // for kIp and kRange: the same as a network
  int64_t until_ms = 0;  // expires at this event time: acts for every now < until
  ChallengeKind challenge_kind = ChallengeKind::kHuman;
  bool all_lanes = false;  // of a lock
  bool shadow = false;     // made while the mode was observe: shown, never carried out
  int repeat = 0;          // how often this rule had decided on this value before, while that was remembered
  std::string rule;
  std::string reason;    // one sentence for a person
  std::string campaign;  // empty: none
  Evidence evidence;
};

// How the name of what others decided begins, in Decision::rule: no rule of ours, and no repeater of ours.
inline constexpr std::string_view kImportedRule = "import:";
// And of what people here ordered.
inline constexpr std::string_view kByHandRule = "by hand";
inline bool IsImported(const Decision& decision) noexcept {
  return decision.rule.starts_with(kImportedRule);
}

inline bool IsOrdered(const Decision& decision) noexcept {
  return decision.rule == kByHandRule || IsImported(decision);
}

// One line of JSON without a newline, keys in the order of the design: time, id, action, scope, value, until,
// rule, reason, evidence, and campaign where there is one; then, where they say something, kind (of a
// challenge), repeat, all_lanes and shadow. Text that is not UTF-8 is written with U+FFFD in place of each
// bad byte. Deterministic: same decision, same bytes.
std::string ToJson(const Decision& decision);

// "2026-11-23T09:00:00.123Z" from milliseconds since 1970, always with three digits of fraction.
std::string FormatTimeMs(int64_t time_ms);
// "15m", "90s", "7d", "1500ms": the largest unit that divides.
std::string FormatSpanMs(int64_t span_ms);
// Appends `text` as a JSON string with quotes, replacing bytes that are not UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace stockade
