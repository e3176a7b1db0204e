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
bool Correlator::AddChainByNote(const Feed& feed, uint32_t entry, uint32_t cause, int64_t time_ms,
                                bool temporal_only, bool* keys_begun, Feeds* feeds) noexcept {
  const std::span<const FeedRoute> routes = plans_.routes(rules_->rules().size() + feed.correlation);
  const auto key_for = [&](const FeedRoute& route) {
    const Hash128& difference = plans_[route.correlation].noted_difference;
    return Hash128{feed.key.low ^ difference.low, feed.key.high ^ difference.high};
  };
  const auto is_held = [&](const FeedRoute& route) {
    return tracing_ ||
           (table_->HasKeys(plans_[route.correlation].window) && table_->Find(key_for(route)) != kNoEntry);
  };
  if (tracing_) {  // whoever listens is told of every window: so there is every window
    for (const FeedRoute& route : routes) {
      if (route.is_noted) Recall(route.correlation, key_for(route), time_ms);
    }
    entry = table_->Find(feed.key);
    if (entry == kNoEntry) return false;  // it had to make room
  }
  KeyedTable::Note note = table_->NoteOf(entry);
  const bool any_held =
      !note.marked && std::any_of(routes.begin(), routes.end(),
                                  [&](const FeedRoute& route) { return route.is_noted && is_held(route); });
  note.marked = !any_held;
  // As a window moves: forward, and back from a time that never was (KeyedTable::SetNow).
  if (note.time_ms == kNeverMs || time_ms > note.time_ms || note.time_ms > table_->now_ms()) {
    note.time_ms = time_ms;
  }
  table_->SetNote(entry, note);
  if (!any_held) return false;
  // All of its consumers, in their order.
  for (const FeedRoute& route : routes) {
    if (feeds->entries.size() == kFeedsMax) break;
    if ((temporal_only && !route.is_temporal) || (feeds->sources_only && route.of_account)) continue;
    if (!route.is_noted) {
      if (!*keys_begun) keys_.Begin(*event_);
      *keys_begun = true;
      AddFeedApart(route, cause, &feeds->entries);
    } else if (is_held(route)) {
      Feed& added = feeds->entries.Append();
      added = Feed{};
      added.correlation = route.correlation;
      added.reference = route.reference;
      added.tag = route.reference;
      added.cause = cause;
      added.key = key_for(route);
    }
  }
  return true;
}

void Correlator::Recall(size_t correlation, const Hash128& key, int64_t time_ms) noexcept {
  const CorrelationPlan& plan = plans_[correlation];
  if (table_->Find(key) != kNoEntry) return;
  const Hash128 input_key{key.low ^ plan.noted_difference.low, key.high ^ plan.noted_difference.high};
  const uint32_t entry = table_->Find(input_key);
  if (entry == kNoEntry) return;
  const KeyedTable::Note note = table_->NoteOf(entry);
  table_->SetNote(entry, {note.time_ms, false});
  if (note.time_ms == kNeverMs || note.time_ms > std::max(table_->now_ms(), time_ms)) return;
  table_->AddTag(plan.window, key, note.time_ms, plan.noted_reference);
}

void Correlator::CarryOutNotes() noexcept {
  const auto for_each_key = [this](uint16_t window, auto&& use) {
    Hash128 key;
    for (uint32_t entry = table_->NextKey(window, 0, &key); entry != kNoEntry;
         entry = table_->NextKey(window, entry + 1, &key)) {
      use(entry, key);
    }
  };
  // Also those of a time that a rollback left ahead: it may come yet.
  const int64_t now_ms = table_->now_ms();
  for (const NotedInput& noted : plans_.noted()) {
    for_each_key(noted.input_window, [&](uint32_t, const Hash128& key) {
      const Hash128 own{key.low ^ noted.difference.low, key.high ^ noted.difference.high};
      Recall(noted.correlation, own, INT64_MAX);
    });
  }
  table_->SetNow(now_ms);
  // Rules that are new are to know of nothing that came before them.
  for (const NotedInput& noted : plans_.noted()) {
    for_each_key(noted.input_window, [&](uint32_t entry, const Hash128&) { table_->SetNote(entry, {}); });
  }
}

}  // namespace stockade
