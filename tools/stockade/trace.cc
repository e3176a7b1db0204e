#include "tools/stockade/trace.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/interrupt.h"

namespace stockade {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

AttemptNote Note(const Record& record, const ReplaySession& session) {
  const Attempt& attempt = record.event.attempt;
  AttemptNote note;
  note.line = record.position;
  note.input = session.inputs().inputs[record.input].name;
  note.input_line = record.line;
  note.time_ms = attempt.time_ns / kNsPerMs;
  note.source = attempt.source.present() ? attempt.source.ToString() : "-";
  note.account = attempt.has_account() ? std::string(attempt.account) : "-";
  note.user_agent = std::string(attempt.user_agent);
  note.ja4 = std::string(attempt.ja4);
  note.outcome = record.event.aftermath.outcome;
  return note;
}

TracedWindow Own(const WindowReading& reading) {
  TracedWindow window;
  window.rule = std::string(reading.rule);
  window.condition = std::string(reading.condition);
  window.span_ms = reading.span_ms;
  window.value = reading.value;
  window.at_least = reading.at_least;
  window.estimated = reading.estimated;
  window.met = reading.met;
  window.quiet = reading.quiet;
  window.first_ms = reading.first_ms;
  window.last_ms = reading.last_ms;
  window.allowed = reading.allowed;
  window.key = reading.key;
  for (const auto& [field, value] : reading.group) window.group.emplace_back(field, value);
  return window;
}

// Whose outcome the engine is taking. Mostly that of the attempt being observed; but one whose time was held
// back is taken during a later Assess, or at the end (window/watermark.h).
class Turn {
 public:
  void Assess(uint64_t line) {
    current_ = line;
    observing_ = false;
  }
  void TakeVerdict(const Verdict& verdict) {
    observing_ = true;
    if (verdict.time_ticket == kTicketTooLate) return;  // says nothing of the held one
    held_ = verdict.time_ticket >= kTicketHeldFirst ? current_ : 0;
  }
  // The outcome of an attempt that was seen before comes in now.
  void Resume(uint64_t line) {
    current_ = line;
    observing_ = true;
  }
  void EndObserve() { observing_ = false; }

  uint64_t line() const noexcept { return observing_ ? current_ : held_; }
  uint64_t held() const noexcept { return held_; }  // 0: none

 private:
  uint64_t current_ = 0;
  uint64_t held_ = 0;
  bool observing_ = false;
};

// Traces one attempt, from its Assess until its outcome is taken.
class AttemptTracer {
 public:
  // `line` is the attempt's; 0: none.
  AttemptTracer(uint64_t line, ReplaySession* session, const Turn* turn)
      : line_(line), session_(*session), turn_(*turn) {}

  bool on() const noexcept { return on_; }
  bool done() const noexcept { return done_; }

  void BeforeAssess(const Record& record) {
    if (record.position != line_ || done_) return;
    traced_.attempt = Note(record, session_);
    on_ = assessing_ = true;
  }
  void OnVerdict(const Record& record, const Verdict& verdict, bool reaches) {
    if (record.position == line_ && on_) {
      assessing_ = false;
      traced_.verdict = verdict.kind;
      traced_.challenge_kind = verdict.challenge_kind;
      traced_.lane = verdict.lane;
      traced_.by = std::string(verdict.by);
      traced_.reason = std::string(verdict.reason);
      traced_.reached = reaches;
      traced_.charged = verdict.for_certificate;
      traced_.too_late = verdict.time_ticket == kTicketTooLate;
      waits_ = reaches && record.number != 0;
    } else if (on_ && !waits_ && turn_.held() != line_) {
      End();
    }
  }
  void OnOutcome(const Record& record) {
    if (record.position != line_ || !on_) return;
    traced_.attempt.outcome = record.event.aftermath.outcome;
    waits_ = false;
  }
  void AfterRecord(const Record& record) {
    if (record.position == line_ && on_ && turn_.held() != line_) End();
  }
  void End() {
    done_ = done_ || on_;
    on_ = false;
  }

