// The inside of KeyedTable: its parts and the steps that its calls are made of. Only keyed_table*.cc include
// it. What the numbers mean and why it is laid out so: keyed_table.h, block_slab.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/window/block_slab.h"
#include "engine/window/grown_windows.h"
#include "engine/window/key_index.h"
#include "engine/window/keyed_table.h"

namespace stockade {

inline constexpr int kWordsPerBlock = 16;

// A window's configuration, worked out for the hot path.
struct Window {
  WindowConfig config;
  uint32_t span = 0;
  // Values that lines of the slab may hold; one more makes the key grow into an object, or, if the window
  // never grows, replaces its oldest.
  uint8_t exact_max = 0;
  bool grows = false;
  // Suspicion of 0 to 64 values.
  std::array<uint8_t, kExactLimit + 1> levels{};
  bool is_distinct = false;
  // Two ages of such a window can come round in 32 bits of milliseconds (see State::Advance).
  bool is_long = false;
  // For how long a note is of use to whoever keeps it there; 0: nobody does.
  int64_t note_ms = 0;
  // Of a kEarly window.
  const EarlyPlan* early = nullptr;
  size_t keys = 0;  // held
  KeyedTable::WindowCounters counters;

  // A key seen once is never suspicious: losing it loses one.
  uint8_t Level(double size) const noexcept {
    if (size <= 1) return 0;
    if (size >= config.limit) return 15;
    return static_cast<uint8_t>(1 + (size - 1) * 14 / (config.limit - 1));
  }
};

// How the ceiling is divided.
struct Shares {
  size_t slots_max = 0;
  size_t blocks_max = 0;
  size_t grown_bytes = 0;
};

inline uint32_t Low(int64_t time_ms) noexcept {
  return static_cast<uint32_t>(time_ms);
}

// The bit of a tag in Reading::small_tags.
inline uint64_t SmallTagBit(uint32_t tag) noexcept {
  return tag < 64 ? uint64_t{1} << tag : 0;
}

inline int LinksFor(const WindowConfig& config, int size) noexcept {
  const int blocks = (size + kWordsPerBlock - 1) / kWordsPerBlock;
  if (config.kind == WindowKind::kCount) return size <= HeadBlock::kTimesInline ? 0 : blocks;
  return size <= HeadBlock::kTagsInline ? 0 : 2 * blocks;
}

struct KeyedTable::State {
  State(const Options& options_in, std::vector<Window> windows_in, const Shares& shares, bool any_grows)
      : options(options_in),
        windows(std::move(windows_in)),
        index(shares.slots_max),
        slab(shares.blocks_max),
        grown(shares.grown_bytes),
        fixed_bytes(sizeof(State) + windows.size() * sizeof(Window)),
        has_grown_share(any_grows) {}

  // The values of a key that lines hold, taken out of them.
  struct Values {
    alignas(64) std::array<uint32_t, kExactLimit> times;
    alignas(64) std::array<uint32_t, kExactLimit> tags;
  };

  uint32_t Find(const Hash128& key) const noexcept {
    return index.Find(key, [&](uint32_t block) { return slab.head(block).key == key; });
  }

  // The same, where it may still lie where it did.
  uint32_t FindAt(const Hash128& key, uint32_t hint) const noexcept {
    // Whatever has become of that line since: only a head that is held has its key in it (see Remove).
    return hint < slab.used() && slab.head(hint).key == key ? hint : Find(key);
  }

