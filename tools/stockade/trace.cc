#include "tools/stockade/trace.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/attempt_tracer.h"
#include "tools/stockade/counted_attempts.h"
#include "tools/stockade/interrupt.h"

namespace stockade {
namespace {

// An attempt as an alert knows it, for which lines are not there.
struct SameAttempt {
  int64_t time_ns = 0;
  Address source;
  std::string account;

  static SameAttempt Of(const Attempt& attempt) {
    return {attempt.time_ns, attempt.source, std::string(attempt.account)};
  }
  friend bool operator==(const SameAttempt&, const SameAttempt&) = default;
};

// Which attempt brought a decision about. What a detector finds with an attempt that is stopped, it says during the next one.
struct OrderOrigin {
  AttemptId at;                           // whose outcome was being taken; line 0: nobody's
  std::optional<SameAttempt> found_with;  // of a detector's
  AttemptId newest;                       // that was there
};

// What a pass looks for: the attempts of a line, one attempt, or a decision.
struct Sought {
  uint64_t line = 0;
  std::optional<uint32_t> nth;  // of the line's attempts
  std::optional<SameAttempt> attempt;
  std::string decision_id;
};

// A first pass: up to the attempt, or up to the decision.
class Search final : public EngineListener {
 public:
  Search(Sought sought, ReplaySession* session) : sought_(std::move(sought)), session_(*session) {}

  void OnGateStep(const GateStep& step) override {
    for (const auto& tracer : tracers_) tracer->TakeStep(step);
  }
  void OnRuleMatch(std::string_view rule) override {
    for (const auto& tracer : tracers_) tracer->TakeMatch(rule, turn_);
  }
  void OnWindow(const WindowReading& reading) override {
    for (const auto& tracer : tracers_) tracer->TakeWindow(reading, turn_);
  }
  void OnAlert(const Alert& alert) override {
    found_with_.reset();
    if (!alert.found.detector.empty() && alert.event != nullptr)
      found_with_ = SameAttempt::Of(alert.event->attempt);
  }
  void OnDecision(const Decision& decision) override {
    const OrderOrigin origin{turn_.id(), std::exchange(found_with_, std::nullopt), turn_.current()};
    Attribute(decision, origin);
    if (sought_.decision_id.empty()) {
      if (!passed_) made_by_[decision.id] = origin;
    } else if (!decision_ && decision.id == sought_.decision_id) {
      decision_ = decision;
      origin_ = origin;
    }
  }

