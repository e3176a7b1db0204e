#include "tools/stockade/counted_attempts.h"

#include <algorithm>
#include <cmath>

#include "engine/decision/target.h"
#include "tools/stockade/interrupt.h"

namespace stockade {
namespace {

// Whether an event has this value, as evidence spells it: networks of any rung, texts cut.
bool HasField(const LoginEvent& event, const std::string& name, const std::string& value) {
  const std::optional<FieldId> field = FindKnownField(name);
  if (!field.has_value()) return false;
  if (*field == FieldId::kSourcePrefix) {
    const std::optional<Prefix> network = Prefix::Parse(value);
    return network.has_value() && event.attempt.source.present() && network->Contains(event.attempt.source);
  }
  FieldScratch scratch;
  const FieldValue found = GetField(event, *field, &scratch);
  return found.present() && Printed(found.text) == value;
}

}  // namespace

void CountedAttempts::Want(TracedAttempt* attempt) {
  for (TracedWindow& window : attempt->windows) {
    // An event at t counts for every now in [t, t + span).
    const int64_t first_ms = window.at_least ? window.last_ms - window.span_ms + 1 : window.first_ms;
    wanted_.push_back({&window, attempt->id, first_ms});
    last_ = std::max(last_, attempt->id);
    from_ms_ = std::min(from_ms_, first_ms);
    to_ms_ = std::max(to_ms_, window.last_ms);
  }
}

void CountedAttempts::Want(const Decision& decision, const AttemptId& last, DetectorGrounds* grounds) {
  grounds_ = grounds;
  grounds_->fields = decision.evidence.group;
  if (grounds_->fields.empty()) account_ = decision.value;
  grounds_last_ = last;
  last_ = std::max(last_, last);
  if (decision.evidence.since_ms != 0) since_ms_ = decision.evidence.since_ms;
  until_ms_ = decision.time_ms;
}

void CountedAttempts::Finish() {
  for (WantedWindow& wanted : wanted_) {
    TracedWindow& window = *wanted.window;
    if (!window.at_least || window.events.total == 0) continue;
    double counted = std::nan("");
    if (window.counts == WindowReading::Counts::kEvents) counted = static_cast<double>(wanted.entries);
    if (window.counts == WindowReading::Counts::kValues) counted = static_cast<double>(wanted.tags.size());
    // Less than the window knew: some came in other ways than attempts of this input.
    if (std::isnan(counted) || counted < window.value) {
      window.allowed = std::nan("");
      continue;
    }
    window.allowed += counted - window.value;
    window.value = counted;
    window.at_least = false;
    window.first_ms = std::min(window.first_ms, window.events.first.front().time_ms);
  }
}

void CountedAttempts::OnWindow(const WindowReading& reading) {
  const bool is_current = turn_.id() == note_of_;
  const AttemptNote& note = is_current ? note_ : held_note_;
  const AttemptId& id = is_current ? note_of_ : held_note_of_;
  if (id != turn_.id() || id.line == 0) return;  // outside all windows that matter
  for (WantedWindow& wanted : wanted_) {
    TracedWindow& window = *wanted.window;
    if (window.rule != reading.rule || window.key != reading.key || id > wanted.id ||
        note.time_ms < wanted.first_ms || note.time_ms > window.last_ms)
      continue;
    window.events.Add(id, note);
    ++wanted.entries;
    if (reading.counts == WindowReading::Counts::kValues) wanted.tags.insert(reading.tag);
  }
}

bool CountedAttempts::OnBatch() const {
  return !done_ && !Interrupted();
}

bool CountedAttempts::BeforeAssess(const Record& record) {
  turn_.Assess(record.position);
  Attend(record);
  return true;
}

void CountedAttempts::OnOutcome(const Record& record) {
  turn_.Resume(record.position);
  Attend(record);
  if (IsFailure(record.event.aftermath.outcome)) AddGround(record, /*stopped=*/false);
}

void CountedAttempts::OnVerdict(const Record& record, const Verdict& verdict, bool reaches) {
  turn_.TakeVerdict(verdict);
  if (turn_.held() == turn_.current() && note_of_ == turn_.current()) {
    held_note_ = note_;
    held_note_of_ = note_of_;
  }
  const bool waits = reaches && record.number != 0;
  if (!reaches || (!waits && IsFailure(record.event.aftermath.outcome))) AddGround(record, !reaches);
}

void CountedAttempts::AfterRecord(const Record&) {
  turn_.EndObserve();
  if (done_ || turn_.current() < last_) return;
  // The last attempt that matters may itself be held; then the next one settles it.
  if (turn_.held().line != 0 && turn_.held() <= last_) return;
  done_ = true;
  session_.engine().SetTracing(false);
}

void CountedAttempts::Attend(const Record& record) {
  if (done_) return;
  const int64_t time_ms = ToMs(record.event.attempt.time_ns);
  const bool counts = time_ms >= from_ms_ && time_ms <= to_ms_;
  session_.engine().SetTracing(!wanted_.empty() && (counts || turn_.held().line != 0));
  if (!counts) return;
  note_ = NoteOf(record, session_);
  note_of_ = turn_.current();
}

bool CountedAttempts::Concerns(const LoginEvent& event) const {
  if (grounds_->fields.empty()) return Printed(event.attempt.account) == account_;
  return std::ranges::all_of(
      grounds_->fields, [&event](const auto& field) { return HasField(event, field.first, field.second); });
}

void CountedAttempts::AddGround(const Record& record, bool stopped) {
  if (grounds_ == nullptr || turn_.current() > grounds_last_) return;
  const int64_t time_ms = ToMs(record.event.attempt.time_ns);
  if (time_ms < since_ms_ || time_ms > until_ms_ || !Concerns(record.event)) return;
  AttemptNote note = NoteOf(record, session_);
  note.stopped = stopped;
  grounds_->attempts.Add(turn_.current(), note);
}

}  // namespace stockade
