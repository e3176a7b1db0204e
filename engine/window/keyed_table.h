// All windows of the engine, by key, in one table under one ceiling in bytes.
//
// A key is a Hash128 that the caller has already combined with the window's id, so that one table serves
// every rule. Each key has one cache line (64 bytes: key, newest time, header, up to 8 times or 4 tagged
// times), more lines only while it counts more, and beyond 64 values an object of its own, from 0.5 KiB to 2
// MiB. An index of 8 bytes a slot, at most 7/8 full, finds it. So a key seen once costs about 75 to 85 bytes;
// see bench/window_bench.cc.
//
// The ceiling. bytes() never exceeds Options::memory_bytes, whatever comes: index, lines and objects are all
// counted. Memory is reserved as addresses at the start but used only as keys come, so that resident memory
// follows use. If any window can grow beyond 64 values, a quarter of the ceiling is set aside for such
// objects.
//
// Eviction. When there is no room for a new key, keys whose window has run out (also for any late event) are
// reclaimed as they are met, which loses nothing. Else a hand goes round the lines and takes the first key at
// the lowest suspicion that it can expect to meet: of 16 levels, 0 for a key seen once, 15 for one at its
// window's limit, else in proportion; the level at or below which at least a 64th of all keys are. So it
// looks at 64 keys on average or fewer, never at more than kHandStepsMax, of which it then takes the lowest.
// A flood of new keys evicts one another and never a key that is close to its limit, however long ago that
// was last seen. Every eviction that lost something is counted for its window, with the worst undercount that
// follows from it.
//
// Order of calls: Create (Prefetch* PrefetchBlock* Add|AddTag|AddNumber|Read|Entries|SetFired|SetNow)*.
// Prefetch early (as soon as the hash is known), PrefetchBlock some tens of nanoseconds later, then Add: each
// takes one cache miss off the path, and Add need not search again where it is handed what PrefetchBlock found. Add is O(1) amortised, noexcept, allocates only where a key passes 64
// values. A time that is older than the newest of its key by more than Options::lateness_ms can only follow a
// rolled-back watermark: the key starts afresh. Hostile input: keys must come from a keyed hash (SipHash128,
// Combine), else the index can be made slow. Deterministic: the same calls give the same readings. Not
// thread-safe: one table belongs to one thread. Oracle: tests/oracle/window_oracle.h, compared in
// tests/engine/window/keyed_table_test.cc and tests/fuzz/window_fuzz.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "engine/event/keyed_hash.h"
#include "engine/limits.h"
#include "engine/window/early_events.h"
#include "engine/window/window.h"

namespace stockade {

class KeyedTable {
 public:
  // What one insertion can cost at worst: so many keys looked at, one after the other in memory, about 20 µs.
  // Suspicious keys that came together lie together, so it must be more than such a group has.
  static constexpr int kHandStepsMax = 4096;
  static constexpr size_t kWindowsMax = 65535;
  // The smallest ceiling: some fifty thousand keys. Below it the index alone would be most of the table.
  static constexpr size_t kBytesMin = size_t{4} << 20;

  struct Options {
    size_t memory_bytes = kMemoryBytesDefault;  // at least kBytesMin
    int64_t lateness_ms = kLatenessMsDefault;   // of the watermark in front; 0 to kLatenessMsMax
  };

  // Of one window, since the start.
  struct WindowCounters {
    uint64_t evicted = 0;           // keys dropped whose window had not run out
    uint64_t reclaimed = 0;         // keys dropped whose window had run out: nothing lost
    uint64_t worst_undercount = 0;  // the most values that one evicted key had counted
  };

  // A table for these windows; their ids are their positions. kInvalidArgument names the window and what is
  // wrong with it, or says that the ceiling is too low; kResourceExhausted: the system refuses to reserve the
  // addresses.
  static absl::StatusOr<std::unique_ptr<KeyedTable>> Create(const Options& options,
                                                            std::span<const WindowConfig> windows);
  ~KeyedTable();
  // One more window, for a rule that came while the table was in use; its id is the number of those before it. Nothing
  // that the table holds is touched, and the ceiling stays: a window that grows beyond 64 values has the share that
  // Create set aside for such, which is none if none of the first windows grows. kInvalidArgument as Create;
  // kFailedPrecondition: no such share; kResourceExhausted: kWindowsMax, or windows would take an eighth of the ceiling.
  absl::StatusOr<uint16_t> AddWindow(const WindowConfig& config);
  KeyedTable(const KeyedTable&) = delete;
  KeyedTable& operator=(const KeyedTable&) = delete;

  // Hints, without effect on any result.
  void Prefetch(const Hash128& key) const noexcept;
  // Says where the key lies now, for the `hint` of Add and AddTag; kNoEntry if it is not held.
  uint32_t PrefetchBlock(const Hash128& key) const noexcept;

  // The third step, of a row of early events: brings its other lines closer, or says that its windows are open.
  bool PrefetchRow(const Hash128& key, uint32_t hint) const noexcept;

