#include "tools/stockade/trace.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "engine/status.h"
#include "engine/text.h"
#include "tools/stockade/interrupt.h"

namespace stockade {
namespace {

using Group = std::vector<std::pair<std::string, std::string>>;

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

// Traces one attempt, from its Assess to the end of its Observe.
class AttemptTracer {
 public:
  void Begin(const Record& record, ReplaySession* session) {
    traced_.attempt = Note(record, *session);
    session->engine().SetTracing(true);
    on_ = true;
  }
  void TakeVerdict(const Verdict& verdict, bool reaches) {
    traced_.verdict = verdict.kind;
    traced_.challenge_kind = verdict.challenge_kind;
    traced_.lane = verdict.lane;
    traced_.by = std::string(verdict.by);
    traced_.reason = std::string(verdict.reason);
    traced_.reached = reaches;
  }
  void End() { on_ = false; }
  bool on() const noexcept { return on_; }

  void TakeStep(const GateStep& step) { traced_.steps.emplace_back(step.step, step.said); }
  void TakeMatch(std::string_view rule) { traced_.matches.emplace_back(rule); }
  void TakeWindow(const WindowReading& reading) { traced_.windows.push_back(Own(reading)); }
  void TakeDecision(const Decision& decision) { traced_.decisions.push_back(decision); }

  TracedAttempt Take() { return std::move(traced_); }

 private:
  TracedAttempt traced_;
  bool on_ = false;
};

// The first pass: up to the line, or up to the decision.
class Search final : public EngineListener {
 public:
  Search(const Question& question, ReplaySession* session) : question_(question), session_(*session) {}

  void OnGateStep(const GateStep& step) override { tracer_.TakeStep(step); }
  void OnRuleMatch(std::string_view rule) override { tracer_.TakeMatch(rule); }
  void OnWindow(const WindowReading& reading) override { tracer_.TakeWindow(reading); }
  void OnDecision(const Decision& decision) override {
    if (tracer_.on()) tracer_.TakeDecision(decision);
    if (question_.decision_id.empty()) {
      if (!done_) made_at_[decision.id] = line_;
    } else if (!done_ && decision.id == question_.decision_id) {
      decision_ = decision;
      decision_line_ = line_;
      done_ = true;
    }
  }

  bool OnBatch() const { return !done_ && !Interrupted(); }
  void OnUnreadable(const Record& record) {
    if (done_ || record.position != question_.line) return;
    unreadable_ = Concat(session_.inputs().inputs[record.input].name, ":", record.line, ": ",
                         Name(record.error), ": ", Help(record.error));
    done_ = true;
  }
  void BeforeAssess(const Record& record) {
    line_ = record.position;
    if (!done_ && record.position == question_.line) tracer_.Begin(record, &session_);
  }
  void OnVerdict(const Record&, const Verdict& verdict, bool reaches) {
    if (!tracer_.on()) return;
    tracer_.TakeVerdict(verdict, reaches);
    if (verdict.decision == nullptr) return;
    decision_ = *verdict.decision;
    const auto made = made_at_.find(decision_->id);
    if (made != made_at_.end()) decision_line_ = made->second;
  }
  void AfterRecord(const Record&) {
    if (!tracer_.on()) return;
    session_.engine().SetTracing(false);
    tracer_.End();
    asked_ = tracer_.Take();
    done_ = true;
  }

  std::optional<TracedAttempt> asked_;
  std::string unreadable_;
  std::optional<Decision> decision_;
  uint64_t decision_line_ = 0;  // 0: not known

 private:
  const Question& question_;
  ReplaySession& session_;
  AttemptTracer tracer_;
  absl::flat_hash_map<std::string, uint64_t>
      made_at_;  // decision → line of the attempt that brought it about
  uint64_t line_ = 0;
  bool done_ = false;
};

// The second pass: who counted in the windows that mattered.
class Collection final : public EngineListener {
 public:
  Collection(Explanation* explanation, uint64_t decision_line, ReplaySession* session)
      : explanation_(*explanation), session_(*session), decision_line_(decision_line) {
    if (explanation_.asked) {
      last_line_ = explanation_.asked->attempt.line;
      for (const TracedWindow& window : explanation_.asked->windows) Widen(window.first_ms, window.last_ms);
    }
    if (explanation_.decision && decision_line_ > 0) {
      last_line_ = std::max(last_line_, decision_line_);
      const Evidence& evidence = explanation_.decision->evidence;
      if (evidence.span_ms > 0) Widen(evidence.first_ms, evidence.last_ms);
    }
  }

