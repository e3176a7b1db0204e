// What is done to an engine while it runs: reloads, orders by hand, snapshots; and what it says of itself.
#include <algorithm>
#include <utility>

#include "engine/engine_state.h"
#include "engine/status.h"

namespace stockade {

void Engine::State::TakeRules() {
  responses.clear();
  const auto take_response = [this](const auto& rule) {
    if (rule.response.has_value()) responses.emplace(ToAbsl(rule.header.handle()), &*rule.response);
  };
  for (const SigmaRule& rule : rules->rules()) take_response(rule);
  for (const CompiledCorrelation& correlation : rules->correlations()) take_response(*correlation.written);
  raising.clear();
  for (size_t i = 0; i < rules->rules().size(); ++i)
    raising.push_back(rules->rules()[i].response.has_value() || rules->alerts_alone(i) ? 1 : 0);
}

void Engine::SetMode(Mode mode) noexcept {
  state_->gate.SetMode(mode);
}

absl::Status Engine::SwapRules(const RuleSet* rules) {
  State& state = *state_;
  RETURN_IF_ERROR(state.correlator->SwapRules(rules));
  state.scan_failures_before += state.scratch->scan_failures();
  state.rules = rules;
  state.scratch.emplace(*rules);
  state.TakeRules();
  state.prepared_for.fill(nullptr);
  if (state.held_observed) {
    LoginEvent held = state.held_event.event();
    held.attempt.extra = {};
    state.held_event.Assign(held);
  }
  return absl::OkStatus();
}

void Engine::SetAllowlist(Allowlist allowlist) {
  state_->ledger.lifted().SetNow(state_->observed_ms);
  state_->ledger.SetAllowlist(std::move(allowlist));
  state_->TellChanges();
}

bool Engine::IsAllowlisted(const Decision& decision) const noexcept {
  return state_->ledger.allowlist().Touches(decision.scope, decision.prefix, decision.value);
}

void Engine::SetPolicy(const PolicySettings& policy) {
  state_->policy.Set(policy);
}

void Engine::SetDetectors(const DetectorSettings& detectors) {
  if (state_->detectors != nullptr) state_->detectors->Set(detectors);
}

void Engine::SetEnforcing(bool enforcing) noexcept {
  state_->gate.SetEnforcing(enforcing);
}

Engine::Proposed Engine::Propose(Decision decision, std::string_view by, std::string_view why) {
  State& state = *state_;
  std::optional<Alarm> alarm;
  state.policy.Admit(state.Now(), &decision, &alarm);
  const Proposal fate = state.Enter(decision, by, why, alarm);
  state.TellChanges();
  return {std::move(decision), fate};
}

bool Engine::Remove(const Decision& decision, std::string_view by, std::string_view why) {
  state_->ledger.lifted().SetNow(state_->observed_ms);
  const bool removed = state_->ledger.Remove(decision, by, why);
  state_->TellChanges();
  return removed;
}

Proposal Engine::Restore(const Decision& decision, int64_t now_ms) {
  State& state = *state_;
  const auto response = state.responses.find(ToAbsl(decision.rule));
  if (response != state.responses.end()) state.policy.Remember(decision, *response->second, now_ms);
  Proposal fate = Proposal::kCovered;
  if (decision.until_ms > now_ms) {
    fate = state.ledger.Propose(decision, "restart", {});
    state.ledger.EaseAllowlisted(decision);
  }
  state.TellChanges();
  return fate;
}

void Engine::SetCertificates(const CertificateVerdicts& certificates) noexcept {
  state_->gate.SetCertificates(certificates);
}

bool Engine::CopyFamiliar(FamiliarWriter* writer) const {
  return writer->Copy(state_->lanes, state_->policy.customers(),
                      std::max(state_->observed_ms, state_->familiar_ms));
}

absl::StatusOr<FamiliarFacts> Engine::LoadFamiliar(
    const std::function<absl::StatusOr<std::string_view>()>& next) {
  STOCKADE_CHECK(state_->counters.observed == 0);
  FamiliarReader reader(state_->hash_key, &state_->lanes, &state_->policy.customers());
  const auto load = [&]() -> absl::StatusOr<FamiliarFacts> {
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, next());
      if (bytes.empty()) return reader.Finish();
      RETURN_IF_ERROR(reader.Read(bytes));
    }
  };
  absl::StatusOr<FamiliarFacts> facts = load();
  if (facts.ok()) {
    state_->familiar_ms = facts->as_of_ms;
  } else {
    state_->lanes.Clear();
    state_->policy.customers().sources().Clear();
  }
  return facts;
}

Engine::FamiliarCounts Engine::familiar() const noexcept {
  return {state_->lanes.accounts(), state_->lanes.evicted()};
}

void Engine::SetTracing(bool on) noexcept {
  state_->tracing = on;
  state_->correlator->SetTracing(on);
}

EngineCounters Engine::counters() const noexcept {
  EngineCounters counters = state_->counters;
  const Watermark::Counters& time = state_->watermark.counters();
  counters.late = time.late;
  counters.too_late = time.too_late;
  counters.wild = time.wild;
  counters.decisions_evicted = state_->ledger.evicted();
  counters.decisions_turned_away = state_->ledger.turned_away();
  counters.scan_failures = state_->scan_failures_before + state_->scratch->scan_failures();
  const KeyedTable::WindowCounters windows = state_->correlator->table().total();
  counters.windows_evicted = windows.evicted;
  counters.undercount_max = windows.worst_undercount;
  counters.memory_bytes = state_->correlator->table().bytes() + state_->lanes.bytes() +
                          state_->ledger.bytes() +
                          (state_->detectors != nullptr ? state_->detectors->bytes() : 0);
  return counters;
}

std::vector<Decision> Engine::StandingDecisions() const {
  std::vector<Decision> standing;
  for (const Decision* decision : state_->ledger.Standing(state_->watermark.now_ms().value_or(0))) {
    standing.push_back(*decision);
  }
  return standing;
}

}  // namespace stockade
