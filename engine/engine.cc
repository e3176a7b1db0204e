#include "engine/engine.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/block_release.h"
#include "engine/decision/ledger.h"
#include "engine/decision/policy.h"
#include "engine/detect/detectors.h"
#include "engine/detect/lanes.h"
#include "engine/status.h"
#include "engine/text.h"
#include "engine/window/watermark.h"

namespace stockade {
namespace {

// Floor, not truncation: one rule for all times.
int64_t ToMs(int64_t time_ns) noexcept {
  const int64_t ms = time_ns / 1'000'000;
  return ms - (time_ns % 1'000'000 < 0 ? 1 : 0);
}

// How one ceiling is shared out. Lanes hold 72 bytes an account, detectors 52 a source, decisions half a kilobyte each, remembered
// repeaters kRepeaterBytes, customers of seven days ActiveCustomers::kCustomerBytes (of 1 GiB, 87,000 exactly); windows get the rest. Above kBasis, with which windows have enough for the shipped rules, who is
// remembered gets more: 256 MiB hold a million accounts and half a million sources.
constexpr size_t kRepeaterBytes = 128;
// Policy's memory of failing addresses, of one size.
constexpr size_t kWitnessBytes = size_t{2} << 20;
struct Shares {
  size_t lanes, ledger, repeaters, customers, active, detectors, windows;
};
Shares ShareOut(size_t memory_bytes, size_t ledger_bytes, bool detectors) noexcept {
  constexpr size_t kDetectorsMax = size_t{192} << 20;
  constexpr size_t kLanesMax = size_t{256} << 20;
  constexpr size_t kLedgerMax = size_t{1} << 30;
  constexpr size_t kBasis = size_t{64} << 20;
  const size_t above = std::max(memory_bytes, kBasis) - kBasis;
  Shares shares;
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

// Speaks against whoever sent it.
bool IsFailure(Outcome outcome) noexcept {
  return outcome == Outcome::kBadPassword || outcome == Outcome::kUnknownAccount ||
         outcome == Outcome::kBadCertificate || outcome == Outcome::kSecondFactorFailed;
}

}  // namespace

struct Engine::State final : CorrelationListener {
  State(const EngineOptions& options, const RuleSet* rule_set, EngineListener* engine_listener,
        std::unique_ptr<Correlator> made, const Shares& shares)
      : rules(rule_set),
        listener(engine_listener),
        scratch(std::in_place, *rule_set),
        correlator(std::move(made)),
        watermark({options.lateness_ms, kJumpMsMax}),
        lanes(shares.lanes, options.hash_key),
        hash_key(options.hash_key),
        ledger(LedgerOptions{options.hash_key, shares.ledger, options.tells_changes ? kChangesMax : 0}),
        policy(options.hash_key, shares.repeaters / kRepeaterBytes,
               shares.customers / ProvenCustomers::kCustomerBytes, options.policy,
               shares.active / ActiveCustomers::kCustomerBytes),
        detectors(options.detectors.has_value()
                      ? std::make_unique<Detectors>(*options.detectors, shares.detectors, options.hash_key)
                      : nullptr),
        gate(&ledger, &lanes, detectors.get()),
        trace([this](const GateStep& step) { listener->OnGateStep(step); }) {
    ledger.SetAllowlist(options.allowlist);
    gate.SetMode(options.mode);
    lets_through = options.lets_through;
    gate.SetCertificates(options.certificates);
    correlator->SetLifted(&ledger.lifted());
    TakeRules();
  }

  // Changes are told after each call, so that no call can bring more than there may be decisions.
  static constexpr size_t kChangesMax = SIZE_MAX;
  // A ledger that is full is full for long: an alarm an hour says it.
  static constexpr int64_t kFullAlarmEveryMs = 3'600'000;

  uint64_t AdmitTime(int64_t time_ms);
  void TellChanges();
  Circumstances Now() const;
  void Resolve(HeldFate fate);
  Verdict Assess(const Attempt& attempt, bool is_witnessed) noexcept;
  // Takes an outcome when its time is believed: now, or once the next event has confirmed it.
  void Settle(const LoginEvent& event, const Verdict& verdict) noexcept;
  void Take(const LoginEvent& event, const Verdict& verdict);
  struct Prepared;
  void Prepare(const LoginEvent& event, Prepared* into,
               Correlator::Charge charge = Correlator::Charge::kAll) noexcept;
  // Where an attempt was prepared; kPrefetchedMax: nowhere.
  size_t FindPrepared(const Attempt& attempt) noexcept;
  // What is read off the rules once, and not for every event or decision.
  void TakeRules();
  void RaiseBaseAlerts(const LoginEvent& event, std::span<const uint16_t> matched, int64_t time_ms);
  // What detectors found that people must know, and what is decided about it.
  void TakeNews();
  // An owner got in from behind a block.
  void NoteBehindBlock(const Attempt& attempt);
  void OnAlert(const Alert& alert) override;
  // Hands a decision to the ledger, and what follows from that.
  Proposal Enter(const Decision& decision, std::string_view by, std::string_view why,
                 const std::optional<Alarm>& alarm);
  void Raise(const Alarm& alarm);
  // Says that the ledger is full, where it is; seldom, for it says it of many.
  void WarnOfFullLedger(int64_t time_ms);
  void OnWindow(const WindowReading& reading) override { listener->OnWindow(reading); }