  uint32_t FindOrInsert(uint16_t window, const Hash128& key, int64_t time_ms) noexcept;
  // Brings the key's now forward to an event at time_ms; false if that is too old to count.
  bool Advance(HeadBlock& head, const Window& window, int64_t time_ms) noexcept;
  uint32_t Insert(uint16_t window, const Hash128& key, int64_t time_ms) noexcept;
  // Most events are the newest of their key and need no more lines than the key has. Those are counted without a
  // further call.
  //
  // The line of a key, new or emptied where its window has run out, for an event that is its newest; null for any
  // other event and where an object must be asked, and then nothing has changed that AddAnyhow would not change too.
  HeadBlock* FindForNewest(uint16_t window_id, const Hash128& key, int64_t time_ms, uint32_t hint,
                           uint32_t* number) noexcept;
  // What the window of such an event holds then.
  struct InOrder {
    unsigned before = 0;
    unsigned size = 0;
    uint32_t oldest_age = 0;
    uint64_t small_tags = 0;
  };
  // The event of a kCount window: nothing has run out, and there is room in the lines that the key has or the oldest
  // of a single line must go. False if it is another.
  bool AddInOrder(HeadBlock& head, const Window& window, int64_t time_ms, InOrder* held) noexcept;
  // The same for a kDistinct or kSequence window whose tags lie in the key's own line or in one further pair: nothing has
  // run out, and there is room for the tag, or, of a kDistinct one, it is there already or the oldest must go.
  bool AddTagInOrder(HeadBlock& head, const Window& window, int64_t time_ms, uint32_t tag,
                     InOrder* held) noexcept;
  // What both end with: the key's newest time is time_ms now.
  Reading FinishInOrder(uint32_t number, const Window& window, int64_t time_ms, const InOrder& held) noexcept;
  // Any event, the common ones included.
  Reading AddAnyhow(uint16_t window, const Hash128& key, int64_t time_ms) noexcept;
  Reading AddTagAnyhow(uint16_t window, const Hash128& key, int64_t time_ms, uint32_t tag) noexcept;
  // Drops what has run out at now_ms, which is at most half a span after the key's newest event.
  void Expire(HeadBlock& head, const Window& window, int64_t now_ms) noexcept;
  Reading Describe(const HeadBlock& head, uint32_t number) const noexcept;
  // Reading::small_tags of a window with tags that has not grown.
  uint64_t SmallTags(const HeadBlock& head) const noexcept;

  void SetLevel(HeadBlock& head, uint8_t level) noexcept {
    if (head.level == level) return;
    --levels[head.level];
    ++levels[level];
    head.level = level & 15;
  }
  void Empty(HeadBlock& head) noexcept;

  // Lines
  void TakeValues(const HeadBlock& head, bool has_tags, Values& values) const noexcept;
  void PutValues(HeadBlock& head, bool has_tags, const Values& values) noexcept;
  void Relink(uint32_t number, const WindowConfig& config, int size) noexcept;

  // Rows of early events (keyed_table_early.cc)
  uint32_t* EarlyWords(HeadBlock& head, size_t at) noexcept;
  const uint32_t* EarlyWords(const HeadBlock& head, size_t at) const noexcept {
    return const_cast<State*>(this)->EarlyWords(const_cast<HeadBlock&>(head), at);
  }
  EarlyEvent EarlyAt(const HeadBlock& head, size_t at) const noexcept;
  void PutEarly(HeadBlock& head, size_t at, const EarlyEvent& event) noexcept;
  // Drops what is of no account any more at that time of its key, also for a late event.
  void DropEarly(HeadBlock& head, const Window& window, int64_t at_ms) noexcept;
  // Whether so many of the row's events, or different tags of theirs, could be in one window with this one.
  bool IsReached(const EarlyLimit& limit, const HeadBlock& head, const EarlyEvent& event) const noexcept;
  // One more line for the events of a full row.
  void LengthenEarly(uint32_t number) noexcept;
  void TakeEarly(HeadBlock& head, EarlyEvents* out) noexcept;
  bool HasEarly(const HeadBlock& head, const Window& window) const noexcept;

  // Objects
  bool MakeRoomForGrown(uint32_t pinned_object, size_t more_bytes) noexcept;
  // Puts an object in the place of a key's values, whose lines become free. There must be room for it.
  void Grow(uint32_t number, std::unique_ptr<GrownWindow> object) noexcept;
  // After an object has changed: what it says and how suspicious that is.
  void Settle(HeadBlock& head, const Window& window, Reading& reading) noexcept;
  void ReadGrown(const HeadBlock& head, const Window& window, Reading& reading) const noexcept;

  // Eviction
  bool IsExpired(const HeadBlock& head) const noexcept;
  uint32_t TakeBlock(uint32_t pinned) noexcept;
  void EvictOne(uint32_t pinned) noexcept;
  void Remove(uint32_t number) noexcept;
  uint64_t Held(const HeadBlock& head) const noexcept;

