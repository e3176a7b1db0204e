#include "engine/window/keyed_table.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/status.h"
#include "engine/text.h"
#include "engine/window/inline_numbers.h"
#include "engine/window/keyed_table_state.h"
#include "engine/window/sliding_count.h"

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
    case WindowKind::kEarly:
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

uint32_t KeyedTable::PrefetchBlock(const Hash128& key) const noexcept {
  // The tag alone decides: a wrong block is fetched once in 2^32.
  const State& state = *state_;
  const uint32_t number = state.index.Find(key, [](uint32_t) { return true; });
  static_assert(KeyIndex::kNoBlock == kNoEntry);
  if (number != KeyIndex::kNoBlock) __builtin_prefetch(&state.slab.head(number));
  return number;
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

void KeyedTable::SetFired(uint32_t entry, int64_t time_ms) noexcept {
  if (entry == kNoEntry) return;
  HeadBlock& head = state_->slab.head(entry);
  const int64_t age_ms = std::max<int64_t>(0, head.newest_ms - time_ms);
  if (age_ms > kSpanMsMax) return;
  // 0 says "never"; a millisecond earlier says the same as the right one.
  const uint32_t fired = Low(head.newest_ms - age_ms);
  head.fired = fired == 0 ? fired - 1 : fired;
}

void KeyedTable::KeepNotes(uint16_t window_id, int64_t span_ms) noexcept {
  Window& window = state_->windows[window_id];
  STOCKADE_DCHECK(HasRoomForNote(window.config));
  window.note_ms = std::max(window.note_ms, span_ms);
}
KeyedTable::Note KeyedTable::NoteOf(uint32_t entry) const noexcept {
  return NoteIn(state_->slab.head(entry));
}
void KeyedTable::SetNote(uint32_t entry, const Note& note) noexcept {
  HeadBlock& head = state_->slab.head(entry);
  STOCKADE_DCHECK(HasRoomForNote(state_->windows[head.window].config));
  PutNote(head, note);
}
uint32_t KeyedTable::Find(const Hash128& key, uint32_t hint) const noexcept {
  return state_->FindAt(key, hint);
}
bool KeyedTable::HasKeys(uint16_t window) const noexcept {
  return state_->windows[window].keys != 0;
}
uint32_t KeyedTable::NextKey(uint16_t window, uint32_t entry, Hash128* key) const noexcept {
  const BlockSlab& slab = state_->slab;
  for (; entry < slab.used(); ++entry) {
    if (!slab.is_head(entry) || slab.head(entry).window != window) continue;
    *key = slab.head(entry).key;
    return entry;
  }
  return kNoEntry;
}
int64_t KeyedTable::now_ms() const noexcept {
  return state_->now_ms;
}

int64_t KeyedTable::lateness_ms() const noexcept {
  return state_->options.lateness_ms;
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