  void OnGateStep(const GateStep& step) override {
    if (tracer_.on()) tracer_.TakeStep(step);
  }
  void OnRuleMatch(std::string_view rule) override {
    if (tracer_.on()) tracer_.TakeMatch(rule);
  }
  void OnDecision(const Decision& decision) override {
    if (tracer_.on()) tracer_.TakeDecision(decision);
  }
  void OnWindow(const WindowReading& reading) override {
    if (tracer_.on()) tracer_.TakeWindow(reading);
    if (explanation_.asked && note_.line <= explanation_.asked->attempt.line) {
      for (TracedWindow& window : explanation_.asked->windows) {
        if (window.rule == reading.rule && window.key == reading.key &&
            Within(window.first_ms, window.last_ms)) {
          window.events.Add(note_);
        }
      }
    }
    if (!explanation_.decision || note_.line > decision_line_) return;
    const Decision& decision = *explanation_.decision;
    if (decision.rule == reading.rule && SameGroup(decision.evidence.group, reading) &&
        Within(decision.evidence.first_ms, decision.evidence.last_ms)) {
      explanation_.decision_events.Add(note_);
    }
  }

  bool OnBatch() const { return !done_ && !Interrupted(); }
  void OnUnreadable(const Record&) {}
  void BeforeAssess(const Record& record) {
    if (done_) return;
    const int64_t time_ms = record.event.attempt.time_ns / kNsPerMs;
    const bool is_trigger = record.position == decision_line_;
    const bool counts = time_ms >= from_ms_ && time_ms <= to_ms_;
    session_.engine().SetTracing(is_trigger || counts);
    if (is_trigger || counts) note_ = Note(record, session_);
    if (is_trigger) tracer_.Begin(record, &session_);
  }
  void OnVerdict(const Record&, const Verdict& verdict, bool reaches) {
    if (tracer_.on()) tracer_.TakeVerdict(verdict, reaches);
  }
  void AfterRecord(const Record& record) {
    if (tracer_.on()) {
      tracer_.End();
      explanation_.trigger = tracer_.Take();
      if (explanation_.decision->evidence.span_ms == 0) explanation_.decision_events.Add(note_);
    }
    if (record.position < last_line_ || done_) return;
    done_ = true;
    session_.engine().SetTracing(false);
  }

 private:
  void Widen(int64_t first_ms, int64_t last_ms) {
    from_ms_ = std::min(from_ms_, first_ms);
    to_ms_ = std::max(to_ms_, last_ms);
  }
  bool Within(int64_t first_ms, int64_t last_ms) const {
    return note_.time_ms >= first_ms && note_.time_ms <= last_ms;
  }
  static bool SameGroup(const Group& group, const WindowReading& reading) {
    return std::equal(
        group.begin(), group.end(), reading.group.begin(), reading.group.end(),
        [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; });
  }

  Explanation& explanation_;
  ReplaySession& session_;
  const uint64_t decision_line_;
  AttemptTracer tracer_;
  AttemptNote note_;
  uint64_t last_line_ = 0;
  int64_t from_ms_ = INT64_MAX;
  int64_t to_ms_ = INT64_MIN;
  bool done_ = false;
};

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
    explanation.asked = std::move(search.asked_);
    explanation.unreadable = std::move(search.unreadable_);
    explanation.decision = std::move(search.decision_);
    decision_line = search.decision_line_;
  }
  if (!explanation.unreadable.empty()) {
    explanation.found = Explanation::Found::kUnreadable;
    return explanation;
  }
  if (!explanation.asked && !explanation.decision) return explanation;
  explanation.found = Explanation::Found::kAttempt;
  {
    Collection collection(&explanation, decision_line, session);
    RETURN_IF_ERROR(session->Start(&collection));
    RETURN_IF_ERROR(DriveReplay(session, &collection));
  }
  return explanation;
}

}  // namespace stockade
