#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "engine/engine_state.h"
#include "engine/status.h"

namespace stockade {
namespace {

// Between the two ways of saying that there may be none.
std::optional<Hash128> ValueAt(const Hash128* hash) noexcept {
  return hash == nullptr ? std::nullopt : std::optional(*hash);
}
const Hash128* PointerTo(const std::optional<Hash128>& hash) noexcept {
  return hash.has_value() ? &*hash : nullptr;
}

// How one ceiling is shared out. Lanes hold 72 bytes an account, detectors 52 a source, decisions half a kilobyte each, remembered
// repeaters kRepeaterBytes, customers of seven days ActiveCustomers::kCustomerBytes (of 1 GiB, 58,000 exactly); windows get the
// rest. Above kBasis, with which windows have enough for the shipped rules, who is remembered gets more: 256 MiB hold a million
// accounts and half a million sources.
MemoryShares ShareOut(size_t memory_bytes, size_t ledger_bytes, bool detectors) noexcept {
  constexpr size_t kDetectorsMax = size_t{192} << 20;
  constexpr size_t kLanesMax = size_t{256} << 20;
  constexpr size_t kLedgerMax = size_t{1} << 30;
  constexpr size_t kBasis = size_t{64} << 20;
  constexpr size_t kWitnessBytes = size_t{2} << 20;  // policy's memory of failing addresses, of one size
  const size_t above = std::max(memory_bytes, kBasis) - kBasis;
  MemoryShares shares;
  shares.lanes = std::clamp(memory_bytes / 4 + above / 12, Lanes::kBytesMin, kLanesMax);
  shares.ledger = ledger_bytes != 0 ? ledger_bytes : std::min(memory_bytes / 8, kLedgerMax);
  shares.repeaters = std::min(memory_bytes / 32, Policy::kRepeatersMax * kRepeaterBytes);
  shares.customers = std::min(memory_bytes / 64, Policy::kCustomersMax * ProvenCustomers::kCustomerBytes);
  shares.active = std::min(memory_bytes / 64, ProvenCustomers::kActiveMax * ActiveCustomers::kCustomerBytes);
  shares.detectors =
      detectors ? std::clamp(memory_bytes / 6 + above / 8, Detectors::kBytesMin, kDetectorsMax) : 0;
  shares.windows = memory_bytes - shares.lanes - shares.ledger - shares.repeaters - shares.customers -
                   shares.active - shares.detectors - kWitnessBytes;
  return shares;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options, const RuleSet* rules,
                                                       EngineListener* listener) {
  if (options.memory_bytes < kMemoryBytesMin) {
    return absl::InvalidArgumentError(Concat("memory: ", options.memory_bytes,
                                             " bytes are too few; at least ", kMemoryBytesMin >> 20, "MiB"));
  }
  if (options.lateness_ms < 0 || options.lateness_ms > kLatenessMsMax) {
    return absl::InvalidArgumentError(Concat("lateness: ", FormatSpanMs(options.lateness_ms),
                                             " is not within 0 to ", FormatSpanMs(kLatenessMsMax)));
  }
  // Windows get what is left.
  if (options.ledger_bytes > options.memory_bytes / 4) {
    return absl::InvalidArgumentError(Concat("store.memory: ", options.ledger_bytes >> 20,
                                             "MiB are more than a quarter of memory, ",
                                             options.memory_bytes >> 20, "MiB; raise memory"));
  }
  static EngineListener nobody;
  const MemoryShares shares =
      ShareOut(options.memory_bytes, options.ledger_bytes, options.detectors.has_value());
  ASSIGN_OR_RETURN(auto correlator,
                   Correlator::Create(rules, {{shares.windows, options.lateness_ms}, options.hash_key}));
  return std::unique_ptr<Engine>(new Engine(std::make_unique<State>(
      options, rules, listener != nullptr ? listener : &nobody, std::move(correlator), shares)));
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

// Moves the engine's time to this event, settles the event that was held for want of confirmation, and says
// how this one's outcome is to be taken.
uint64_t Engine::State::AdmitTime(int64_t time_ms) {
  const Admission admission = watermark.Admit(time_ms);
  Resolve(admission.held);
  const int64_t now_ms = watermark.now_ms().value_or(time_ms);
  if (admission.rolled_back) {
    correlator->SetNow(now_ms);
    policy.customers().SetNow(now_ms);
    observed_ms = now_ms;
  }
  // Decisions are thrown out only once they are over by a time that can no longer turn out to have been wrong: two wild
  // clocks in a row must not let everybody go. Until then Find, which goes by now, passes them over.
  if (const std::optional<int64_t> settled_ms = watermark.settled_ms(); settled_ms.has_value()) {
    ledger.Advance(*settled_ms);
  }
  switch (admission.arrival) {
    case Arrival::kOnTime:
    case Arrival::kLate:
      return kTicketInTime;
    case Arrival::kTooLate:
      return kTicketTooLate;
    case Arrival::kHeld:
      break;
  }
  holding = true;
  held_observed = false;
  return held_ticket;
}

void Engine::State::Resolve(HeldFate fate) {
  if (fate == HeldFate::kNone || !holding) return;
  fates[held_ticket % kFatesKept] = fate;
  holding = false;
  ++held_ticket;
  if (held_observed && fate == HeldFate::kConfirmed) Take(held_event.event(), held_verdict);
}

Verdict Engine::State::Assess(const Attempt& attempt, bool is_witnessed) noexcept {
  // What was found about an attempt that was stopped: not then, for its verdict pointed into the ledger.
  if (detectors != nullptr && detectors->has_news()) TakeNews();
  const int64_t time_ms = ToMs(attempt.time_ns);
  const uint64_t ticket = AdmitTime(time_ms);
  // A late attempt meets the decisions of now, not of then; one whose time is not confirmed yet is given its
  // own time, for a night may have passed and with it the decision's expiry.
  const int64_t now_ms = std::max(time_ms, watermark.now_ms().value_or(time_ms));
  const size_t at = FindPrepared(attempt);
  Standing standing;
  Verdict verdict =
      gate.Assess(attempt, now_ms, tracing ? &trace : nullptr,
                  at == kPrefetchedMax ? nullptr : PointerTo(prepared[at].fingerprint), &standing);
  verdict.time_ticket = ticket;
  verdict.witnessed = is_witnessed;
  // Of a time that nobody confirmed, or that is long over, detectors learn nothing now.
  if (detectors != nullptr && ticket == kTicketInTime && !verdict.for_certificate) {
    const bool goes_on = lets_through || is_witnessed || verdict.kind == VerdictKind::kAllow;
    // Stopped for a mode or for a certificate that nobody could look at: that says nothing of him.
    const bool for_him = goes_on || verdict.decision != nullptr ||
                         std::ranges::find(kDetectorNames, verdict.by) != kDetectorNames.end();
    if (for_him)
      verdict.detector_notes =
          detectors->Judged(attempt, standing, goes_on, verdict.kind == VerdictKind::kChallenge,
                            verdict.decision != nullptr, now_ms);
  }
  ++counters.assessed;
  // After the verdict is made: what it points to may be about to expire, but nothing has been taken out since.
  TellChanges();
  ++counters.verdicts[static_cast<size_t>(verdict.kind)];
  return verdict;
}

Verdict Engine::Assess(const Attempt& attempt) noexcept {
  return state_->Assess(attempt, /*is_witnessed=*/false);
}

Verdict Engine::Witness(const Attempt& attempt) noexcept {
  return state_->Assess(attempt, /*is_witnessed=*/true);
}

void Engine::State::TellChanges() {
  if (!ledger.has_changes()) [[likely]]
    return;
  ledger.DrainChanges(&changes);
  listener->OnChanges(changes);
  changes.clear();
}

void Engine::Observe(const LoginEvent& event, const Verdict& verdict) noexcept {
  if (!verdict.for_certificate || state_->lets_through || verdict.witnessed) {
    ++state_->counters.observed;
    state_->Settle(event, verdict);
    return state_->TellChanges();
  }
  // What became of it is known, and by us: whatever the log says, no password was checked.
  LoginEvent refused = event;
  refused.aftermath = {Outcome::kBadCertificate, {}};
  state_->Settle(refused, verdict);
  state_->TellChanges();
}

void Engine::State::Settle(const LoginEvent& event, const Verdict& verdict) noexcept {
  if (verdict.time_ticket == kTicketTooLate) return;
  if (verdict.time_ticket >= kTicketHeldFirst) {
    if (holding && verdict.time_ticket == held_ticket) {
      held_event.Assign(event);
      held_verdict = Verdict{};
      held_verdict.kind = verdict.kind;
      held_verdict.challenge_kind = verdict.challenge_kind;
      held_verdict.lane = verdict.lane;
      held_verdict.for_certificate = verdict.for_certificate;
      held_verdict.witnessed = verdict.witnessed;
      held_verdict.behind_block = verdict.behind_block;
      held_verdict.detector_notes = verdict.detector_notes;
      held_observed = true;
      return;
    }
    if (fates[verdict.time_ticket % kFatesKept] == HeldFate::kWild) return;
  }
  Take(event, verdict);
}

void Engine::Finish() noexcept {
  state_->Resolve(state_->watermark.Finish());
  if (state_->detectors != nullptr && state_->detectors->has_news()) state_->TakeNews();
  state_->TellChanges();
}

// An outcome whose time is believed: rules, windows, lanes.
void Engine::State::Take(const LoginEvent& event, const Verdict& verdict) {
  const int64_t time_ms = ToMs(event.attempt.time_ns);
  observed_ms = std::max(observed_ms, time_ms);
  // Denied for its certificate: the source pays, the account never does. What was prepared took the event as the log
  // has it.
  charging_sources = verdict.for_certificate && !lets_through && !verdict.witnessed;
  const size_t at = charging_sources ? Engine::kPrefetchedMax : FindPrepared(event.attempt);
  Prepared* meaning = &unprepared;
  if (at == Engine::kPrefetchedMax) {
    Prepare(event, meaning, charging_sources ? Correlator::Charge::kSources : Correlator::Charge::kAll);
  } else {
    meaning = &prepared[at];
    prepared_for[at] = nullptr;
    prepared_due = at + 1;
  }
  const Outcome outcome = event.aftermath.outcome;
  const bool succeeded = outcome == Outcome::kSuccess;
  stranger_inside = succeeded && verdict.lane >= Lane::kHalf;
  if (IsFailure(outcome)) policy.NoteFailure(event.attempt.source, time_ms);
  RaiseBaseAlerts(event, meaning->matched, time_ms);
  correlator->Observe(event, &meaning->feeds, time_ms, this);
  const bool challenged = verdict.kind == VerdictKind::kChallenge;
  const bool asked_identity = challenged && verdict.challenge_kind == ChallengeKind::kIdentity;
  LearnContext context;
  context.identity_passed = asked_identity && event.aftermath.challenge.identity == ChallengeResult::kPassed;
  if (detectors != nullptr) {
    context.pressure = detectors->pressure(observed_ms);
    if (charging_sources) {
      detectors->ObserveBadCertificate(event.attempt, verdict.lane, observed_ms);
    } else {
      const bool human_passed =
          challenged && !asked_identity && event.aftermath.challenge.human == ChallengeResult::kPassed;
      detectors->Observe(event, verdict.lane, verdict.detector_notes, human_passed, context.identity_passed,
                         observed_ms);
    }
    // Not before what was found is: a right password inside a campaign is on probation.
    context.pressure |= detectors->has_news();
  }
  if (context.identity_passed) lanes.NoteIdentityPassed(event.attempt);
  if (succeeded) {
    lanes.Learn(event.attempt, verdict.lane, context);
    const bool proven = verdict.lane <= Lane::kFamiliar || context.identity_passed;
    if (proven && event.attempt.has_account()) {
      policy.NoteProven(event.attempt, time_ms,
                        {PointerTo(meaning->account), PointerTo(meaning->fingerprint), meaning->customer});
    }
    if (proven && verdict.behind_block) NoteBehindBlock(event.attempt);
  }
  if (detectors != nullptr && detectors->has_news()) TakeNews();
}

void Engine::State::Prepare(const LoginEvent& event, Prepared* into, Correlator::Charge charge) noexcept {
  const std::span<const uint16_t> matched = rules->Match(event, &*scratch);
  into->time_ns = event.attempt.time_ns;
  into->matched.assign(matched.begin(), matched.end());
  correlator->Prepare(event, into->matched, &into->feeds, charge);
  into->account = ValueAt(correlator->account_hash());
  into->fingerprint = ValueAt(correlator->fingerprint_hash());
  into->customer = ProvenCustomers::kNobody;
}

size_t Engine::State::FindPrepared(const Attempt& attempt) noexcept {
  for (size_t i = 0; i < Engine::kPrefetchedMax; ++i) {
    const size_t at = (prepared_due + i) % Engine::kPrefetchedMax;
    if (prepared_for[at] == nullptr || &prepared_for[at]->attempt != &attempt) continue;
    if (prepared[at].time_ns != attempt.time_ns) continue;
    prepared_due = at;
    return at;
  }
  return Engine::kPrefetchedMax;
}

void Engine::Prefetch(const LoginEvent& event) noexcept {
  State& state = *state_;
  state.ledger.Prefetch(event.attempt);
  // The first part of the hint for this event, the others for some before it, whose index lines are there now, and then what
  // those name.
  constexpr size_t kBehind = 3;
  constexpr size_t kFarBehind = 6;
  const size_t at = state.prepared_next % kPrefetchedMax;
  const auto before = [&](size_t events) { return (at + kPrefetchedMax - events) % kPrefetchedMax; };
  ++state.prepared_next;
  // The same storage, read anew: what was worked out for its last tenant is void.
  for (const LoginEvent*& one : state.prepared_for) one = one == &event ? nullptr : one;
  state.prepared_for[at] = &event;
  State::Prepared& fresh = state.prepared[at];
  state.Prepare(event, &fresh);
  state.lanes.Prefetch(event.attempt, PointerTo(fresh.account), PointerTo(fresh.fingerprint));
  // Where the outcome is known, as in a replay, so is what it is noted in.
  Policy& policy = state.policy;
  const Outcome outcome = event.aftermath.outcome;
  fresh.may_succeed = outcome == Outcome::kSuccess || outcome == Outcome::kUnknown;
  fresh.source = event.attempt.source;
  if (fresh.account.has_value() && fresh.may_succeed) policy.customers().Prefetch(*fresh.account);
  if (IsFailure(outcome)) policy.PrefetchFailure(event.attempt.source);
  if (const LoginEvent* const earlier = state.prepared_for[before(kBehind)]; earlier != nullptr) {
    State::Prepared& one = state.prepared[before(kBehind)];
    state.correlator->PrefetchBlocks(&one.feeds);
    state.lanes.PrefetchRecord(earlier->attempt);  // by its address alone
    if (one.account.has_value() && one.may_succeed)
      one.customer = policy.customers().PrefetchCustomer(*one.account);
  }
  if (state.prepared_for[before(kFarBehind)] != nullptr) {
    State::Prepared& one = state.prepared[before(kFarBehind)];
    state.correlator->PrefetchWindows(&one.feeds);
    if (one.customer != ProvenCustomers::kNobody)
      policy.customers().PrefetchPlaces(one.customer, one.source, ToMs(one.time_ns));
  }
}

}  // namespace stockade
