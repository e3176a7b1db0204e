#include "adapters/gateway/engine_desk.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "adapters/gateway/gate_record.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// How many spare entries keep their memory: those of a busy second.
constexpr size_t kSpareMax = 4096;

// Measures; decides nothing.
class Stopwatch {
 public:
  int64_t ns() const noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

absl::StatusOr<std::unique_ptr<EngineDesk>> EngineDesk::Create(DeskOptions options,
                                                               std::shared_ptr<const RuleSet> rules,
                                                               DeskListener* listener) {
  static DeskListener nobody;
  if (listener == nullptr) listener = &nobody;
  const EngineOptions engine_options = options.engine;
  const RuleSet* const rule_set = rules.get();
  std::unique_ptr<EngineDesk> desk(new EngineDesk(std::move(options), std::move(rules), listener));
  ASSIGN_OR_RETURN(desk->engine_, Engine::Create(engine_options, rule_set, listener));
  const int64_t now_ns = desk->Now();
  desk->Record([&](std::string* out) { AppendBeginLine(now_ns, out); });
  desk->Record([&](std::string* out) { AppendModeLine(now_ns, desk->mode_, out); });
  return desk;
}

EngineDesk::EngineDesk(DeskOptions options, std::shared_ptr<const RuleSet> rules, DeskListener* listener)
    : clock_(std::move(options.clock)),
      lateness_ns_(options.engine.lateness_ms * 1'000'000),
      hash_key_(options.engine.hash_key),
      record_(options.record),
      listener_(listener),
      rules_(std::move(rules)),
      fields_(std::move(options.fields)),
      mode_(options.engine.mode),
      remember_ns_(absl::ToInt64Nanoseconds(options.remember)) {}

template <typename AppendLine>
void EngineDesk::Record(const AppendLine& append) {
  ++line_;
  if (!record_) return;
  text_.clear();
  append(&text_);
  listener_->OnRecordLine(text_);
}

int64_t EngineDesk::Now() {
  const int64_t now_ns = clock_();
  const bool small_step_back = now_ns < now_ns_ && now_ns_ - now_ns <= lateness_ns_;
  if (!small_step_back) now_ns_ = now_ns;
  return now_ns_;
}

void EngineDesk::Release(WaitingList::iterator waiting) {
  by_ticket_.erase(waiting->ticket);
  if (spare_.size() < kSpareMax) {
    spare_.splice(spare_.end(), waiting_, waiting);
  } else {
    waiting_.erase(waiting);
  }
}

void EngineDesk::Tell(WaitingList::iterator waiting, Outcome outcome, int64_t now_ns) {
  LoginEvent event = waiting->event.event();
  event.aftermath.outcome = outcome;
  Record([&](std::string* out) { AppendOutcomeLine(waiting->ticket, now_ns, outcome, out); });
  const Stopwatch watch;
  engine_->Observe(event, waiting->verdict);
  figures_.observe.Add(watch.ns());
  Release(waiting);
}

void EngineDesk::GiveUpFirst(int64_t now_ns) {
  ++figures_.given_up;
  Tell(waiting_.begin(), Outcome::kUnknown, now_ns);
}

void EngineDesk::GiveUpOld(int64_t now_ns) {
  const int64_t ticket_ns = absl::ToInt64Nanoseconds(kTicketTime);
  while (!waiting_.empty() && now_ns - waiting_.front().asked_ns >= ticket_ns) GiveUpFirst(now_ns);
}

void EngineDesk::KnowChallenge(const Attempt& attempt, const Verdict& verdict, ChallengeResults* results) {
  if (verdict.kind != VerdictKind::kChallenge) return;
  const ChallengeMemory::Passer who{attempt.account, attempt.source, attempt.device};
  if (!challenges_.Take(verdict.challenge_kind, who, attempt.time_ns)) return;
  ++figures_.challenges_used;
  (verdict.challenge_kind == ChallengeKind::kHuman ? results->human : results->identity) =
      ChallengeResult::kPassed;
}

CanAsk EngineDesk::WhatCanBeAsked(const Attempt& attempt) const {
  const CanAsk by_way = attempt.can_ask;
  if (by_way == CanAsk::kUnsaid || by_way == CanAsk::kBoth || challenges_.size() == 0) return by_way;
  const ChallengeMemory::Passer who{attempt.account, attempt.source, attempt.device};
  return CanAskFor(AsksHuman(by_way) || challenges_.Knows(ChallengeKind::kHuman, who, attempt.time_ns),
                   AsksIdentity(by_way) || challenges_.Knows(ChallengeKind::kIdentity, who, attempt.time_ns));
}

void EngineDesk::Count(const Verdict& verdict) {
  const auto kind = static_cast<size_t>(verdict.kind);
  const auto found = verdicts_by_.find(ToAbsl(verdict.by));
  if (found != verdicts_by_.end()) {
    ++found->second[kind];
  } else {
    ++verdicts_by_[std::string(verdict.by)][kind];
  }
}

GateAnswer EngineDesk::Assess(const Attempt& attempt) {
  AttemptStorage storage;
  LoginEvent event;
  event.attempt = CleanAttempt(attempt, &storage);
  GateAnswer answer;
  const std::lock_guard lock(mutex_);
  if (finished_) {
    answer.kind = VerdictKind::kDeny;
    answer.in_trouble = true;
    return answer;
  }
  const int64_t now_ns = Now();
  GiveUpOld(now_ns);
  if (waiting_.size() == kTicketsMax) GiveUpFirst(now_ns);
  event.attempt.time_ns = now_ns;
  event.attempt.can_ask = WhatCanBeAsked(event.attempt);

  const Stopwatch watch;
  Verdict verdict = engine_->Assess(event.attempt);
  figures_.assess.Add(watch.ns());
  // What was known of a challenge before counts like one that was shown now and passed: afterwards, and only then.
  KnowChallenge(event.attempt, verdict, &event.aftermath.challenge);
  answer.kind = verdict.kind;
  answer.challenge_kind = verdict.challenge_kind;
  answer.reaches = ReachesPasswordCheck(verdict, event.aftermath.challenge);
  answer.by = std::string(verdict.by);
  answer.certificate = attempt.certificate;
  answer.reason = std::string(verdict.reason);
  answer.ticket = answer.reaches ? ++last_ticket_ : 0;
  event.aftermath.outcome = answer.reaches ? Outcome::kUnknown : Outcome::kStopped;
  Count(verdict);
  Record([&](std::string* out) { AppendAttemptLine(answer.ticket, event, out); });
  listener_->OnVerdict(line_, event.attempt, verdict);
  if (!answer.reaches) {
    if (verdict.for_certificate) engine_->Observe(event, verdict);
    return answer;
  }

  if (spare_.empty()) spare_.emplace_back();
  waiting_.splice(waiting_.end(), spare_, spare_.begin());
  Waiting& waiting = waiting_.back();
  waiting.ticket = answer.ticket;
  waiting.asked_ns = now_ns;
  waiting.event.Assign(event);
  // The engine's views end with its next call.
  verdict.by = verdict.reason = {};
  verdict.decision = nullptr;
  waiting.verdict = verdict;
  by_ticket_.emplace(answer.ticket, std::prev(waiting_.end()));
  return answer;
}

void EngineDesk::Observe(uint64_t ticket, Outcome outcome) {
  if (ticket == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_ticket_.find(ticket);
  if (found == by_ticket_.end()) {
    ++figures_.unmatched;
    return;
  }
  ++figures_.outcomes[static_cast<size_t>(outcome)];
  Tell(found->second, outcome, Now());
}

void EngineDesk::Abandon(uint64_t ticket) {
  if (ticket == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_ticket_.find(ticket);
  if (found == by_ticket_.end()) {
    ++figures_.unmatched;
    return;
  }
  ++figures_.abandoned;
  const int64_t now_ns = Now();
  Record([&](std::string* out) { AppendAbandonLine(ticket, now_ns, out); });
  Release(found->second);
}

void EngineDesk::NoteChallengePassed(ChallengeKind kind, std::string_view account, const Address& source,
                                     std::string_view device) {
  // Cleaned as the attempt will be that uses it.
  std::string account_storage;
  std::string device_storage;
  const ChallengeMemory::Passer who{CleanText(account, &account_storage), source,
                                    CleanText(device, &device_storage)};
  const std::lock_guard lock(mutex_);
  if (!finished_) challenges_.Note(kind, who, Now() + remember_ns_);
}

void EngineDesk::Witness(const LoginEvent& seen, const FieldTable* fields) {
  AttemptStorage storage;
  std::deque<std::string> extra_texts;
  LoginEvent event = seen;
  event.attempt = CleanAttempt(seen.attempt, &storage);
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  // Nobody's clock moves everybody's: two events from the future would confirm each other, and all others were too late.
  if (const int64_t now_ns = Now(); event.attempt.time_ns > now_ns + lateness_ns_) {
    event.attempt.time_ns = now_ns;
    ++figures_.clock_ahead;
  }
  if (fields != nullptr && fields == fields_.get() && !seen.attempt.extra.empty()) {
    extra_.clear();
    CleanExtra(seen.attempt.extra, *fields, &extra_, &extra_texts);
    event.attempt.extra = extra_;
  }
  const Stopwatch assess_watch;
  const Verdict verdict = engine_->Witness(event.attempt);
  figures_.assess.Add(assess_watch.ns());
  ++figures_.witnessed;
  ++figures_.outcomes[static_cast<size_t>(event.aftermath.outcome)];
  Count(verdict);
  Record([&](std::string* out) { AppendSeenLine(event, fields_.get(), out); });
  listener_->OnVerdict(line_, event.attempt, verdict);
  const Stopwatch observe_watch;
  engine_->Observe(event, verdict);
  figures_.observe.Add(observe_watch.ns());
}

void EngineDesk::SetMode(Mode mode) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  const int64_t now_ns = Now();
  engine_->SetMode(mode);
  mode_ = mode;
  Record([&](std::string* out) { AppendModeLine(now_ns, mode, out); });
}

Mode EngineDesk::mode() const {
  const std::lock_guard lock(mutex_);
  return mode_;
}

absl::Status EngineDesk::Reload(Changes changes) {
  const std::lock_guard lock(mutex_);
  if (finished_) return absl::FailedPreconditionError("the gate has stopped");
  const int64_t now_ns = Now();
  RETURN_IF_ERROR(engine_->SwapRules(changes.rules.get()));
  rules_.swap(changes.rules);  // the old ones go when this returns, when nobody looks at them any more
  fields_ = std::move(changes.fields);
  engine_->SetAllowlist(std::move(changes.allowlist));
  engine_->SetCertificates(changes.certificates);
  engine_->SetPolicy(changes.policy);
  if (changes.detectors.has_value()) engine_->SetDetectors(*changes.detectors);
  remember_ns_ = absl::ToInt64Nanoseconds(changes.remember);
  Record([&](std::string* out) { AppendReloadLine(now_ns, out); });
  return absl::OkStatus();
}

std::vector<Engine::Proposed> EngineDesk::Order(std::vector<Decision> decisions, std::string_view by,
                                                std::string_view why) {
  std::vector<Engine::Proposed> proposed;
  proposed.reserve(decisions.size());
  for (Decision& decision : decisions) {
    // One at a time: a list of a hundred thousand must not stand between a customer and his login.
    const std::lock_guard lock(mutex_);
    if (finished_) break;
    const int64_t now_ns = Now();
    decision.time_ms = now_ns / 1'000'000;
    decision.id = DecisionId(hash_key_, decision);
    Record([&](std::string* out) { AppendDecisionLine("order", now_ns, decision, out); });
    proposed.push_back(engine_->Propose(std::move(decision), by, why));
  }
  return proposed;
}

size_t EngineDesk::Release(std::span<const Decision> decisions, std::string_view by, std::string_view why) {
  size_t released = 0;
  for (const Decision& decision : decisions) {
    const std::lock_guard lock(mutex_);
    if (finished_) break;
    const int64_t now_ns = Now();
    Record([&](std::string* out) { AppendDecisionLine("release", now_ns, decision, out); });
    released += engine_->Remove(decision, by, why) ? 1 : 0;
  }
  return released;
}

std::vector<Decision> EngineDesk::Restore(std::span<const Decision> decisions) {
  const std::lock_guard lock(mutex_);
  const int64_t now_ns = Now();
  const int64_t now_ms = now_ns / 1'000'000;
  std::vector<Decision> left;
  for (const Decision& decision : decisions) {
    Record([&](std::string* out) { AppendDecisionLine("restore", now_ns, decision, out); });
    const Proposal fate = engine_->Restore(decision, now_ms);
    const bool stands = fate == Proposal::kAdded || fate == Proposal::kExtended;
    if (decision.until_ms > now_ms && !stands) left.push_back(decision);
  }
  return left;
}

absl::StatusOr<FamiliarFacts> EngineDesk::LoadFamiliar(
    const std::function<absl::StatusOr<std::string_view>()>& next) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<FamiliarFacts> facts = engine_->LoadFamiliar(next);
  if (facts.ok()) Record([&](std::string* out) { AppendFamiliarLine(Now(), facts->id, out); });
  return facts;
}

bool EngineDesk::CopyFamiliar(FamiliarWriter* writer) const {
  const std::lock_guard lock(mutex_);
  return engine_->CopyFamiliar(writer);
}

void EngineDesk::SetEnforcing(bool enforcing) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  const int64_t now_ns = Now();
  engine_->SetEnforcing(enforcing);
  Record([&](std::string* out) { AppendEnforcingLine(now_ns, enforcing, out); });
}

bool EngineDesk::IsAllowlisted(const Decision& decision) const {
  const std::lock_guard lock(mutex_);
  return engine_->IsAllowlisted(decision);
}

void EngineDesk::Tick() {
  const std::lock_guard lock(mutex_);
  if (!finished_) GiveUpOld(Now());
}

void EngineDesk::Finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  const int64_t now_ns = Now();
  while (!waiting_.empty()) GiveUpFirst(now_ns);
  engine_->Finish();
  finished_ = true;
}

DeskFigures EngineDesk::figures() const {
  const std::lock_guard lock(mutex_);
  DeskFigures figures = figures_;
  figures.engine = engine_->counters();
  figures.familiar = engine_->familiar();
  for (const auto& [by, counts] : verdicts_by_) figures.verdicts_by.emplace(by, counts);
  figures.in_flight = waiting_.size();
  figures.challenges_remembered = challenges_.size();
  figures.challenges_pushed_out = challenges_.pushed_out();
  figures.mode = mode_;
  return figures;
}

std::vector<Decision> EngineDesk::StandingDecisions() const {
  const std::lock_guard lock(mutex_);
  return engine_->StandingDecisions();
}

}  // namespace stockade