  // Counts one event of `key`, which holds a window of that kind (see WindowKind), and says what the window
  // says now. `window` is the position of its config and must be the same for every call with this key. `hint`: what
  // PrefetchBlock of this key said, however long ago; it is believed only where the key still lies there.
  Reading Add(uint16_t window, const Hash128& key, int64_t time_ms, uint32_t hint = kNoEntry) noexcept;
  // The tag of a kDistinct window is a 32-bit fingerprint of the value: Fingerprint(hash). Two values of one
  // key fall together with a chance of 2^-32.
  Reading AddTag(uint16_t window, const Hash128& key, int64_t time_ms, uint32_t tag,
                 uint32_t hint = kNoEntry) noexcept;
  // Numbers that are not finite are refused (`counted` false).
  Reading AddNumber(uint16_t window, const Hash128& key, int64_t time_ms, double number) noexcept;

  // What the window of this key says, at its own newest time; an empty reading (entry == kNoEntry) if it is
  // not held.
  Reading Read(const Hash128& key) const noexcept;

  // The entries of a kDistinct or kSequence window of at most 64 values, oldest first (equal times: kSequence
  // in the order they came, kDistinct by tag); returns how many. `out` is filled up to its size. 0 for other
  // kinds and for windows that have grown beyond 64 values. `entry` comes from the last reading.
  int Entries(uint32_t entry, std::span<TimedTag, 64> out) const noexcept;

  // Remembers that the caller's rule fired for this key; Reading::fired_ms repeats it until the window runs
  // empty.
  void SetFired(uint32_t entry, int64_t time_ms) noexcept;

  // The events of a key whose windows need not be opened yet (early_events.h), in a kEarly window of its own. Open once
  // opened, until all that was counted has run out. Its span is at most kEarlySpanMsMax; its limit is not asked.
  enum class EarlyState : uint8_t {
    kKept,     // the event is in the row; the key's windows need not know of it yet
    kOpening,  // they do: of `before`, in that order, and then of this one
    kOpen,     // they know of all before; this one is to be counted as well
  };
  // What its feeds and spans mean, from now on. The windows that it is for must then have been opened.
  void SetEarlyPlan(uint16_t window, EarlyPlan plan);
  // `open`: they are to be opened whatever the plan says. `before` is filled for kOpening only.
  EarlyState AddEarly(uint16_t window, const Hash128& key, const EarlyEvent& event, bool open, uint32_t hint,
                      EarlyEvents* before) noexcept;
  // Opens the key that lies at `entry` (NextKey of a kEarly window), unless it is open or has seen nothing that is newer.
  bool OpenEarly(uint32_t entry, int64_t newer_than_ms, EarlyEvents* before) noexcept;

  // A time and a mark that the caller keeps in the line of a key, beside what is counted there and whatever becomes of
  // that; an evicted key loses it, and a new one has none. Only windows that HasRoomForNote.
  struct Note {
    int64_t time_ms = kNeverMs;
    bool marked = false;
  };
  static constexpr int kNoteLimitMax = 3;
  static bool HasRoomForNote(const WindowConfig& config) noexcept {
    return (config.kind == WindowKind::kCount || config.kind == WindowKind::kDistinct) &&
           config.limit <= kNoteLimitMax;
  }
  // Notes in that window are of use for so long: before, their keys have not run out.
  void KeepNotes(uint16_t window, int64_t span_ms) noexcept;
  Note NoteOf(uint32_t entry) const noexcept;
  void SetNote(uint32_t entry, const Note& note) noexcept;
  // Where the key lies; kNoEntry if it is not held. Valid like Reading::entry. `hint` as for Add.
  uint32_t Find(const Hash128& key, uint32_t hint = kNoEntry) const noexcept;
  // Whether any key of that window is held.
  bool HasKeys(uint16_t window) const noexcept;
  // The keys of one window: the first that lies at or behind `entry`, or kNoEntry. In no order that means anything;
  // keys that come or go meanwhile may be seen or not.
  uint32_t NextKey(uint16_t window, uint32_t entry, Hash128* key) const noexcept;
  int64_t now_ms() const noexcept;
  int64_t lateness_ms() const noexcept;

  // The watermark. Add moves the table's own idea of it forward (it decides only what has run out when room
  // is needed); after a rollback it must be told. Cheap; may be called for every event.
  void SetNow(int64_t now_ms) noexcept;

  size_t size() const noexcept;   // keys held
  size_t bytes() const noexcept;  // in use, at most memory_bytes
  size_t memory_bytes() const noexcept;
  const WindowConfig& config(uint16_t window) const noexcept;
  const WindowCounters& counters(uint16_t window) const noexcept;
  WindowCounters total() const noexcept;  // sums; the worst of the worst

 private:
  struct State;
  explicit KeyedTable(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

// The tag of a value whose hash this is.
inline uint32_t Fingerprint(const Hash128& hash) noexcept {
  return static_cast<uint32_t>(hash.high >> 16);
}

}  // namespace stockade
