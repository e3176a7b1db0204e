#include "engine/decision/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/decision/target.h"
#include "engine/text.h"

namespace stockade {
namespace {

bool Escalates(const Response& response) noexcept {
  return response.escalate_up_to_ms > 0 && response.escalate_factor > 1;
}

// Counts without a fraction, the rest with at most two digits of it.
std::string FormatValue(double value) {
  if (value == std::trunc(value) && std::abs(value) < 9e15) return Concat(static_cast<int64_t>(value));
  std::array<char, 32> text;
  const double rounded = std::abs(value) < 1e12 ? std::round(value * 100) / 100 : value;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rounded).ptr;
  return std::string(text.data(), end);
}

std::string NameBytes(const Alert& alert, const TargetValue& target) {
  const std::string_view zero("\0", 1);
  return Concat(alert.rule, zero, Name(target.scope), zero, target.value);
}

Evidence EvidenceOf(const Alert& alert) {
  Evidence evidence;
  evidence.title = std::string(alert.title);
  evidence.via = std::string(alert.via);
  evidence.value = alert.value;
  evidence.at_least = alert.at_least;
  evidence.estimated = alert.estimated;
  evidence.condition = std::string(alert.condition);
  evidence.counted_field = std::string(alert.counted_field);
  evidence.span_ms = alert.span_ms;
  evidence.first_ms = alert.first_ms;
  evidence.last_ms = alert.last_ms;
  evidence.group.reserve(alert.group.size());
  for (const auto& [field, value] : alert.group)
    evidence.group.emplace_back(std::string(field), Printed(value));
  return evidence;
}

}  // namespace

std::string ReasonOf(const Alert& alert) {
  std::string reason = Printed(alert.title.empty() ? alert.rule : alert.title);
  if (alert.span_ms <= 0) return reason;
  Append(&reason, ": ", alert.at_least ? "at least " : "", alert.estimated ? "about " : "",
         FormatValue(alert.value));
  if (alert.counted_field.empty()) {
    Append(&reason, alert.value == 1 ? " event" : " events");
  } else {
    Append(&reason, " of ", alert.counted_field);
  }
  Append(&reason, " within ", FormatSpanMs(alert.span_ms));
  if (!alert.condition.empty())
    Append(&reason, " (", alert.condition, alert.via.empty() ? "" : " of ", alert.via, ")");
  return reason;
}

int64_t DurationMs(const Response& response, int repeats) noexcept {
  const int64_t first_ms = std::clamp<int64_t>(response.for_ms, 0, Policy::kDurationMsMax);
  if (!Escalates(response)) return first_ms;
  const auto most =
      static_cast<double>(std::clamp(response.escalate_up_to_ms, first_ms, Policy::kDurationMsMax));
  auto duration = static_cast<double>(first_ms);
  for (int i = 0; i < repeats && duration > 0 && duration < most; ++i) duration *= response.escalate_factor;
  return static_cast<int64_t>(std::min(duration, most));
}

std::optional<Decision> Policy::Decide(const Alert& alert, const Allowlist& allowlist, bool shadow) {
  if (alert.response == nullptr || alert.event == nullptr) return std::nullopt;
  const Response& response = *alert.response;
  std::optional<TargetValue> target = TargetOf(alert.event->attempt, response.target, key_);
  if (!target) return std::nullopt;

  Decision decision;
  decision.time_ms = alert.time_ms;
  decision.action = response.action;
  decision.challenge_kind = response.challenge_kind;
  decision.scope = target->scope;
  decision.prefix = target->prefix;
  decision.shadow = shadow;
  decision.rule = std::string(alert.rule);
  decision.reason = ReasonOf(alert);
  decision.evidence = EvidenceOf(alert);

  const bool is_account = target->scope == Scope::kAccount;
  if (is_account && decision.action == Action::kBlock) decision.action = Action::kLock;
  if (!is_account && decision.action == Action::kLock) decision.action = Action::kChallenge;
  const bool stops = decision.action == Action::kBlock || decision.action == Action::kLock;
  if (stops && allowlist.Touches(target->scope, target->prefix, target->value)) {
    decision.action = Action::kChallenge;
    decision.challenge_kind = ChallengeKind::kHuman;
    Append(&decision.reason, "; allowlisted: challenged, not stopped");
  }
  decision.all_lanes = decision.action == Action::kLock && response.all_lanes;

  const std::string name = NameBytes(alert, *target);
  const Hash128 name_hash = SipHash128(key_, name);
  if (Escalates(response)) decision.repeat = repeats_.Repeats(name_hash, alert.time_ms);
  decision.until_ms = alert.time_ms + DurationMs(response, decision.repeat);
  if (Escalates(response))
    repeats_.Remember(name_hash, decision.repeat, decision.until_ms,
                      decision.until_ms + std::min(response.escalate_up_to_ms, kDurationMsMax),
                      alert.time_ms);
  if (decision.repeat > 0) Append(&decision.reason, "; repeat ", decision.repeat);

  decision.id = ToHex(SipHash128(key_, Concat(name, std::string_view("\0", 1), alert.time_ms))).substr(0, 16);
  decision.value = std::move(target->value);
  return decision;
}

}  // namespace stockade
