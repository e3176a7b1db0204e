#include "engine/window/keyed_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/status.h"
#include "engine/text.h"
#include "engine/window/inline_numbers.h"
#include "engine/window/keyed_table_state.h"
#include "engine/window/sliding_count.h"
#include "engine/window/sliding_distinct.h"
#include "engine/window/sliding_percentile.h"
#include "engine/window/sliding_sum.h"

namespace stockade {
namespace {

Window Prepare(const WindowConfig& config) {
  Window window;
  window.config = config;
  window.span = static_cast<uint32_t>(config.span_ms);
  switch (config.kind) {
    case WindowKind::kCount:
    case WindowKind::kDistinct:
      window.grows = config.limit > kExactLimit;
      window.exact_max = static_cast<uint8_t>(std::min(config.limit, kExactLimit));
      break;
    case WindowKind::kSequence:
      window.exact_max = static_cast<uint8_t>(config.limit);
      break;
    case WindowKind::kSum:
    case WindowKind::kAverage:
    case WindowKind::kPercentile:
      window.grows = true;
      window.exact_max = HeadBlock::kNumbersInline;
      break;
  }
  window.is_distinct = config.kind == WindowKind::kDistinct;
  window.is_long = config.span_ms * 2 > int64_t{0xffffffff};
  for (int size = 0; size <= kExactLimit; ++size) {
    window.levels[static_cast<size_t>(size)] = window.Level(size);
  }
  return window;
}

Shares Divide(size_t memory_bytes, bool any_grows, size_t window_count) {
  Shares shares;
  shares.grown_bytes = any_grows ? memory_bytes / 4 : 0;
  // What is neither index, line nor object.
  const size_t fixed = sizeof(Window) * window_count + 4096;
  const size_t rest = memory_bytes - shares.grown_bytes - std::min(fixed, memory_bytes / 8);
  // The size of index that lets the most keys in: a small one is full first, a large one leaves no lines.
  size_t keys_best = 0;
  for (size_t slots = KeyIndex::kSlotsMin; slots * KeyIndex::kSlotBytes < rest && slots <= (size_t{1} << 32);
       slots *= 2) {
    // Each line also takes a bit of the map of heads.
    const size_t blocks = (rest - slots * KeyIndex::kSlotBytes - 16) / (sizeof(Block) * 8 + 1) * 8;
    const size_t keys = std::min(slots / 8 * 7, blocks);
    if (keys > keys_best) {
      keys_best = keys;
      shares.slots_max = slots;
      shares.blocks_max = std::min<size_t>(blocks, 0xfffffff0u);
    }
  }
  return shares;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyedTable>> KeyedTable::Create(const Options& options,
                                                               std::span<const WindowConfig> configs) {
  if (options.memory_bytes < KeyedTable::kBytesMin) {
    return absl::InvalidArgumentError(
        Concat("memory_bytes: ", options.memory_bytes, " is too low; at least ", KeyedTable::kBytesMin));
  }
  if (options.lateness_ms < 0 || options.lateness_ms > kLatenessMsMax) {
    return absl::InvalidArgumentError(
        Concat("lateness_ms: ", options.lateness_ms, " is not between 0 and ", kLatenessMsMax, " (a day)"));
  }
  if (configs.size() > kWindowsMax) {
    return absl::InvalidArgumentError(Concat("windows: ", configs.size(), " are more than ", kWindowsMax));
  }
  bool any_grows = false;
  std::vector<Window> windows;
  windows.reserve(configs.size());
  for (const WindowConfig& config : configs) {
    if (absl::Status status = Validate(config); !status.ok()) {
      return absl::InvalidArgumentError(Concat("window ", windows.size(), ": ", FromAbsl(status.message())));
    }
    windows.push_back(Prepare(config));
    any_grows = any_grows || windows.back().grows;
  }
  const size_t window_bytes = sizeof(Window) * configs.size();
  if (window_bytes > options.memory_bytes / 8) {
    return absl::InvalidArgumentError(Concat("memory_bytes: ", options.memory_bytes, " is too low for ",
                                             configs.size(), " windows; at least ", window_bytes * 8));
  }
  const Shares shares = Divide(options.memory_bytes, any_grows, configs.size());
  auto state = std::make_unique<State>(options, std::move(windows), shares, any_grows);
  if (!state->index.is_reserved() || !state->slab.is_reserved()) {
    return absl::ResourceExhaustedError(
        Concat("memory_bytes: the system refuses to reserve ", options.memory_bytes, " bytes of addresses"));
  }
  return std::unique_ptr<KeyedTable>(new KeyedTable(std::move(state)));
}

KeyedTable::KeyedTable(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
KeyedTable::~KeyedTable() = default;

absl::StatusOr<uint16_t> KeyedTable::AddWindow(const WindowConfig& config) {
  RETURN_IF_ERROR(Validate(config));
  Window window = Prepare(config);
  if (window.grows && !state_->has_grown_share) {
    return absl::FailedPreconditionError(
        "no room was set aside for windows of sums or of more than 64 values, because there was none at the "
        "start");
  }
  const size_t count = state_->windows.size();
  if (count == kWindowsMax || sizeof(Window) * (count + 1) > state_->options.memory_bytes / 8) {
    return absl::ResourceExhaustedError(Concat("no room for more than ", count, " windows"));
  }
  state_->windows.push_back(window);
  state_->fixed_bytes += sizeof(Window);
  return static_cast<uint16_t>(count);
}

void KeyedTable::Prefetch(const Hash128& key) const noexcept {
  __builtin_prefetch(state_->index.home(key));
}

void KeyedTable::PrefetchBlock(const Hash128& key) const noexcept {
  // The tag alone decides: a wrong block is fetched once in 2^32.
  const State& state = *state_;
  const uint32_t number = state.index.Find(key, [](uint32_t) { return true; });
  if (number != KeyIndex::kNoBlock) __builtin_prefetch(&state.slab.head(number));
}

namespace {

// The positions 0..size of `times`, oldest first, equal times in the order of their positions.
std::array<uint8_t, kExactLimit> ByTime(const uint32_t* times, int size, uint32_t now) noexcept {
  std::array<uint8_t, kExactLimit> order{};
  for (int i = 0; i < size; ++i) order[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  std::sort(order.begin(), order.begin() + size, [&](uint8_t a, uint8_t b) {
    const uint32_t age_a = now - times[a];
    const uint32_t age_b = now - times[b];
    return age_a != age_b ? age_a > age_b : a < b;
  });
  return order;
}

// What an exact window of `size` values says.
void FillExact(const HeadBlock& head, const Window& window, int size, uint32_t oldest_age,
               Reading& reading) noexcept {
  reading.count = size;
  reading.value = size;
  reading.saturated = size >= window.config.limit;
  if (size == 0) return;
  reading.newest_ms = head.newest_ms;
  reading.oldest_ms = head.newest_ms - oldest_age;
}

}  // namespace

Reading KeyedTable::Add(uint16_t window_id, const Hash128& key, int64_t time_ms) noexcept {
  State& state = *state_;
  const Window& window = state.windows[window_id];
  STOCKADE_DCHECK(window.config.kind == WindowKind::kCount);
  Reading reading;
  HeadBlock* const head = state.FindForNewest(window_id, key, time_ms, &reading.entry);
  if (head != nullptr && state.AddInOrder(*head, window, time_ms, reading)) return reading;
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

Reading KeyedTable::AddTag(uint16_t window_id, const Hash128& key, int64_t time_ms, uint32_t tag) noexcept {
  State& state = *state_;
  const Window& window = state.windows[window_id];
  Reading reading;
  HeadBlock* const head = state.FindForNewest(window_id, key, time_ms, &reading.entry);
  if (head != nullptr && state.AddTagInOrder(*head, window, time_ms, tag, reading)) return reading;
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

Reading KeyedTable::Read(const Hash128& key) const noexcept {
  const State& state = *state_;
  const uint32_t number = state.Find(key);
  Reading reading;
  if (number == KeyIndex::kNoBlock) return reading;
  const HeadBlock& head = state.slab.head(number);
  const Window& window = state.windows[head.window];
  reading = state.Describe(head, number);
  if (head.is_grown()) {
    state.ReadGrown(head, window, reading);
  } else if (window.exact_max == HeadBlock::kNumbersInline && window.grows) {
    FillNumbers(head, window, TakeNumbers(head), reading);
  } else {
    State::Values values;
    state.TakeValues(head, window.config.kind != WindowKind::kCount, values);
    const TimesView view =
        DropExpired(values.times.data(), nullptr, head.size, Low(head.newest_ms), window.span);
    FillExact(head, window, view.size, view.oldest_age, reading);
  }
  reading.before = reading.value;
  return reading;
}

int KeyedTable::Entries(uint32_t entry, std::span<TimedTag, 64> out) const noexcept {
  const State& state = *state_;
  if (entry == kNoEntry) return 0;
  const HeadBlock& head = state.slab.head(entry);
  const Window& window = state.windows[head.window];
  const WindowKind kind = window.config.kind;
  if (head.is_grown() || (kind != WindowKind::kDistinct && kind != WindowKind::kSequence)) return 0;
  State::Values values;
  state.TakeValues(head, true, values);
  const uint32_t now = Low(head.newest_ms);
  const auto order = ByTime(values.times.data(), head.size, now);
  for (size_t i = 0; i < head.size; ++i) {
    out[i] = TimedTag{head.newest_ms - int64_t{now - values.times[order[i]]}, values.tags[order[i]]};
  }
  if (kind == WindowKind::kDistinct) {
    std::sort(out.begin(), out.begin() + head.size, [](const TimedTag& a, const TimedTag& b) {
      return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.tag < b.tag;
    });
  }
  return head.size;
}

uint64_t KeyedTable::SmallTags(uint32_t entry) const noexcept {
  const State& state = *state_;
  if (entry == kNoEntry) return 0;
  const HeadBlock& head = state.slab.head(entry);
  const WindowKind kind = state.windows[head.window].config.kind;
  if (head.is_grown() || (kind != WindowKind::kDistinct && kind != WindowKind::kSequence)) return 0;
  uint64_t bits = 0;
  const auto add = [&bits](uint32_t tag) { bits |= tag < 64 ? uint64_t{1} << tag : 0; };
  if (head.links == 0) {
    for (size_t i = 0; i < head.size; ++i) add(head.payload[i]);
    return bits;
  }
  for (size_t i = 0; i < head.size; ++i) {
    add(state.slab.block(head.payload[i / kWordsPerBlock * 2]).words[i % kWordsPerBlock]);
  }
  return bits;
}

void KeyedTable::SetFired(uint32_t entry, int64_t time_ms) noexcept {
  if (entry == kNoEntry) return;
  HeadBlock& head = state_->slab.head(entry);
  const int64_t age_ms = std::max<int64_t>(0, head.newest_ms - time_ms);
  if (age_ms > kSpanMsMax) return;
  // 0 says "never"; a millisecond earlier says the same as the right one.
  const uint32_t fired = Low(head.newest_ms - age_ms);
  head.fired = fired == 0 ? fired - 1 : fired;
}

void KeyedTable::SetNow(int64_t now_ms) noexcept {
  state_->now_ms = now_ms;
}

size_t KeyedTable::size() const noexcept {
  return state_->index.size();
}
size_t KeyedTable::bytes() const noexcept {
  return state_->index.bytes() + state_->slab.bytes() + state_->grown.bytes() + state_->fixed_bytes;
}
size_t KeyedTable::memory_bytes() const noexcept {
  return state_->options.memory_bytes;
}

const WindowConfig& KeyedTable::config(uint16_t window) const noexcept {
  return state_->windows[window].config;
}
const KeyedTable::WindowCounters& KeyedTable::counters(uint16_t window) const noexcept {
  return state_->windows[window].counters;
}
KeyedTable::WindowCounters KeyedTable::total() const noexcept {
  WindowCounters total;
  for (const Window& window : state_->windows) {
    total.evicted += window.counters.evicted;
    total.reclaimed += window.counters.reclaimed;
    total.worst_undercount = std::max(total.worst_undercount, window.counters.worst_undercount);
  }
  return total;
}

}  // namespace stockade