  const RuleSet* rules;
  EngineListener* listener;
  std::optional<MatchScratch> scratch;  // made anew for each rule set
  std::unique_ptr<Correlator> correlator;
  Watermark watermark;
  Lanes lanes;
  const HashKey hash_key;
  int64_t familiar_ms = 0;  // as of when the snapshot was that was loaded
  Ledger ledger;
  BlockRelease release;
  Policy policy;
  std::unique_ptr<Detectors> detectors;  // null: none
  Gate gate;
  Gate::Trace trace;
  bool tracing = false;
  bool lets_through = false;
  std::vector<Change> changes;    // while they are told; reused
  bool stranger_inside = false;   // while the success of a stranger is taken
  bool charging_sources = false;  // while an attempt is taken that was denied for its certificate
  int64_t observed_ms =
      INT64_MIN;           // the newest time of an event whose outcome was taken; goes back in a rollback
  uint64_t displaced = 0;  // by the ledger for want of memory, of which there was a warning
  int64_t displaced_said_ms = INT64_MIN;
  EngineCounters counters;
  uint64_t scan_failures_before = 0;  // with rule sets that were swapped since

  // What an event means to rules, windows and ledger, worked out before its turn.
  struct Prepared {
    Prepared() { matched.reserve(64); }
    int64_t time_ns = 0;
    std::vector<uint16_t> matched;
    Correlator::Feeds feeds;
    Hash128 fingerprint;
    bool has_fingerprint = false;
  };
  std::array<Prepared, Engine::kPrefetchedMax> prepared;
  // Whose each is, null where it is spent. Apart from them, because every call searches here.
  std::array<const LoginEvent*, Engine::kPrefetchedMax> prepared_for{};
  size_t prepared_next = 0;
  size_t prepared_due = 0;  // where the search begins: events come in the order of their hints
  Prepared unprepared;      // for events that nobody hinted at
  absl::flat_hash_map<absl::string_view, const Response*> responses;  // by the name of the rule
  std::vector<uint8_t> raising;  // by base rule: whether a match is an alert by itself

  // The one event whose time nobody has confirmed yet, and whether its outcome is in already.
  uint64_t held_ticket = kTicketHeldFirst;
  bool holding = false;
  bool held_observed = false;
  OwnedEvent held_event;
  Verdict held_verdict;
  // What became of the last held events, by ticket: for outcomes that come after their time was judged.
  static constexpr size_t kFatesKept = 256;
  std::array<HeldFate, kFatesKept> fates{};
};

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
  const Shares shares = ShareOut(options.memory_bytes, options.ledger_bytes, options.detectors.has_value());
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
  const bool has_fingerprint = at != kPrefetchedMax && prepared[at].has_fingerprint;
  Standing standing;
  Verdict verdict = gate.Assess(attempt, now_ms, tracing ? &trace : nullptr,
                                has_fingerprint ? &prepared[at].fingerprint : nullptr, &standing);
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

Circumstances Engine::State::Now() const {
  const int64_t now_ms = watermark.now_ms().value_or(INT64_MIN);
  return {ledger.allowlist(), gate.mode() == Mode::kObserve, stranger_inside,
          [this, now_ms](const Prefix& rung) { return ledger.BlocksWithin(rung, now_ms); }};
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
    if (proven && event.attempt.has_account()) policy.NoteProven(event.attempt, time_ms);
    if (proven && verdict.behind_block) NoteBehindBlock(event.attempt);
  }
  if (detectors != nullptr && detectors->has_news()) TakeNews();
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
  // A right password inside a campaign shuts every lane but the certified one until a person has looked, or for an hour.
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
  constexpr std::string_view kKinds[] = {"campaign", "takeover", "outage", "solver", "source"};
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
    alert.rule = is_source ? "source_ladder" : "takeover";
    alert.title = news.text;
    alert.level = is_source ? "high" : "critical";
    alert.response = !is_source ? &kTakeover : news.rung.is_single() ? &kBlockAddress : &kBlockNetwork;
    alert.time_ms = news.time_ms;
    alert.first_ms = alert.last_ms = ToMs(event.attempt.time_ns);
    alert.value = 1;
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

void Engine::State::Prepare(const LoginEvent& event, Prepared* into, Correlator::Charge charge) noexcept {
  const std::span<const uint16_t> matched = rules->Match(event, &*scratch);
  into->time_ns = event.attempt.time_ns;
  into->matched.assign(matched.begin(), matched.end());
  correlator->Prepare(event, into->matched, &into->feeds, charge);
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

void Engine::Prefetch(const LoginEvent& event) noexcept {
  State& state = *state_;
  state.ledger.Prefetch(event.attempt);
  // The first half of the hint for this event, the second for the one a few before it, whose index lines are
  // there now.
  constexpr size_t kBehind = 3;
  const size_t at = state.prepared_next % kPrefetchedMax;
  const size_t earlier = (state.prepared_next + kPrefetchedMax - kBehind) % kPrefetchedMax;
  ++state.prepared_next;
  // The same storage, read anew: what was worked out for its last tenant is void.
  for (const LoginEvent*& one : state.prepared_for) one = one == &event ? nullptr : one;
  state.prepared_for[at] = &event;
  State::Prepared& fresh = state.prepared[at];
  state.Prepare(event, &fresh);
  const Hash128* const fingerprint = state.correlator->fingerprint_hash();
  fresh.has_fingerprint = fingerprint != nullptr;
  if (fingerprint != nullptr) fresh.fingerprint = *fingerprint;
  state.lanes.Prefetch(event.attempt, state.correlator->account_hash(), fingerprint);
  if (state.prepared_for[earlier] == nullptr) return;
  state.correlator->PrefetchBlocks(&state.prepared[earlier].feeds);
  state.lanes.PrefetchRecord(state.prepared_for[earlier]->attempt);
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
    state_->policy.customers().ClearSources();
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
