// How an event is counted: the common ways first, then any. The rest of the table is keyed_table.cc.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "engine/status.h"
#include "engine/window/inline_numbers.h"
#include "engine/window/keyed_table.h"
#include "engine/window/keyed_table_state.h"
#include "engine/window/sliding_count.h"
#include "engine/window/sliding_distinct.h"
#include "engine/window/sliding_percentile.h"
#include "engine/window/sliding_sum.h"

namespace stockade {

Reading KeyedTable::Add(uint16_t window_id, const Hash128& key, int64_t time_ms, uint32_t hint) noexcept {
  State& state = *state_;
  const Window& window = state.windows[window_id];
  STOCKADE_DCHECK(window.config.kind == WindowKind::kCount);
  uint32_t number;
  HeadBlock* const head = state.FindForNewest(window_id, key, time_ms, hint, &number);
  State::InOrder held;
  if (head != nullptr && state.AddInOrder(*head, window, time_ms, &held))
    return state.FinishInOrder(number, window, time_ms, held);
  return state.AddAnyhow(window_id, key, time_ms);
}

Reading KeyedTable::State::AddAnyhow(uint16_t window_id, const Hash128& key, int64_t time_ms) noexcept {
  const Window& window = windows[window_id];
  const uint32_t number = FindOrInsert(window_id, key, time_ms);
  HeadBlock& head = slab.head(number);
  const bool counts = Advance(head, window, time_ms);
  const uint32_t now = Low(head.newest_ms);
  const uint32_t time = Low(time_ms);
  Reading reading = Describe(head, number);
  reading.counted = counts;

  if (head.is_grown()) {
    auto& count = *std::get_if<EstimatedCount>(&grown.at(head.payload[0]));
    count.Expire(now);
    reading.before = count.Count(now);
    if (counts) {
      const size_t growth = count.growth_bytes();
      count.Add(now, time, growth == 0 || MakeRoomForGrown(head.payload[0], growth));
    }
    Settle(head, window, reading);
    return reading;
  }

  State::Values values;
  uint32_t* times = head.payload.data();
  if (head.links != 0) {
    TakeValues(head, false, values);
    times = values.times.data();
  }
  TimesView view = DropExpired(times, nullptr, head.size, now, window.span);
  bool rewrite = view.has_dropped;
  int changed = -1;
  reading.before = view.size;
  if (counts) {
    const uint32_t age = now - time;
    if (view.size < window.exact_max) {
      if (LinksFor(window.config, view.size + 1) > head.links) {
        if (head.links == 0) std::copy_n(times, view.size, values.times.begin());
        times = values.times.data();
        Relink(number, window.config, view.size + 1);
        rewrite = true;
      }
      changed = view.size++;
      view.oldest_age = std::max(view.oldest_age, age);
    } else {
      if (window.grows) {
        // 64 times and one more: an object takes over, if there is room for it or somebody can be made to
        // leave.
        auto larger = std::make_unique<GrownWindow>(std::in_place_type<EstimatedCount>, window.span,
                                                    static_cast<uint32_t>(window.config.limit));
        auto& object = *std::get_if<EstimatedCount>(larger.get());
        if (MakeRoomForGrown(GrownWindows::kNone, GrownWindows::CostOf(object.bytes()))) {
          const auto order = ByTime(times, view.size, now);
          for (int i = 0; i < view.size; ++i) object.Add(now, times[order[static_cast<size_t>(i)]], false);
          object.Add(now, time, false);
          Grow(number, std::move(larger));
          Settle(head, window, reading);
          return reading;
        }
        reading.estimated = true;
      }
      if (age < view.oldest_age) {
        std::copy(times + 1, times + view.size, times);
        changed = view.size - 1;
        rewrite = true;
      }
    }
    if (changed >= 0) {
      for (; changed > 0 && now - times[changed - 1] < age; --changed) {
        times[changed] = times[changed - 1];
        rewrite = true;
      }
      times[changed] = time;
      view.oldest_age = now - times[0];
    }
  }
  head.size = static_cast<uint8_t>(view.size);
  if (head.links != 0) {
    if (rewrite) {
      PutValues(head, false, values);
    } else if (changed >= 0) {
      slab.block(head.payload[static_cast<size_t>(changed / kWordsPerBlock)])
          .words[static_cast<size_t>(changed % kWordsPerBlock)] = time;
    }
  }
  SetLevel(head, window.levels[static_cast<size_t>(view.size)]);
  FillExact(head, window, view.size, view.oldest_age, reading);
  return reading;
}

Reading KeyedTable::AddTag(uint16_t window_id, const Hash128& key, int64_t time_ms, uint32_t tag,
                           uint32_t hint) noexcept {
  State& state = *state_;
  const Window& window = state.windows[window_id];
  uint32_t number;
  HeadBlock* const head = state.FindForNewest(window_id, key, time_ms, hint, &number);
  State::InOrder held;
  if (head != nullptr && state.AddTagInOrder(*head, window, time_ms, tag, &held))
    return state.FinishInOrder(number, window, time_ms, held);
  return state.AddTagAnyhow(window_id, key, time_ms, tag);
}

Reading KeyedTable::State::AddTagAnyhow(uint16_t window_id, const Hash128& key, int64_t time_ms,
                                        uint32_t tag) noexcept {
  const Window& window = windows[window_id];
  const bool is_sequence = window.config.kind == WindowKind::kSequence;
  STOCKADE_DCHECK(is_sequence || window.config.kind == WindowKind::kDistinct);
  const uint32_t number = FindOrInsert(window_id, key, time_ms);
  HeadBlock& head = slab.head(number);
  const bool counts = Advance(head, window, time_ms);
  const uint32_t now = Low(head.newest_ms);
  const uint32_t time = Low(time_ms);
  Reading reading = Describe(head, number);
  reading.counted = counts;

  if (head.is_grown()) {
    auto& sample = *std::get_if<DistinctSample>(&grown.at(head.payload[0]));
    sample.Expire(now);
    reading.before = sample.Count(now);
    if (counts) {
      const size_t growth = sample.growth_bytes();
      sample.Add(now, time, tag, growth == 0 || MakeRoomForGrown(head.payload[0], growth));
    }
    Settle(head, window, reading);
    return reading;
  }

  State::Values values;
  uint32_t* tags = head.payload.data();
  uint32_t* times = head.payload.data() + HeadBlock::kTagsInline;
  // One line of each is worked on where it lies; more are taken out and put back.
  bool is_in_place = head.links <= 2;
  if (head.links == 2) {
    tags = slab.block(head.payload[0]).words.data();
    times = slab.block(head.payload[1]).words.data();
  } else if (head.links != 0) {
    TakeValues(head, true, values);
    tags = values.tags.data();
    times = values.times.data();
  }
  TimesView view = DropExpired(times, tags, head.size, now, window.span);
  bool rewrite = view.has_dropped;
  int changed = -1;
  reading.before = view.size;
  if (counts) {
    const uint32_t age = now - time;
    const int found = is_sequence ? -1 : FindTag(tags, view.size, tag);
    if (found >= 0) {
      if (age < now - times[found]) {
        changed = found;
        if (found == view.oldest) view.oldest_age = std::max(view.second_age, age);
      }
    } else if (view.size < window.exact_max) {
      if (LinksFor(window.config, view.size + 1) > head.links) {
        if (is_in_place) {
          std::copy_n(tags, view.size, values.tags.begin());
          std::copy_n(times, view.size, values.times.begin());
          is_in_place = false;
        }
        tags = values.tags.data();
        times = values.times.data();
        Relink(number, window.config, view.size + 1);
        rewrite = true;
      }
      changed = view.size++;
      view.oldest_age = std::max(view.oldest_age, age);
    } else if (is_sequence) {
      // Positions are the order of coming, which decides between equal times: the first of the oldest goes,
      // the rest closes up.
      int oldest = 0;
      while (now - times[oldest] != view.oldest_age) ++oldest;
      if (age <= view.oldest_age) {
        std::copy(tags + oldest + 1, tags + view.size, tags + oldest);
        std::copy(times + oldest + 1, times + view.size, times + oldest);
        changed = view.size - 1;
        rewrite = true;
        view.oldest_age = std::max(view.second_age, age);
      }
    } else {
      if (window.grows) {
        auto larger = std::make_unique<GrownWindow>(std::in_place_type<DistinctSample>, window.span,
                                                    static_cast<uint32_t>(window.config.limit));
        auto& object = *std::get_if<DistinctSample>(larger.get());
        if (MakeRoomForGrown(GrownWindows::kNone, GrownWindows::CostOf(object.bytes()))) {
          const auto order = ByTime(times, view.size, now);
          for (int i = 0; i < view.size; ++i) {
            const size_t at = order[static_cast<size_t>(i)];
            object.Add(now, times[at], tags[at], false);
          }
          object.Add(now, time, tag, false);
          Grow(number, std::move(larger));
          Settle(head, window, reading);
          return reading;
        }
        reading.estimated = true;
      }
      if (age < view.oldest_age) {
        changed = view.oldest;
        view.oldest_age = std::max(view.second_age, age);
      }
    }
    if (changed >= 0) {
      tags[changed] = tag;
      times[changed] = time;
    }
  }
  head.size = static_cast<uint8_t>(view.size);
  if (!is_in_place) {
    if (rewrite) {
      PutValues(head, true, values);
    } else if (changed >= 0) {
      const size_t link = static_cast<size_t>(changed / kWordsPerBlock) * 2;
      const size_t word = static_cast<size_t>(changed % kWordsPerBlock);
      slab.block(head.payload[link]).words[word] = tag;
      slab.block(head.payload[link + 1]).words[word] = time;
    }
  }
  SetLevel(head, window.levels[static_cast<size_t>(view.size)]);
  FillExact(head, window, view.size, view.oldest_age, reading);
  reading.small_tags = SmallTags(head);
  return reading;
}

Reading KeyedTable::AddNumber(uint16_t window_id, const Hash128& key, int64_t time_ms,
                              double number) noexcept {
  State& state = *state_;
  const Window& window = state.windows[window_id];
  const WindowKind kind = window.config.kind;
  STOCKADE_DCHECK(kind == WindowKind::kSum || kind == WindowKind::kAverage ||
                  kind == WindowKind::kPercentile);
  if (!std::isfinite(number)) return Read(key);
  const uint32_t block = state.FindOrInsert(window_id, key, time_ms);
  HeadBlock& head = state.slab.head(block);
  const bool counts = state.Advance(head, window, time_ms);
  const uint32_t now = Low(head.newest_ms);
  const uint32_t time = Low(time_ms);
  Reading reading = state.Describe(head, block);
  reading.counted = counts;

  if (!head.is_grown()) {
    InlineNumbers held = TakeNumbers(head);
    held.DropExpired(now, window.span);
    FillNumbers(head, window, held, reading);
    reading.before = reading.value;
    if (!counts) return reading;
    if (held.size < HeadBlock::kNumbersInline) {
      held.numbers[static_cast<size_t>(held.size)] = number;
      held.times[static_cast<size_t>(held.size)] = time;
      ++held.size;
      PutNumbers(head, held);
      state.SetLevel(head, window.levels[static_cast<size_t>(held.size)]);
      FillNumbers(head, window, held, reading);
      return reading;
    }
    auto grown = kind == WindowKind::kPercentile
                     ? std::make_unique<GrownWindow>(std::in_place_type<SlidingPercentile>, window.span,
                                                     window.config.percentile)
                     : std::make_unique<GrownWindow>(std::in_place_type<SlidingSum>, window.span);
    // Room there is always: nobody else is larger than the share of memory that all objects have.
    const size_t cost = GrownWindows::CostOf(WindowBytes(*grown));
    STOCKADE_CHECK(state.MakeRoomForGrown(GrownWindows::kNone, cost));
    state.Grow(block, std::move(grown));
    for (size_t i = 0; i < HeadBlock::kNumbersInline; ++i) {
      AddTo(state.grown.at(head.payload[0]), now, held.times[i], held.numbers[i], false);
    }
  }
  GrownWindow& object = state.grown.at(head.payload[0]);
  std::visit([&](auto& w) { w.Expire(now); }, object);
  state.ReadGrown(head, window, reading);
  reading.before = reading.value;
  if (counts) {
    const size_t growth = std::visit([](const auto& w) { return w.growth_bytes(); }, object);
    AddTo(object, now, time, number, growth == 0 || state.MakeRoomForGrown(head.payload[0], growth));
  }
  state.Settle(head, window, reading);
  return reading;
}

}  // namespace stockade
