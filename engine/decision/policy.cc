#include "engine/decision/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/decision/easing.h"
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

std::string NameBytes(const Decision& decision) {
  const std::string_view zero("\0", 1);
  return Concat(decision.rule, zero, Name(decision.scope), zero, decision.value);
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
  evidence.detector = std::string(alert.found.detector);
  evidence.setting = std::string(alert.found.setting);
  evidence.score = alert.found.score;
  evidence.threshold = alert.found.threshold;
  evidence.since_ms = alert.found.since_ms;
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

std::string DecisionId(const HashKey& key, const Decision& decision) {
  return ToHex(SipHash128(key, Concat(NameBytes(decision), std::string_view("\0", 1), decision.time_ms)))
      .substr(0, 16);
}

Policy::Policy(const HashKey& key, size_t repeaters_max, size_t customers_max, PolicySettings settings,
               size_t active_max)
    : key_(key),
      settings_(std::move(settings)),
      repeats_(repeaters_max),
      customers_(key, customers_max, active_max),
      harm_(settings_.harm),
      witness_(key) {}

Hash128 Policy::NameHash(const Decision& decision) const {
  return SipHash128(key_, NameBytes(decision));
}

void Policy::Set(PolicySettings settings) {
  settings_ = std::move(settings);
  harm_.Set(settings_.harm);
}

void Policy::ChooseRung(const Circumstances& now, const Address& source, Decision* decision) {
  if (decision->action != Action::kBlock || decision->shadow) return;
  const auto take = [&](const Prefix& rung) {
    decision->prefix = rung;
    decision->value = rung.ToString();
    decision->scope = rung.is_single() ? Scope::kIp : Scope::kRange;
  };
  if (decision->scope == Scope::kRange) {
    const std::optional<Address> only = witness_.Only(decision->prefix, decision->time_ms);
    // A rule may count what is no failure: then who failed alone is not who raised it.
    if (only.has_value() && *only == source) {
      take(Prefix::Around(*only, only->bits()));
      Append(&decision->reason, "; no other address of its network took part");
    }
  }
  const bool is_source = NamesAddresses(decision->scope);
  if (!is_source || !decision->prefix.address.is_v6() || !now.blocks_within) return;
  for (const uint8_t length : kLadderV6) {
    if (length >= decision->prefix.length) continue;
    const Prefix parent = Prefix::Around(decision->prefix.address, length);
    if (now.blocks_within(parent) < kChildrenMin) return;
    Decision wider = *decision;
    wider.prefix = parent;
    // Whoever lives there beside the guilty is a reason to stay with the guilty.
    if (customers_.SharedBy(wider, decision->time_ms) > 0) return;
    take(parent);
    Append(&decision->reason, "; others of ", decision->value, " are blocked already");
  }
}

void Policy::Ease(const Circumstances& now, Decision* decision, std::optional<Alarm>* alarm) {
  if (!Stops(*decision)) return;
  if (now.allowlist.Touches(decision->scope, decision->prefix, decision->value)) {
    TurnIntoChallenge(decision);
    Append(&decision->reason, "; allowlisted: challenged, not stopped");
    return;
  }
  if (decision->scope == Scope::kAccount) return;
  const int64_t now_ms = decision->time_ms;
  const size_t shared = customers_.SharedBy(*decision, now_ms);  // of a wide network many look-ups: once
  if (shared >= settings_.shared_accounts) {
    TurnIntoChallenge(decision);
    Append(&decision->reason, "; shared by customers: challenged, not stopped");
    return;
  }
  const ActiveCustomers::Count touched = customers_.TouchedActive(*decision, shared, now_ms);
  const ActiveCustomers::Count active = customers_.active(now_ms);
  const HarmCap::Breach breach = harm_.Asks(
      decision->rule, {customers_.Touched(*decision, now_ms), customers_.total(now_ms)},
      // After a restart who was there is known from the snapshot, and how many there are not yet.
      {touched.customers, std::max(active.customers, touched.customers), active.estimated}, now_ms);
  if (breach.cap.empty()) return;
  TurnIntoChallenge(decision);
  const std::string_view about = breach.touched.estimated ? "about " : "";
  const std::string why = Concat("would touch ", about, breach.touched.touched, " of the ", about,
                                 breach.touched.customers, " customers of the last ", breach.span,
                                 ", and the cap of one ", breach.cap, " is ", breach.allowed);
  Append(&decision->reason, "; ", why, ": challenged, not stopped");
  if (alarm == nullptr || decision->shadow) return;
  alarm->emplace();
  (*alarm)->time_ms = decision->time_ms;
  (*alarm)->kind = "harm_cap";
  (*alarm)->rule = decision->rule;
  (*alarm)->text = Concat(decision->rule, " on ", Name(decision->scope), " ", decision->value, " ", why,
                          "; it is challenged. If this is an attack, look at who gets in from there");
}

std::optional<Decision> Policy::Decide(const Alert& alert, const Circumstances& now,
                                       std::optional<Alarm>* alarm) {
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
  decision.value = std::move(target->value);
  decision.rule = std::string(alert.rule);
  decision.shadow = now.observing || response.shadow || settings_.in_shadow.contains(decision.rule);
  decision.reason = ReasonOf(alert);
  decision.evidence = EvidenceOf(alert);

  const bool is_account = decision.scope == Scope::kAccount;
  if (is_account && decision.action == Action::kBlock) decision.action = Action::kLock;
  if (!is_account && decision.action == Action::kLock) decision.action = Action::kChallenge;
  decision.all_lanes = decision.action == Action::kLock && response.all_lanes && now.stranger_inside;
  ChooseRung(now, alert.event->attempt.source, &decision);
  Ease(now, &decision, alarm);

  const Hash128 name_hash = NameHash(decision);
  if (Escalates(response)) decision.repeat = repeats_.Repeats(name_hash, alert.time_ms);
  decision.until_ms = alert.time_ms + DurationMs(response, decision.repeat);
  if (Escalates(response))
    repeats_.Remember(name_hash, decision.repeat, decision.until_ms,
                      decision.until_ms + std::min(response.escalate_up_to_ms, kDurationMsMax),
                      alert.time_ms);
  if (decision.repeat > 0) Append(&decision.reason, "; repeat ", decision.repeat);

  decision.id = DecisionId(key_, decision);
  if (alarm != nullptr && alarm->has_value()) (*alarm)->decision_id = decision.id;
  return decision;
}

void Policy::Admit(const Circumstances& now, Decision* decision, std::optional<Alarm>* alarm) {
  decision->shadow |= now.observing;
  Ease(now, decision, alarm);
  if (decision->id.empty()) decision->id = DecisionId(key_, *decision);
  if (alarm != nullptr && alarm->has_value()) (*alarm)->decision_id = decision->id;
}

void Policy::Made(const Decision& decision) {
  if (!Stops(decision) || decision.shadow || decision.scope == Scope::kAccount) return;
  harm_.Add(decision.rule, customers_.Touched(decision, decision.time_ms), decision.time_ms);
}

void Policy::Remember(const Decision& decision, const Response& response, int64_t now_ms) {
  if (!Escalates(response)) return;
  repeats_.Remember(NameHash(decision), decision.repeat, decision.until_ms,
                    decision.until_ms + std::min(response.escalate_up_to_ms, kDurationMsMax), now_ms);
}

}  // namespace stockade