  void TakeStep(const GateStep& step) {
    if (assessing_) traced_.steps.emplace_back(step.step, step.said);
  }
  void TakeMatch(std::string_view rule) {
    if (mine()) traced_.matches.emplace_back(rule);
  }
  void TakeWindow(const WindowReading& reading) {
    if (mine()) traced_.windows.push_back(Own(reading));
  }
  void TakeDecision(const Decision& decision) {
    if (mine()) traced_.decisions.push_back(decision);
  }

  TracedAttempt Take() { return std::move(traced_); }

 private:
  bool mine() const noexcept { return on_ && turn_.line() == line_; }

  const uint64_t line_;
  ReplaySession& session_;
  const Turn& turn_;
  TracedAttempt traced_;
  bool on_ = false;
  bool assessing_ = false;
  bool waits_ = false;  // for its outcome, which a record brings later
  bool done_ = false;
};

// A first pass: up to the line, or up to the decision.
class Search final : public EngineListener {
 public:
  Search(const Question& question, ReplaySession* session)
      : question_(question), session_(*session), tracer_(question.line, session, &turn_) {}

  void OnGateStep(const GateStep& step) override { tracer_.TakeStep(step); }
  void OnRuleMatch(std::string_view rule) override { tracer_.TakeMatch(rule); }
  void OnWindow(const WindowReading& reading) override { tracer_.TakeWindow(reading); }
  void OnDecision(const Decision& decision) override {
    tracer_.TakeDecision(decision);
    if (question_.decision_id.empty()) {
      if (!verdict_given_) made_at_[decision.id] = turn_.line();
    } else if (!decision_ && decision.id == question_.decision_id) {
      decision_ = decision;
      decision_line_ = turn_.line();
    }
  }

  bool OnBatch() const { return !done() && !Interrupted(); }
  void OnUnreadable(const Record& record) {
    if (question_.line == 0 || record.position != question_.line) return;
    unreadable_ =
        Concat(session_.inputs().inputs[record.input].name, ":", record.line, ": ", ErrorText(record));
  }
  bool BeforeAssess(const Record& record) {
    turn_.Assess(record.position);
    tracer_.BeforeAssess(record);
    if (tracer_.on()) session_.engine().SetTracing(true);
    return true;
  }
  void OnVerdict(const Record& record, const Verdict& verdict, bool reaches) {
    turn_.TakeVerdict(verdict);
    const bool was_on = tracer_.on();
    tracer_.OnVerdict(record, verdict, reaches);
    if (was_on && !tracer_.on()) session_.engine().SetTracing(false);
    if (record.position != question_.line) return;
    verdict_given_ = true;
    if (verdict.decision == nullptr) return;
    decision_ = *verdict.decision;
    const auto made = made_at_.find(decision_->id);
    if (made != made_at_.end()) decision_line_ = made->second;
  }
  void OnOutcome(const Record& record) {
    turn_.Resume(record.position);
    tracer_.OnOutcome(record);
  }
  void AfterRecord(const Record& record) {
    turn_.EndObserve();
    const bool was_on = tracer_.on();
    tracer_.AfterRecord(record);
    if (was_on && !tracer_.on()) session_.engine().SetTracing(false);
  }
  // After the run: an attempt whose time was held to the end is complete only now.
  void Report(Explanation* explanation, uint64_t* decision_line) {
    tracer_.End();
    if (tracer_.done()) explanation->asked = tracer_.Take();
    explanation->unreadable = std::move(unreadable_);
    explanation->decision = std::move(decision_);
    *decision_line = decision_line_;
  }

 private:
  bool done() const {
    return tracer_.done() || !unreadable_.empty() ||
           (!question_.decision_id.empty() && decision_.has_value());
  }

  const Question& question_;
  ReplaySession& session_;
  Turn turn_;
  AttemptTracer tracer_;
  absl::flat_hash_map<std::string, uint64_t>
      made_at_;  // decision → line of the attempt that brought it about
  std::string unreadable_;
  std::optional<Decision> decision_;
  uint64_t decision_line_ = 0;  // 0: not known
  bool verdict_given_ = false;
};

// The last pass: who counted in the windows of the attempts that are explained.
class Collection final : public EngineListener {
 public:
  // Fills the windows of both; either may be null.
  Collection(TracedAttempt* asked, TracedAttempt* trigger, ReplaySession* session) : session_(*session) {
    for (TracedAttempt* const attempt : {asked, trigger}) {
      if (attempt == nullptr) continue;
      for (TracedWindow& window : attempt->windows) {
        wanted_.push_back(Wanted{&window, attempt->attempt.line});
        last_line_ = std::max(last_line_, attempt->attempt.line);
        from_ms_ = std::min(from_ms_, window.first_ms);
        to_ms_ = std::max(to_ms_, window.last_ms);
      }
    }
  }