  Options options;
  std::vector<Window> windows;
  KeyIndex index;
  BlockSlab slab;
  GrownWindows grown;
  std::vector<std::unique_ptr<EarlyPlan>> early_plans;  // of kEarly windows
  std::array<size_t, 16> levels{};
  uint32_t hand = 0;
  int64_t now_ms = kNeverMs;
  size_t fixed_bytes;
  bool has_grown_share;
};

// The positions 0..size of `times`, oldest first, equal times in the order of their positions.
inline std::array<uint8_t, kExactLimit> ByTime(const uint32_t* times, int size, uint32_t now) noexcept {
  std::array<uint8_t, kExactLimit> order{};
  for (int i = 0; i < size; ++i) order[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  std::sort(order.begin(), order.begin() + size, [&](uint8_t a, uint8_t b) {
    const uint32_t age_a = now - times[a];
    const uint32_t age_b = now - times[b];
    return age_a != age_b ? age_a > age_b : a < b;
  });
  return order;
}

// A note lies in the words that windows of at most kNoteLimitMax values leave alone, of times and of tags alike. As
// one number: 0 for none, else the milliseconds since -2^62, doubled, and the mark.
inline constexpr size_t kNoteLow = 3;
inline constexpr size_t kNoteHigh = 7;
static_assert(KeyedTable::kNoteLimitMax <= int{kNoteLow} &&
              HeadBlock::kTagsInline + KeyedTable::kNoteLimitMax <= int{kNoteHigh});
inline constexpr uint64_t kNoteEpoch = uint64_t{1} << 62;

inline KeyedTable::Note NoteIn(const HeadBlock& head) noexcept {
  const uint64_t stored = uint64_t{head.payload[kNoteHigh]} << 32 | head.payload[kNoteLow];
  KeyedTable::Note note;
  if (stored >> 1 != 0) note.time_ms = static_cast<int64_t>((stored >> 1) - kNoteEpoch);
  note.marked = (stored & 1) != 0;
  return note;
}
inline void PutNote(HeadBlock& head, const KeyedTable::Note& note) noexcept {
  const uint64_t time = note.time_ms == kNeverMs ? 0 : static_cast<uint64_t>(note.time_ms) + kNoteEpoch;
  const uint64_t stored = time << 1 | (note.marked ? 1 : 0);
  head.payload[kNoteLow] = static_cast<uint32_t>(stored);
  head.payload[kNoteHigh] = static_cast<uint32_t>(stored >> 32);
}

// Whether the windows of a row of early events are open.
inline bool IsOpen(const HeadBlock& head, const Window& window) noexcept {
  return window.config.kind == WindowKind::kEarly && head.fired != 0;
}

// What an exact window of `size` values says.
inline void FillExact(const HeadBlock& head, const Window& window, int size, uint32_t oldest_age,
                      Reading& reading) noexcept {
  reading.count = size;
  reading.value = size;
  reading.saturated = size >= window.config.limit;
  if (size == 0) return;
  reading.newest_ms = head.newest_ms;
  reading.oldest_ms = head.newest_ms - oldest_age;
}

inline HeadBlock* KeyedTable::State::FindForNewest(uint16_t window_id, const Hash128& key, int64_t time_ms,
                                                   uint32_t hint, uint32_t* number) noexcept {
  const Window& window = windows[window_id];
  now_ms = std::max(now_ms, time_ms);
  *number = FindAt(key, hint);
  if (*number == KeyIndex::kNoBlock) {
    *number = Insert(window_id, key, time_ms);
    return &slab.head(*number);
  }
  HeadBlock& head = slab.head(*number);
  const int64_t step_ms = time_ms - head.newest_ms;
  if (step_ms < 0 || window.is_long) return nullptr;
  if (step_ms >= int64_t{window.span}) {
    if (head.links != 0 || head.is_grown()) return nullptr;
    head.size = 0;
    head.fired = 0;
    return &head;
  }
  // Close to where the age of the last firing would come round: Advance forgets it.
  if (head.fired != 0 && int64_t{Low(head.newest_ms) - head.fired} + step_ms > kSpanMsMax) return nullptr;
  return &head;
}

inline Reading KeyedTable::State::FinishInOrder(uint32_t number, const Window& window, int64_t time_ms,
                                                const InOrder& held) noexcept {
  HeadBlock& head = slab.head(number);
  head.newest_ms = time_ms;
  head.size = static_cast<uint8_t>(held.size);
  SetLevel(head, window.levels[held.size]);
  Reading reading;
  reading.value = static_cast<int>(held.size);
  reading.before = static_cast<int>(held.before);
  reading.count = held.size;
  reading.oldest_ms = time_ms - int64_t{held.oldest_age};
  reading.newest_ms = time_ms;
  reading.fired_ms = head.fired != 0 ? time_ms - int64_t{Low(time_ms) - head.fired} : kNeverMs;
  reading.small_tags = held.small_tags;
  reading.entry = number;
  reading.counted = true;
  reading.saturated = held.size >= static_cast<unsigned>(window.config.limit);
  return reading;
}

inline bool KeyedTable::State::AddInOrder(HeadBlock& head, const Window& window, int64_t time_ms,
                                          InOrder* held) noexcept {
  const unsigned size = head.size;
  const uint32_t now = Low(time_ms);
  if (head.is_grown() || (size == 0 && head.links != 0)) return false;
  unsigned size_after = size + 1;
  uint32_t oldest = now;
  if (head.links == 0) {
    if (size > 0 && now - head.payload[0] >= window.span) return false;
    if (size < window.exact_max && size < HeadBlock::kTimesInline) {
      head.payload[size] = now;
    } else if (size == window.exact_max && !window.grows) {
      // Oldest first: all move up by one. What lies beyond a few may be a note; beyond more it is nothing.
      if (size <= unsigned{KeyedTable::kNoteLimitMax}) {
        for (unsigned i = 1; i < size; ++i) head.payload[i - 1] = head.payload[i];
      } else {
        std::memmove(&head.payload[0], &head.payload[1], sizeof(head.payload) - sizeof(head.payload[0]));
      }
      head.payload[size - 1] = now;
      size_after = size;
    } else {
      return false;
    }
    oldest = head.payload[0];
  } else {
    oldest = slab.block(head.payload[0]).words[0];
    if (size >= window.exact_max || size >= head.links * unsigned{kWordsPerBlock} ||
        now - oldest >= window.span) {
      return false;
    }
    slab.block(head.payload[size / kWordsPerBlock]).words[size % kWordsPerBlock] = now;
  }
  *held = {size, size_after, now - oldest, 0};
  return true;
}

inline bool KeyedTable::State::AddTagInOrder(HeadBlock& head, const Window& window, int64_t time_ms,
                                             uint32_t tag, InOrder* held) noexcept {
  const unsigned size = head.size;
  const uint32_t now = Low(time_ms);
  uint32_t* tags = head.payload.data();
  uint32_t* times = tags + HeadBlock::kTagsInline;
  unsigned room = HeadBlock::kTagsInline;
  if (head.links == 2) {
    tags = slab.block(head.payload[0]).words.data();
    times = slab.block(head.payload[1]).words.data();
    room = kWordsPerBlock;
  } else if (head.links != 0) {
    return false;
  }
  if (size > room) return false;  // an object, or more lines
  unsigned at = size;             // where the tag is, or would be appended
  unsigned oldest = 0;            // of the others, like both ages
  uint32_t oldest_age = 0;
  uint32_t second_age = 0;
  uint64_t small_tags = SmallTagBit(tag);
  for (unsigned i = 0; i < size; ++i) {
    const uint32_t age = now - times[i];
    if (age >= window.span) return false;
    small_tags |= SmallTagBit(tags[i]);
    if (tags[i] == tag && window.is_distinct) {
      at = i;
    } else if (age >= oldest_age) {
      second_age = oldest_age;
      oldest_age = age;
      oldest = i;
    } else if (age > second_age) {
      second_age = age;
    }
  }
  unsigned size_after = size;
  if (at == size) {
    if (size < window.exact_max && size < room) {
      size_after = size + 1;
    } else if (size == window.exact_max && window.is_distinct && !window.grows && oldest_age > 0) {
      // The newest are kept: the oldest makes room.
      at = oldest;
      oldest_age = second_age;
      small_tags &= ~SmallTagBit(tags[oldest]);
    } else {
      return false;
    }
  }
  tags[at] = tag;
  times[at] = now;
  *held = {size, size_after, oldest_age, small_tags};
  return true;
}

}  // namespace stockade
