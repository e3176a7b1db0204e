// What is noted instead of counted, and how a note becomes the window that was spared (NotedInput, correlation_plan.h).
//
// Why nobody can tell. A window that has seen one input only is that input's newest time: the note. Whatever else
// could be asked of it comes with another input, and before that one is entered the note is. From then on the window
// is held, and is given everything. What is different is memory, and so what is given up where it is short. While
// somebody listens to every window (SetTracing) no note is kept back. Oracle: the same rules with tracing on, in
// tests/engine/rule/correlate_notes_test.cc.
#include <algorithm>

#include "engine/rule/correlate.h"

namespace stockade {

// The mark of a note says that no consumer has a window for this key. A key that is new has no mark: windows may have
// outlived the line it had before.
void Correlator::EnterNoted(const Feed& due, Run* run, FeedList* entries) {
  const auto key_for = [&](const FeedRoute& route) {
    return Salted(due.key, plans_[route.correlation].noted_difference);
  };
  const std::span<const FeedRoute> routes = plans_.routes(rules_->rules().size() + due.correlation);
  const auto is_held = [&](const FeedRoute& route) {
    return tracing_ ||
           (table_->HasKeys(plans_[route.correlation].window) && table_->Find(key_for(route)) != kNoEntry);
  };
  if (tracing_) {  // whoever listens is told of every window: so there is every window
    for (uint32_t number = due.order; number <= due.tag; ++number)
      Recall(plans_.route(number).correlation, key_for(plans_.route(number)), run->time_ms);
  }
  const uint32_t entry = table_->Find(due.key, due.hint);
  bool any_held = entry == kNoEntry;  // it had to make room, and no note can be kept
  if (!any_held) {
    KeyedTable::Note note = table_->NoteOf(entry);
    any_held = !note.marked && std::any_of(routes.begin(), routes.end(), [&](const FeedRoute& route) {
      return route.is_noted && is_held(route);
    });
    note.marked = !any_held;
    // As a window moves: forward, and back from a time that never was (KeyedTable::SetNow).
    if (note.time_ms == kNeverMs || run->time_ms > note.time_ms || note.time_ms > table_->now_ms()) {
      note.time_ms = run->time_ms;
    }
    table_->SetNote(entry, note);
  }
  if (!any_held) return;
  for (uint32_t number = due.order; number <= due.tag; ++number) {
    const FeedRoute& route = plans_.route(number);
    if (entry != kNoEntry && !is_held(route)) continue;
    EnterOne(
        Feed{route.correlation, route.reference, route.reference, due.cause, kNoEntry, 0, key_for(route)},
        run, entries);
  }
}

void Correlator::Recall(size_t correlation, const Hash128& key, int64_t time_ms) noexcept {
  const CorrelationPlan& plan = plans_[correlation];
  if (table_->Find(key) != kNoEntry) return;
  const uint32_t entry = table_->Find(Salted(key, plan.noted_difference));
  if (entry == kNoEntry) return;
  const KeyedTable::Note note = table_->NoteOf(entry);
  table_->SetNote(entry, {note.time_ms, false});
  if (note.time_ms == kNeverMs || note.time_ms > std::max(table_->now_ms(), time_ms)) return;
  table_->AddTag(plan.window, key, note.time_ms, plan.noted_reference);
}

void Correlator::CarryOutNotes() noexcept {
  // Also those of a time that a rollback left ahead: it may come yet.
  const int64_t now_ms = table_->now_ms();
  for (const NotedInput& noted : plans_.noted()) {
    ForEachKey(noted.input_window, [&](uint32_t, const Hash128& key) {
      Recall(noted.correlation, Salted(key, noted.difference), INT64_MAX);
    });
  }
  table_->SetNow(now_ms);
  // Rules that are new are to know of nothing that came before them.
  for (const NotedInput& noted : plans_.noted()) {
    ForEachKey(noted.input_window, [&](uint32_t entry, const Hash128&) { table_->SetNote(entry, {}); });
  }
}

}  // namespace stockade