  bool OnBatch() const { return !done() && !Interrupted(); }
  void OnUnreadable(const Record& record) {
    if (sought_.line == 0 || record.position != sought_.line) return;
    unreadable_ =
        Concat(session_.inputs().inputs[record.input].name, ":", record.line, ": ", ErrorText(record));
  }
  bool BeforeAssess(const Record& record) {
    turn_.Assess(record.position);
    passed_ |= sought_.line != 0 && record.position > sought_.line;
    if (IsWanted(record)) {
      const AttemptId& id = turn_.current();
      tracers_.push_back(std::make_unique<AttemptTracer>(record, id, &session_));
      attempts_.push_back(SameAttempt::Of(record.event.attempt));
      decisions_.emplace_back();
      of_line_.emplace_back();
      follows_ = true;
    }
    Trace();
    return true;
  }
  void OnVerdict(const Record& record, const Verdict& verdict, bool reaches) {
    turn_.TakeVerdict(verdict);
    for (const auto& tracer : tracers_) tracer->OnVerdict(record, verdict, reaches, turn_);
    const size_t index = IndexOf(turn_.current());
    if (index != kNone) {
      of_line_[index] = {verdict.kind, reaches};
      if (verdict.decision != nullptr) {
        const auto made = made_by_.find(verdict.decision->id);
        decisions_[index] = {*verdict.decision, made != made_by_.end() ? made->second : OrderOrigin()};
      }
    } else {
      follows_ = false;
    }
    Trace();
  }
  void OnOutcome(const Record& record) {
    turn_.Resume(record.position);
    for (const auto& tracer : tracers_) tracer->OnOutcome(record, turn_);
    Trace();
  }
  void AfterRecord(const Record&) {
    turn_.EndObserve();
    for (const auto& tracer : tracers_) tracer->AfterRecord(turn_);
    Trace();
  }
  // After the run: an attempt whose time was held to the end is complete only now.
  void Report(Explanation* explanation, OrderOrigin* origin) {
    for (const auto& tracer : tracers_) tracer->End();
    explanation->unreadable = std::move(unreadable_);
    explanation->line_passed = passed_;
    explanation->of_line = of_line_;
    explanation->decision = std::move(decision_);
    *origin = origin_;
    const size_t chosen = Chosen();
    if (chosen == kNone) return;
    explanation->asked = tracers_[chosen]->Take();
    if (!sought_.decision_id.empty() || !decisions_[chosen].has_value()) return;
    explanation->decision = std::move(decisions_[chosen]->first);
    *origin = decisions_[chosen]->second;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  bool done() const {
    if (!unreadable_.empty()) return true;
    if (!sought_.decision_id.empty()) return decision_.has_value();
    const bool all_done = std::ranges::all_of(tracers_, [](const auto& tracer) { return tracer->done(); });
    return all_done && (sought_.attempt.has_value() ? !tracers_.empty() : passed_);
  }
  bool IsWanted(const Record& record) const {
    if (sought_.attempt.has_value())
      return tracers_.empty() && record.event.attempt.time_ns == sought_.attempt->time_ns &&
             SameAttempt::Of(record.event.attempt) == *sought_.attempt;
    return sought_.line != 0 && record.position == sought_.line;
  }
  size_t IndexOf(const AttemptId& id) const {
    for (size_t i = 0; i < tracers_.size(); ++i)
      if (tracers_[i]->traced().id == id) return i;
    return kNone;
  }
  size_t Chosen() const {
    if (sought_.nth.has_value()) return *sought_.nth < tracers_.size() ? *sought_.nth : kNone;
    for (size_t i = 0; i < tracers_.size(); ++i)
      if (!tracers_[i]->traced().reached) return i;
    return tracers_.empty() ? kNone : tracers_.size() - 1;
  }
  void Attribute(const Decision& decision, const OrderOrigin& origin) {
    for (size_t i = 0; i < tracers_.size(); ++i) {
      AttemptTracer& tracer = *tracers_[i];
      const bool is_its = origin.found_with.has_value() ? follows_ && attempts_[i] == *origin.found_with
                                                        : tracer.IsMine(turn_);
      if (!is_its) continue;
      tracer.TakeDecision(decision);
      break;
    }
  }
  void Trace() {
    session_.engine().SetTracing(
        std::ranges::any_of(tracers_, [](const auto& tracer) { return !tracer->done(); }));
  }

  const Sought sought_;
  ReplaySession& session_;
  Turn turn_;
  // Of the attempts looked for, in order: how they went, who they are, the decision each met, what came of them.
  std::vector<std::unique_ptr<AttemptTracer>> tracers_;
  std::vector<SameAttempt> attempts_;
  std::vector<std::optional<std::pair<Decision, OrderOrigin>>> decisions_;
  std::vector<LineVerdict> of_line_;
  absl::flat_hash_map<std::string, OrderOrigin> made_by_;  // of each decision, before the attempt
  std::optional<SameAttempt> found_with_;                  // what the decision that follows was found with
  std::string unreadable_;
  std::optional<Decision> decision_;
  OrderOrigin origin_;
  bool passed_ = false;  // an attempt of a later line was there
  bool follows_ =
      false;  // no further attempt was judged since: what detectors say now, they found with these
};

// Marks the windows that a decision rests on: that of its rule, and, where the rule correlates other
// correlations, theirs, as far as their conditions held.
void MarkWindows(const RuleSet& rules, std::string_view rule, TracedAttempt* trigger) {
  const size_t base = rules.rules().size();
  std::vector<size_t> open;  // unified indices to look at
  std::vector<bool> seen(base + rules.correlations().size());
  for (size_t i = base; i < seen.size(); ++i) {
    if (rules.header(i).handle() == rule) open.push_back(i);
  }
  while (!open.empty()) {
    const size_t unified = open.back();
    open.pop_back();
    if (unified < base || seen[unified]) continue;
    seen[unified] = true;
    for (TracedWindow& window : trigger->windows) {
      if (window.met && window.rule == rules.header(unified).handle()) window.of_decision = true;
    }
    for (const auto& reference : rules.correlations()[unified - base].references) {
      open.push_back(reference.unified);
    }
  }
}

// A temporal correlation without a condition of its own asks for all of its rules: in words, for it has none
// written.
void NameConditions(const RuleSet& rules, std::optional<TracedAttempt>* traced) {
  if (!traced->has_value()) return;
  for (TracedWindow& window : (*traced)->windows) {
    if (!window.condition.empty()) continue;
    for (const auto& correlation : rules.correlations()) {
      const CorrelationRule& written = *correlation.written;
      if (written.header.handle() != window.rule) continue;
      window.condition = "all of";
      for (const auto& reference : written.rules) {
        Append(&window.condition, window.condition.ends_with(" of") ? " " : ", ", reference.rule);
      }
      if (written.type == CorrelationRule::Type::kTemporalOrdered) window.condition += " in this order";
      Append(&window.condition, " within ", FormatSpanMs(window.span_ms));
      break;
    }
  }
}

}  // namespace

void Contributions::Add(const AttemptId& id, const AttemptNote& note) {
  if (id == newest) return;
  newest = id;
  ++total;
  if (first.size() < kShown) {
    first.push_back(note);
    return;
  }
  if (last.size() == kShown) last.pop_front();
  last.push_back(note);
}

absl::StatusOr<Explanation> Explain(ReplaySession* session, const Question& question) {
  Explanation explanation;
  OrderOrigin origin;
  {
    Sought sought{question.line, std::nullopt, std::nullopt, question.decision_id};
    if (question.attempt > 0) sought.nth = question.attempt - 1;
    Search search(std::move(sought), session);
    RETURN_IF_ERROR(session->Start(&search));
    RETURN_IF_ERROR(DriveReplay(session, &search));
    search.Report(&explanation, &origin);
  }
  if (!explanation.unreadable.empty()) {
    explanation.found = Explanation::Found::kUnreadable;
    return explanation;
  }
  if (!explanation.asked && !explanation.decision) return explanation;
  explanation.found = Explanation::Found::kAttempt;
  NameConditions(*session->rules().rules, &explanation.asked);
  if (explanation.decision && (origin.found_with.has_value() || origin.at.line > 0)) {
    Sought sought{origin.at.line, origin.at.nth, std::nullopt, ""};
    if (origin.found_with.has_value()) sought = Sought{0, std::nullopt, origin.found_with, ""};
    Search search(std::move(sought), session);
    RETURN_IF_ERROR(session->Start(&search));
    RETURN_IF_ERROR(DriveReplay(session, &search));
    Explanation of_trigger;
    OrderOrigin of_its;
    search.Report(&of_trigger, &of_its);
    explanation.trigger = std::move(of_trigger.asked);
    NameConditions(*session->rules().rules, &explanation.trigger);
    if (explanation.trigger) {
      MarkWindows(*session->rules().rules, explanation.decision->rule, &*explanation.trigger);
    }
  }
  CountedAttempts counted(session);
  if (explanation.asked) counted.Want(&*explanation.asked);
  if (explanation.trigger) counted.Want(&*explanation.trigger);
  if (origin.found_with.has_value()) {
    // Found with an attempt that counts itself, or, of a right password inside a campaign, with one that came later.
    const TracedAttempt* const trigger = explanation.trigger ? &*explanation.trigger : nullptr;
    const bool is_last = trigger != nullptr && (!trigger->reached || IsFailure(trigger->attempt.outcome));
    explanation.grounds.emplace();
    counted.Want(*explanation.decision, is_last ? trigger->id : origin.newest, &*explanation.grounds);
  }
  if (!counted.needed()) return explanation;
  RETURN_IF_ERROR(session->Start(&counted));
  RETURN_IF_ERROR(DriveReplay(session, &counted));
  counted.Finish();
  return explanation;
}

}  // namespace stockade
