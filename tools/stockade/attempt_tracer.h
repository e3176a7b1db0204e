// Follows one attempt of a replay through gate and rules, for `explain`.
#pragma once

#include <cstdint>

#include "adapters/source/source.h"
#include "tools/stockade/trace.h"

namespace stockade {

// What of a record a person would name.
AttemptNote NoteOf(const Record& record, const ReplaySession& session);

// Whose outcome the engine is taking. Mostly that of the attempt being observed; but one whose time was held
// back is taken during a later Assess, or at the end (window/watermark.h).
class Turn {
 public:
  // The next attempt of the replay.
  void Assess(uint64_t line) noexcept {
    current_ = {line, line == newest_.line ? newest_.nth + 1 : 0};
    newest_ = current_;
    observing_ = false;
  }
  void TakeVerdict(const Verdict& verdict) noexcept {
    observing_ = true;
    if (verdict.time_ticket == kTicketTooLate) return;  // says nothing of the held one
    held_ = verdict.time_ticket >= kTicketHeldFirst ? current_ : AttemptId();
  }
  // The outcome of an attempt that was seen before comes in now; a record whose outcomes come later has one attempt a line.
  void Resume(uint64_t line) noexcept {
    current_ = {line, 0};
    observing_ = true;
  }
  void EndObserve() noexcept { observing_ = false; }

  const AttemptId& id() const noexcept { return observing_ ? current_ : held_; }
  const AttemptId& current() const noexcept { return current_; }
  const AttemptId& held() const noexcept { return held_; }  // line 0: none

 private:
  AttemptId newest_;
  AttemptId current_;
  AttemptId held_;
  bool observing_ = false;
};

// From the attempt's Assess until its outcome is taken. Made before its Assess.
class AttemptTracer {
 public:
  AttemptTracer(const Record& record, const AttemptId& id, ReplaySession* session);

  // `current`: whose verdict it is.
  void OnVerdict(const Record& record, const Verdict& verdict, bool reaches, const Turn& turn);
  void OnOutcome(const Record& record, const Turn& turn);
  void AfterRecord(const Turn& turn);
  // Nothing more comes.
  void End();
  bool done() const noexcept { return done_; }

  void TakeStep(const GateStep& step) {
    if (assessing_) traced_.steps.emplace_back(step.step, step.said);
  }
  void TakeMatch(std::string_view rule, const Turn& turn) {
    if (IsMine(turn)) traced_.matches.emplace_back(rule);
  }
  void TakeWindow(const WindowReading& reading, const Turn& turn);
  void TakeDecision(const Decision& decision) { traced_.decisions.push_back(decision); }
  bool IsMine(const Turn& turn) const noexcept { return !done_ && turn.id() == traced_.id; }

  const TracedAttempt& traced() const noexcept { return traced_; }
  TracedAttempt Take() { return std::move(traced_); }

 private:
  ReplaySession& session_;
  TracedAttempt traced_;
  uint64_t wild_before_ = 0;
  bool assessing_ = true;
  bool was_held_ = false;
  bool waits_ = false;  // for its outcome, which a record brings later
  bool done_ = false;
};

}  // namespace stockade