  bool needed() const noexcept { return !wanted_.empty(); }

  void OnWindow(const WindowReading& reading) override {
    const AttemptNote& note = turn_.line() == note_.line ? note_ : held_note_;
    if (note.line != turn_.line() || note.line == 0) return;  // outside all windows that matter
    for (const Wanted& wanted : wanted_) {
      TracedWindow& window = *wanted.window;
      if (window.rule == reading.rule && window.key == reading.key && note.line <= wanted.line &&
          note.time_ms >= window.first_ms && note.time_ms <= window.last_ms) {
        window.events.Add(note);
      }
    }
  }

  bool OnBatch() const { return !done_ && !Interrupted(); }
  void OnUnreadable(const Record&) {}
  bool BeforeAssess(const Record& record) {
    turn_.Assess(record.position);
    Attend(record);
    return true;
  }
  void OnOutcome(const Record& record) {
    turn_.Resume(record.position);
    Attend(record);
  }
  void OnVerdict(const Record& record, const Verdict& verdict, bool) {
    turn_.TakeVerdict(verdict);
    if (turn_.held() == record.position) held_note_ = note_;
  }
  void AfterRecord(const Record& record) {
    turn_.EndObserve();
    if (done_ || record.position < last_line_) return;
    // The last attempt that matters may itself be held; then the next one settles it.
    if (turn_.held() != 0 && turn_.held() <= last_line_) return;
    done_ = true;
    session_.engine().SetTracing(false);
  }

 private:
  void Attend(const Record& record) {
    if (done_) return;
    const int64_t time_ms = record.event.attempt.time_ns / kNsPerMs;
    const bool counts = time_ms >= from_ms_ && time_ms <= to_ms_;
    session_.engine().SetTracing(counts || turn_.held() != 0);
    if (counts) note_ = Note(record, session_);
  }

  struct Wanted {
    TracedWindow* window;
    uint64_t line;  // of the attempt that saw it so: later ones are not in it
  };

  ReplaySession& session_;
  std::vector<Wanted> wanted_;
  Turn turn_;
  AttemptNote note_;       // of the current attempt, where it lies in a window's time
  AttemptNote held_note_;  // of the held one
  uint64_t last_line_ = 0;
  int64_t from_ms_ = INT64_MAX;
  int64_t to_ms_ = INT64_MIN;
  bool done_ = false;
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

void Contributions::Add(const AttemptNote& note) {
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
  uint64_t decision_line = 0;
  {
    Search search(question, session);
    RETURN_IF_ERROR(session->Start(&search));
    RETURN_IF_ERROR(DriveReplay(session, &search));
    search.Report(&explanation, &decision_line);
  }
  if (!explanation.unreadable.empty()) {
    explanation.found = Explanation::Found::kUnreadable;
    return explanation;
  }
  if (!explanation.asked && !explanation.decision) return explanation;
  explanation.found = Explanation::Found::kAttempt;
  NameConditions(*session->rules().rules, &explanation.asked);
  if (explanation.decision && decision_line > 0) {
    const Question made{decision_line, ""};
    Search search(made, session);
    RETURN_IF_ERROR(session->Start(&search));
    RETURN_IF_ERROR(DriveReplay(session, &search));
    Explanation of_trigger;
    search.Report(&of_trigger, &decision_line);
    explanation.trigger = std::move(of_trigger.asked);
    NameConditions(*session->rules().rules, &explanation.trigger);
    if (explanation.trigger) {
      MarkWindows(*session->rules().rules, explanation.decision->rule, &*explanation.trigger);
    }
  }
  Collection collection(explanation.asked ? &*explanation.asked : nullptr,
                        explanation.trigger ? &*explanation.trigger : nullptr, session);
  if (!collection.needed()) return explanation;
  RETURN_IF_ERROR(session->Start(&collection));
  RETURN_IF_ERROR(DriveReplay(session, &collection));
  return explanation;
}

}  // namespace stockade
