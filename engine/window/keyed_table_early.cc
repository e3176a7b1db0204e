// Rows of early events: what a key has seen while its windows are unopened (early_events.h).
//
// A row is the key's line and up to two more. The line has room for two events, the first of which stays there; where
// there are more lines, their numbers lie where the second was, and each holds four.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/status.h"
#include "engine/window/keyed_table.h"
#include "engine/window/keyed_table_state.h"

namespace stockade {
namespace {

constexpr size_t kWordsPerEvent = 4;
static_assert(2 + kEarlyTagsMax == kWordsPerEvent);
constexpr size_t kFirstEvent = 4;  // among the payload's words
constexpr size_t kEventsPerBlock = kWordsPerBlock / kWordsPerEvent;
constexpr size_t kLinksMax = 2;
static_assert(1 + kLinksMax * kEventsPerBlock == kEarlyEventsMax);

// An age in 32 bits of milliseconds must not come round before its event is dropped: of 50 days, 12, a row's longest span and
// the day that an outcome may be late.
constexpr uint32_t kAgeMax = uint32_t{1} << 30;

// A row that is open has no events; of the bits of `fired` any says so.
void MarkOpen(HeadBlock& head) noexcept {
  head.fired = 1;
}

}  // namespace

uint32_t* KeyedTable::State::EarlyWords(HeadBlock& head, size_t at) noexcept {
  if (at == 0) return &head.payload[kFirstEvent];
  if (head.links == 0) return &head.payload[0];
  return &slab.block(head.payload[(at - 1) / kEventsPerBlock])
              .words[(at - 1) % kEventsPerBlock * kWordsPerEvent];
}

EarlyEvent KeyedTable::State::EarlyAt(const HeadBlock& head, size_t at) const noexcept {
  const uint32_t* const words = EarlyWords(head, at);
  return {head.newest_ms - int64_t{Low(head.newest_ms) - words[0]}, words[1], {words[2], words[3]}};
}

void KeyedTable::State::PutEarly(HeadBlock& head, size_t at, const EarlyEvent& event) noexcept {
  uint32_t* const words = EarlyWords(head, at);
  words[0] = Low(event.time_ms);
  words[1] = event.feeds;
  words[2] = event.tags[0];
  words[3] = event.tags[1];
}

bool KeyedTable::State::HasEarly(const HeadBlock& head, const Window& window) const noexcept {
  if (now_ms - head.newest_ms >= int64_t{window.early->longest_ms} + options.lateness_ms) return false;
  if (IsOpen(head, window)) return true;
  for (size_t i = head.size; i-- > 0;) {
    const EarlyEvent event = EarlyAt(head, i);
    if (now_ms - event.time_ms < int64_t{window.early->SpanOf(event.feeds)} + options.lateness_ms)
      return true;
  }
  return false;
}

void KeyedTable::State::DropEarly(HeadBlock& head, const Window& window, int64_t at_ms) noexcept {
  const int64_t young_ms = int64_t{window.early->shortest_ms} + options.lateness_ms;
  size_t kept = 0;
  for (size_t i = 0; i < head.size; ++i) {
    const uint32_t* const words = EarlyWords(head, i);
    const int64_t age_ms = at_ms - head.newest_ms + int64_t{Low(head.newest_ms) - words[0]};
    if (age_ms >= young_ms && age_ms >= int64_t{window.early->SpanOf(words[1])} + options.lateness_ms)
      continue;
    if (kept != i) std::memcpy(EarlyWords(head, kept), words, kWordsPerEvent * sizeof(uint32_t));
    ++kept;
  }
  head.size = static_cast<uint8_t>(kept);
}

bool KeyedTable::State::IsReached(const EarlyLimit& limit, const HeadBlock& head,
                                  const EarlyEvent& event) const noexcept {
  std::array<uint32_t, kEarlyEventsMax + 1> tags;
  unsigned count = 0;
  const auto take = [&](const EarlyEvent& one) {
    if (limit.tag == EarlyLimit::kEvents) {
      count += static_cast<unsigned>(std::popcount(one.feeds & limit.feeds));
      return;
    }
    const uint32_t tag = one.tags[limit.tag];
    if (std::find(tags.begin(), tags.begin() + count, tag) == tags.begin() + count) tags[count++] = tag;
  };
  take(event);
  for (size_t i = 0; i < head.size && count < limit.count; ++i) {
    const EarlyEvent one = EarlyAt(head, i);
    const int64_t apart_ms = std::abs(event.time_ms - one.time_ms);
    if ((one.feeds & limit.feeds) != 0 && apart_ms < int64_t{limit.span_ms}) take(one);
  }
  return count >= limit.count;
}

void KeyedTable::State::LengthenEarly(uint32_t number) noexcept {
  const uint32_t block = TakeBlock(number);
  HeadBlock& head = slab.head(number);
  if (head.links == 0) std::memcpy(&slab.block(block), &head.payload[0], kWordsPerEvent * sizeof(uint32_t));
  head.payload[head.links] = block;
  head.links = (head.links + 1) & 15;
}

void KeyedTable::State::TakeEarly(HeadBlock& head, EarlyEvents* out) noexcept {
  out->size = head.size;
  for (size_t i = 0; i < head.size; ++i) out->events[i] = EarlyAt(head, i);
  const size_t seen = std::min(size_t{head.size} + 1, kEarlyEventsMax);
  Empty(head);
  MarkOpen(head);
  // As suspicious as what it took: a rule that any event may meet opens every key.
  SetLevel(head, windows[head.window].levels[seen]);
}

void KeyedTable::SetEarlyPlan(uint16_t window_id, EarlyPlan plan) {
  Window& window = state_->windows[window_id];
  STOCKADE_DCHECK(window.config.kind == WindowKind::kEarly);
  std::ranges::sort(plan.limits, {}, &EarlyLimit::events);
  state_->early_plans.push_back(std::make_unique<EarlyPlan>(std::move(plan)));
  std::erase_if(state_->early_plans, [&](const auto& held) { return held.get() == window.early; });
  window.early = state_->early_plans.back().get();
  // Rows that there were are of no account now, and give way to whoever needs the room.
  Hash128 key;
  for (uint32_t entry = NextKey(window_id, 0, &key); entry != kNoEntry;
       entry = NextKey(window_id, entry + 1, &key))
    state_->Empty(state_->slab.head(entry));
}

KeyedTable::EarlyState KeyedTable::AddEarly(uint16_t window_id, const Hash128& key, const EarlyEvent& event,
                                            bool open, uint32_t hint, EarlyEvents* before) noexcept {
  State& state = *state_;
  const Window& window = state.windows[window_id];
  const int64_t time_ms = event.time_ms;
  state.now_ms = std::max(state.now_ms, time_ms);
  uint32_t number = state.FindAt(key, hint);
  if (number == KeyIndex::kNoBlock) number = state.Insert(window_id, key, time_ms);
  HeadBlock& head = state.slab.head(number);
  if (time_ms - head.newest_ms >= int64_t{window.early->longest_ms} + state.options.lateness_ms) {
    state.Empty(head);
    head.newest_ms = time_ms;
  }
  if (IsOpen(head, window)) {
    // Never back, not even from a time that never was: windows may still hold something of it.
    head.newest_ms = std::max(head.newest_ms, time_ms);
    state.SetLevel(head, static_cast<uint8_t>(std::min(head.level + 1, 15)));
    return EarlyState::kOpen;
  }
  // The other lines of a row are looked at only where it is full, or where something counts that came shortly before.
  const size_t room = head.links == 0 ? 2 : 1 + head.links * kEventsPerBlock;
  if (head.size == room || (head.size != 0 && Low(head.newest_ms) - state.EarlyWords(head, 0)[0] >= kAgeMax))
    state.DropEarly(head, window, std::max(head.newest_ms, time_ms));  // by its own time, as windows do
  bool opens = open || head.size == kEarlyEventsMax;
  const int64_t step_ms = head.size == 0 ? INT64_MAX : time_ms - head.newest_ms;
  for (const EarlyLimit& limit : window.early->limits) {
    if (opens || limit.events > head.size + 1) break;  // the fewest come first
    if ((event.feeds & limit.feeds) == 0 || (limit.events > 1 && step_ms >= int64_t{limit.span_ms})) continue;
    opens = state.IsReached(limit, head, event);
  }
  const int64_t newest_ms = head.size == 0 ? time_ms : std::max(head.newest_ms, time_ms);
  if (opens) {
    state.TakeEarly(head, before);
    head.newest_ms = newest_ms;
    return EarlyState::kOpening;
  }
  // So old that not even a late event could be counted with it.
  if (newest_ms - time_ms >= int64_t{window.early->longest_ms} + state.options.lateness_ms)
    return EarlyState::kKept;
  if (head.size == room) state.LengthenEarly(number);
  state.PutEarly(head, head.size, event);
  head.newest_ms = newest_ms;
  ++head.size;
  state.SetLevel(head, window.levels[head.size]);
  return EarlyState::kKept;
}

bool KeyedTable::PrefetchRow(const Hash128& key, uint32_t hint) const noexcept {
  const BlockSlab& slab = state_->slab;
  if (hint >= slab.used() || slab.head(hint).key != key) return false;
  const HeadBlock& head = slab.head(hint);
  if (head.fired != 0) return true;
  for (size_t i = 0; i < head.links; ++i) __builtin_prefetch(&slab.block(head.payload[i]));
  return false;
}

bool KeyedTable::OpenEarly(uint32_t entry, int64_t newer_than_ms, EarlyEvents* before) noexcept {
  HeadBlock& head = state_->slab.head(entry);
  if (IsOpen(head, state_->windows[head.window]) || head.newest_ms <= newer_than_ms) return false;
  state_->TakeEarly(head, before);
  return true;
}

}  // namespace stockade
