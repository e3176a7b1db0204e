#include "engine/window/keyed_table_state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "engine/window/inline_numbers.h"

namespace stockade {

// ---- keys

uint32_t KeyedTable::State::FindOrInsert(uint16_t window, const Hash128& key, int64_t time_ms) noexcept {
  now_ms = std::max(now_ms, time_ms);
  const uint32_t found = Find(key);
  if (found != KeyIndex::kNoBlock) {
    STOCKADE_DCHECK(slab.head(found).window == window);
    return found;
  }
  return Insert(window, key, time_ms);
}

uint32_t KeyedTable::State::Insert(uint16_t window, const Hash128& key, int64_t time_ms) noexcept {
  if (index.is_full()) EvictOne(KeyIndex::kNoBlock);
  const uint32_t number = TakeBlock(KeyIndex::kNoBlock);
  HeadBlock& head = slab.head(number);
  head.key = key;
  head.newest_ms = time_ms;
  head.fired = 0;
  head.window = window;
  head.size = 0;
  head.links = 0;
  head.level = 0;
  PutNote(head, {});
  ++windows[window].keys;
  ++levels[0];
  slab.MarkHead(number);
  index.Insert(key, number);
  return number;
}

bool KeyedTable::State::Advance(HeadBlock& head, const Window& window, int64_t time_ms) noexcept {
  if (time_ms <= head.newest_ms) {
    const int64_t age_ms = head.newest_ms - time_ms;
    if (head.newest_ms > now_ms) {
      // The watermark has rolled back, and what is here comes from a time that never was. (An outcome that merely took
      // long to come is old, but its key's newest time is not ahead of everybody's.)
      Empty(head);
      head.newest_ms = time_ms;
      return true;
    }
    return age_ms < window.config.span_ms;
  }
  const int64_t fired_age_ms = head.fired == 0 ? 0 : int64_t{Low(head.newest_ms) - head.fired};
  const int64_t step_ms = time_ms - head.newest_ms;
  if (step_ms >= window.config.span_ms) {
    Empty(head);
  } else {
    if (fired_age_ms + step_ms > kSpanMsMax) head.fired = 0;
    // An age in 32 bits of milliseconds must not come round: of two spans of 25 days and more, go by way of
    // the middle.
    if (step_ms + window.config.span_ms > int64_t{0xffffffff})
      Expire(head, window, head.newest_ms + step_ms / 2);
  }
  head.newest_ms = time_ms;
  return true;
}

void KeyedTable::State::Empty(HeadBlock& head) noexcept {
  if (head.is_grown()) grown.Erase(head.payload[0]);
  for (int i = 0; i < head.links; ++i) slab.Give(head.payload[static_cast<size_t>(i)]);
  head.size = 0;
  head.links = 0;
  head.fired = 0;
  SetLevel(head, 0);
}

void KeyedTable::State::Expire(HeadBlock& head, const Window& window, int64_t at_ms) noexcept {
  const uint32_t at = Low(at_ms);
  if (head.is_grown()) {
    std::visit([&](auto& object) { object.Expire(at); }, grown.at(head.payload[0]));
    return;
  }
  if (window.grows && window.exact_max == HeadBlock::kNumbersInline) {
    InlineNumbers held = TakeNumbers(head);
    held.DropExpired(at, window.span);
    PutNumbers(head, held);
    return;
  }
  const bool has_tags = window.config.kind != WindowKind::kCount;
  Values values;
  TakeValues(head, has_tags, values);
  const TimesView view =
      DropExpired(values.times.data(), has_tags ? values.tags.data() : nullptr, head.size, at, window.span);
  head.size = static_cast<uint8_t>(view.size);
  PutValues(head, has_tags, values);
}

Reading KeyedTable::State::Describe(const HeadBlock& head, uint32_t number) const noexcept {
  Reading reading;
  reading.entry = number;
  if (head.fired != 0) reading.fired_ms = head.newest_ms - int64_t{Low(head.newest_ms) - head.fired};
  return reading;
}

uint64_t KeyedTable::State::SmallTags(const HeadBlock& head) const noexcept {
  uint64_t bits = 0;
  for (size_t i = 0; i < head.size; ++i) {
    bits |= SmallTagBit(head.links == 0
                            ? head.payload[i]
                            : slab.block(head.payload[i / kWordsPerBlock * 2]).words[i % kWordsPerBlock]);
  }
  return bits;
}

// ---- lines

void KeyedTable::State::TakeValues(const HeadBlock& head, bool has_tags, Values& values) const noexcept {
  const auto size = static_cast<size_t>(head.size);
  if (head.links == 0) {
    if (has_tags) {
      std::copy_n(head.payload.begin(), HeadBlock::kTagsInline, values.tags.begin());
      std::copy_n(head.payload.begin() + HeadBlock::kTagsInline, HeadBlock::kTagsInline,
                  values.times.begin());
    } else {
      std::copy_n(head.payload.begin(), HeadBlock::kTimesInline, values.times.begin());
    }
    return;
  }
  size_t link = 0;
  for (size_t at = 0; at < size; at += kWordsPerBlock) {
    if (has_tags) std::memcpy(&values.tags[at], &slab.block(head.payload[link++]), sizeof(Block));
    std::memcpy(&values.times[at], &slab.block(head.payload[link++]), sizeof(Block));
  }
}

void KeyedTable::State::PutValues(HeadBlock& head, bool has_tags, const Values& values) noexcept {
  const auto size = static_cast<size_t>(head.size);
  if (head.links == 0) {
    if (has_tags) {
      std::copy_n(values.tags.begin(), HeadBlock::kTagsInline, head.payload.begin());
      std::copy_n(values.times.begin(), HeadBlock::kTagsInline,
                  head.payload.begin() + HeadBlock::kTagsInline);
    } else {
      std::copy_n(values.times.begin(), HeadBlock::kTimesInline, head.payload.begin());
    }
    return;
  }
  size_t link = 0;
  for (size_t at = 0; at < size; at += kWordsPerBlock) {
    if (has_tags) std::memcpy(&slab.block(head.payload[link++]), &values.tags[at], sizeof(Block));
    std::memcpy(&slab.block(head.payload[link++]), &values.times[at], sizeof(Block));
  }
}

// Gives a key the lines that `size` values need. What the lines held must have been taken out.
void KeyedTable::State::Relink(uint32_t number, const WindowConfig& config, int size) noexcept {
  const int links = LinksFor(config, size);
  HeadBlock& head = slab.head(number);
  while (head.links < links) {
    const uint32_t block = TakeBlock(number);
    head.payload[head.links] = block;
    head.links = (head.links + 1) & 15;
  }
}

// ---- objects

bool KeyedTable::State::MakeRoomForGrown(uint32_t pinned_object, size_t more_bytes) noexcept {
  while (!grown.HasRoomFor(more_bytes)) {
    const uint32_t victim =
        grown.Victim(pinned_object, [&](uint32_t head) { return IsExpired(slab.head(head)); });
    if (victim == GrownWindows::kNone) return false;
    Remove(victim);
  }
  return true;
}

void KeyedTable::State::Grow(uint32_t number, std::unique_ptr<GrownWindow> object) noexcept {
  HeadBlock& head = slab.head(number);
  for (size_t i = 0; i < head.links; ++i) slab.Give(head.payload[i]);
  head.links = 0;
  head.payload[0] = grown.Insert(number, std::move(object));
  head.size = HeadBlock::kGrown;
}

void KeyedTable::State::Settle(HeadBlock& head, const Window& window, Reading& reading) noexcept {
  ReadGrown(head, window, reading);
  SetLevel(head, window.Level(double(reading.count)));
  grown.Update(head.payload[0], head.level);
}

void KeyedTable::State::ReadGrown(const HeadBlock& head, const Window& window,
                                  Reading& reading) const noexcept {
  const uint32_t now = Low(head.newest_ms);
  const GrownWindow& object = grown.at(head.payload[0]);
  uint32_t oldest_age = 0;
  switch (window.config.kind) {
    case WindowKind::kCount: {
      const auto& count = *std::get_if<EstimatedCount>(&object);
      reading.count = count.Count(now);
      reading.value = double(reading.count);
      reading.estimated = count.is_estimated();
      oldest_age = count.oldest_age(now);
      break;
    }
    case WindowKind::kDistinct: {
      const auto& sample = *std::get_if<DistinctSample>(&object);
      reading.count = sample.Count(now);
      reading.value = double(reading.count);
      reading.estimated = sample.is_estimated(now);
      oldest_age = sample.oldest_age(now);
      break;
    }
    case WindowKind::kSum:
    case WindowKind::kAverage: {
      const auto& sum = *std::get_if<SlidingSum>(&object);
      const double count = sum.Count(now);
      reading.value = sum.Sum(now);
      if (window.config.kind == WindowKind::kAverage) reading.value /= count;
      reading.count = std::llround(count);
      reading.estimated = sum.is_estimated();
      oldest_age = sum.oldest_age(now);
      break;
    }
    case WindowKind::kPercentile: {
      const auto& percentile = *std::get_if<SlidingPercentile>(&object);
      reading.value = percentile.Value();
      reading.count = static_cast<int64_t>(percentile.Count());
      reading.estimated = percentile.is_estimated();
      oldest_age = percentile.oldest_age(now);
      break;
    }
    case WindowKind::kSequence:
    case WindowKind::kEarly:
      STOCKADE_CHECK(false);
  }
  if (reading.count == 0) return;
  reading.newest_ms = head.newest_ms;
  reading.oldest_ms = head.newest_ms - oldest_age;
  if (window.config.kind == WindowKind::kCount || window.config.kind == WindowKind::kDistinct) {
    reading.saturated = reading.count >= window.config.limit;
  }
}

// ---- eviction

bool KeyedTable::State::IsExpired(const HeadBlock& head) const noexcept {
  const int64_t age_ms = now_ms - head.newest_ms;
  const Window& window = windows[head.window];
  // A late event may still come for as long as lateness; and nothing is newer than now but what a rollback
  // left.
  if (window.config.kind == WindowKind::kEarly && age_ms >= -options.lateness_ms)
    return !HasEarly(head, window);
  const bool has_run_out =
      age_ms >= window.config.span_ms + options.lateness_ms || age_ms < -options.lateness_ms;
  if (!has_run_out || window.note_ms == 0) return has_run_out;
  const int64_t noted_ms = NoteIn(head).time_ms;
  return noted_ms == kNeverMs || now_ms - noted_ms >= window.note_ms + options.lateness_ms;
}

uint32_t KeyedTable::State::TakeBlock(uint32_t pinned) noexcept {
  while (slab.is_exhausted()) EvictOne(pinned);
  return slab.Take();
}

void KeyedTable::State::EvictOne(uint32_t pinned) noexcept {
  // The lowest level is enough only if the hand can expect to meet it: a level counts as populated once it
  // and those below hold a 64th of all keys.
  size_t lowest = 0;
  for (size_t keys = levels[0]; lowest < 15 && keys * 64 < index.size(); keys += levels[++lowest]) {
  }
  uint32_t best = KeyIndex::kNoBlock;
  unsigned best_level = 16;
  for (int steps = 0; steps < kHandStepsMax; ++steps) {
    const uint32_t at = slab.NextHead(hand);
    hand = at + 1 < slab.used() ? at + 1 : 0;
    if (hand + 8 < slab.used()) __builtin_prefetch(&slab.head(hand + 8));
    if (at == pinned) continue;
    const HeadBlock& head = slab.head(at);
    if (IsExpired(head)) {
      best = at;
      break;
    }
    if (head.level < best_level) {
      best = at;
      best_level = head.level;
      if (best_level <= lowest) break;
    }
  }
  STOCKADE_CHECK(best != KeyIndex::kNoBlock);
  Remove(best);
}

uint64_t KeyedTable::State::Held(const HeadBlock& head) const noexcept {
  if (!head.is_grown()) return IsOpen(head, windows[head.window]) ? kEarlyEventsMax : head.size;
  Reading reading;
  ReadGrown(head, windows[head.window], reading);
  return static_cast<uint64_t>(reading.count);
}

void KeyedTable::State::Remove(uint32_t number) noexcept {
  HeadBlock& head = slab.head(number);
  WindowCounters& counters = windows[head.window].counters;
  if (IsExpired(head)) {
    ++counters.reclaimed;
  } else {
    ++counters.evicted;
    counters.worst_undercount = std::max(counters.worst_undercount, Held(head));
  }
  Empty(head);
  --levels[0];
  --windows[head.window].keys;
  index.Erase(head.key, number);
  head.key = Hash128{};  // a hint at this line is void from now on
  slab.UnmarkHead(number);
  slab.Give(number);
}

}  // namespace stockade
