#include "tools/stockade/attempt_tracer.h"

#include <algorithm>

namespace stockade {
namespace {

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
  window.counts = reading.counts;
  window.counted_field = std::string(reading.counted_field);
  window.key = reading.key;
  for (const auto& [field, value] : reading.group) window.group.emplace_back(field, value);
  return window;
}

}  // namespace

AttemptNote NoteOf(const Record& record, const ReplaySession& session) {
  const Attempt& attempt = record.event.attempt;
  AttemptNote note;
  note.line = record.position;
  note.input = session.inputs().inputs[record.input].name;
  note.input_line = record.line;
  note.time_ms = ToMs(attempt.time_ns);
  note.source = attempt.source.present() ? attempt.source.ToString() : "-";
  note.account = attempt.has_account() ? std::string(attempt.account) : "-";
  note.user_agent = std::string(attempt.user_agent);
  note.ja4 = std::string(attempt.ja4);
  note.outcome = record.event.aftermath.outcome;
  return note;
}

AttemptTracer::AttemptTracer(const Record& record, const AttemptId& id, ReplaySession* session)
    : session_(*session) {
  traced_.id = id;
  traced_.attempt = NoteOf(record, session_);
}

void AttemptTracer::OnVerdict(const Record& record, const Verdict& verdict, bool reaches, const Turn& turn) {
  if (turn.current() != traced_.id) {
    if (!waits_ && turn.held() != traced_.id) End();
    return;
  }
  assessing_ = false;
  traced_.verdict = verdict.kind;
  traced_.challenge_kind = verdict.challenge_kind;
  traced_.lane = verdict.lane;
  traced_.by = std::string(verdict.by);
  traced_.reason = std::string(verdict.reason);
  traced_.reached = reaches;
  traced_.charged = verdict.for_certificate;
  traced_.too_late = verdict.time_ticket == kTicketTooLate;
  if (session_.options().observe) {
    traced_.let_through = "--observe";
  } else if (record.witnessed) {
    traced_.let_through = "the gate only watched it";
  }
  was_held_ = verdict.time_ticket >= kTicketHeldFirst;
  if (was_held_) wild_before_ = session_.engine().counters().wild;
  waits_ = reaches && record.number != 0;
}

void AttemptTracer::OnOutcome(const Record& record, const Turn& turn) {
  if (turn.current() != traced_.id) return;
  traced_.attempt.outcome = record.event.aftermath.outcome;
  waits_ = false;
}

void AttemptTracer::AfterRecord(const Turn& turn) {
  if (turn.current() == traced_.id && turn.held() != traced_.id) End();
}

void AttemptTracer::End() {
  if (done_) return;
  done_ = true;
  // Of one that was held it is only known now what became of its time.
  traced_.unconfirmed = was_held_ && session_.engine().counters().wild > wild_before_;
}

void AttemptTracer::TakeWindow(const WindowReading& reading, const Turn& turn) {
  if (!IsMine(turn)) return;
  const auto known = std::ranges::find_if(traced_.windows, [&](const TracedWindow& window) {
    return window.rule == reading.rule && window.key == reading.key;
  });
  if (known == traced_.windows.end()) {
    traced_.windows.push_back(Own(reading));
    return;
  }
  // An attempt that matches several rules of one correlation is counted for each; the last reading has them all, unless only
  // one before it met the condition. What was reported with an earlier one was reported with this attempt.
  if (known->met && !reading.met) return;
  const bool is_news = known->met && !known->quiet;
  *known = Own(reading);
  if (is_news && known->met) known->quiet = false;
}

}  // namespace stockade
