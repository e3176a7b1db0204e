// From what rules and detectors found to decisions, alarms and what follows from them.
#include <algorithm>
#include <optional>
#include <utility>

#include "engine/engine_state.h"

namespace stockade {

Circumstances Engine::State::Now() const {
  const int64_t now_ms = watermark.now_ms().value_or(INT64_MIN);
  return {ledger.allowlist(), gate.mode() == Mode::kObserve, stranger_inside,
          [this, now_ms](const Prefix& rung) { return ledger.BlocksWithin(rung, now_ms); }};
}

void Engine::State::NoteBehindBlock(const Attempt& attempt) {
  const Decision* const block = ledger.Find(attempt, observed_ms).source;
  if (block == nullptr || block->action != Action::kBlock || IsOrdered(*block)) return;
  if (!release.NoteHome(*block, SipHash128(hash_key, attempt.account).low)) return;
  const Decision released = *block;  // Remove takes it out
  ledger.lifted().SetNow(observed_ms);
  ledger.Remove(released, "release", "customers who are at home on their accounts come from there");
}

void Engine::State::TakeNews() {
  // A right password inside a campaign shuts every lane but the certified one until a person has looked, or for an hour; whoever is
  // at home is asked who he is.
  static const Response kTakeover{
      .action = Action::kLock, .target = Target::kUserName, .for_ms = 3'600'000, .all_lanes = true};
  // Detectors deny at the gate; firewalls are told by an order.
  static const Response kBlockAddress{.action = Action::kBlock,
                                      .target = Target::kSourceIp,
                                      .for_ms = 15 * 60'000,
                                      .escalate_factor = 4,
                                      .escalate_up_to_ms = int64_t{7} * 24 * 3'600'000};
  static const Response kBlockNetwork{.action = Action::kBlock,
                                      .target = Target::kSourcePrefix,
                                      .for_ms = 15 * 60'000,
                                      .escalate_factor = 4,
                                      .escalate_up_to_ms = int64_t{7} * 24 * 3'600'000};
  constexpr std::string_view kKinds[] = {"campaign", kTakeoverAlarm, "outage", "solver", "source"};
  for (const DetectorNews& news : detectors->TakeNews()) {
    const LoginEvent& event = news.event.event();
    const bool is_source = news.kind == DetectorNews::Kind::kSource;
    if (!is_source) {
      Alarm alarm;
      alarm.time_ms = news.time_ms;
      alarm.kind = std::string(kKinds[static_cast<size_t>(news.kind)]);
      alarm.text = news.text;
      if (news.kind == DetectorNews::Kind::kTakeover)
        alarm.text = Concat(Printed(event.attempt.account), ": ", news.text);
      Raise(alarm);
      if (news.kind != DetectorNews::Kind::kTakeover || !event.attempt.has_account()) continue;
      lanes.Revoke(event.attempt);
    }
    Alert alert;
    alert.rule = is_source ? Name(DetectorId::kSourceLadder) : kTakeoverAlarm;
    alert.title = news.text;
    alert.level = is_source ? "high" : "critical";
    alert.response = !is_source ? &kTakeover : news.rung.is_single() ? &kBlockAddress : &kBlockNetwork;
    alert.time_ms = news.time_ms;
    alert.first_ms = alert.last_ms = ToMs(event.attempt.time_ns);
    alert.value = 1;
    alert.found = news.found;
    for (const auto& [field, value] : news.group) alert.group.emplace_back(field, value);
    alert.event = &event;
    const bool before = std::exchange(stranger_inside, !is_source);
    OnAlert(alert);
    stranger_inside = before;
  }
}

void Engine::State::RaiseBaseAlerts(const LoginEvent& event, std::span<const uint16_t> matched,
                                    int64_t time_ms) {
  for (const uint16_t index : matched) {
    if (!tracing && raising[index] == 0) continue;
    const SigmaRule& rule = rules->rules()[index];
    if (tracing) listener->OnRuleMatch(rule.header.handle());
    if (raising[index] == 0) continue;
    Alert alert;
    alert.rule = rule.header.handle();
    alert.title = rule.header.title;
    alert.level = rule.header.level;
    alert.response = rule.response.has_value() ? &*rule.response : nullptr;
    alert.time_ms = alert.first_ms = alert.last_ms = time_ms;
    alert.value = 1;
    alert.event = &event;
    OnAlert(alert);
  }
}

void Engine::State::OnAlert(const Alert& found) {
  // A late event raises its alert now: decisions follow one another in time and last from now on. The event's own time
  // stays in the evidence.
  Alert alert = found;
  alert.time_ms = std::max(found.time_ms, observed_ms);
  ++counters.alerts;
  listener->OnAlert(alert);
  if (alert.response == nullptr) return;
  if (charging_sources && alert.response->target == Target::kUserName) return;
  std::optional<Alarm> alarm;
  const std::optional<Decision> decision = policy.Decide(alert, Now(), &alarm);
  if (!decision.has_value()) return;
  Enter(*decision, {}, {}, alarm);
}

Proposal Engine::State::Enter(const Decision& decision, std::string_view by, std::string_view why,
                              const std::optional<Alarm>& alarm) {
  ledger.lifted().SetNow(observed_ms);
  const Proposal fate = ledger.Propose(decision, by, why);
  // One that only lasts longer touches nobody new.
  if (fate == Proposal::kAdded) policy.Made(decision);
  if (fate == Proposal::kAdded || fate == Proposal::kExtended) {
    ++counters.decisions;
    listener->OnDecision(decision);
    if (alarm.has_value()) Raise(*alarm);
  }
  WarnOfFullLedger(decision.time_ms);
  return fate;
}

void Engine::State::Raise(const Alarm& alarm) {
  ++counters.alarms;
  listener->OnAlarm(alarm);
}

void Engine::State::WarnOfFullLedger(int64_t time_ms) {
  const uint64_t now = ledger.evicted() + ledger.turned_away();
  if (now == displaced) return;
  if (displaced_said_ms != INT64_MIN && time_ms - displaced_said_ms < kFullAlarmEveryMs) return;
  displaced_said_ms = time_ms;
  Alarm alarm;
  alarm.time_ms = time_ms;
  alarm.kind = "ledger_full";
  alarm.text = Concat("the memory for standing decisions is full: since the last such alarm ",
                      now - displaced, " gave way before their time or never stood; raise store.memory");
  displaced = now;
  Raise(alarm);
}

}  // namespace stockade
