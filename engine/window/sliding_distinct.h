// Counts the different values of one key in the last span: exactly to about 8,000, from a sample by hash
// beyond.
//
// A value is a 32-bit fingerprint, its tag. Up to 64 the keyed table keeps tags and times in cache lines
// (FindTag here, DropExpired of sliding_count.h). Beyond, DistinctSample keeps each value once, at its newest
// time, in the order of those times: a hash index finds it, a list gives the order, so an event costs O(1)
// however many values are in the window.
//
// With limit <= kListMax it keeps the newest `limit` values, and is exact. With a higher one the values are
// split by hash into lists, list z getting a share of 2^-(z+1) and the last the rest; each keeps its newest
// kListMax. The lists from z up that have lost nothing inside the span are a fair sample of 2^-z of all
// values (Gibbons and Tirthapura, "Distributed streams algorithms for sliding windows", SPAA 2002), and the
// lowest such z is used: z = 0, which is exact, while no list was full, about 8,192 values. The sample then
// holds 4,096 to 8,192 values: standard error 1.1 to 1.6 %.
//
// 16 bytes a value kept: at most limit values to kListMax, then 64 KiB for each doubling of the limit. An
// event in order is O(1); a late one walks past the values that are newer than it. Times as in
// sliding_count.h; a value seen again moves to its newest time, and a late sighting does not move it back.
// Not thread-safe. Oracle: tests/oracle/window_oracle.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

// The position of `tag` among `size` tags; -1 if it is not there. size <= 64.
int FindTag(const uint32_t* tags, int size, uint32_t tag) noexcept;

class DistinctSample {
 public:
  static constexpr uint32_t kListMax = 4096;

  DistinctSample(uint32_t span, uint32_t limit);

  // Bytes that the next Add may allocate on top of bytes(), while the old ones are still held.
  size_t growth_bytes() const noexcept;
  size_t bytes() const noexcept;

  // Drops what has run out at `now`.
  void Expire(uint32_t now) noexcept;
  // A sighting less than a span before `now`. With may_grow false it forgets an old value rather than
  // allocates.
  void Add(uint32_t now, uint32_t time, uint32_t tag, bool may_grow);

  // At most limit; what the window held at its last Expire or Add.
  uint32_t Count(uint32_t now) const noexcept;
  bool is_estimated(uint32_t now) const noexcept { return list_count_ > 1 && LevelInUse(now) > 0; }
  uint32_t oldest_age(uint32_t now) const noexcept;

 private:
  static constexpr uint16_t kNil = 0xffff;
  static constexpr size_t kEntriesMin = 128;
  static constexpr int kListsMax = 10;

  struct Entry {
    uint32_t tag;
    uint32_t time;
    uint16_t older;
    uint16_t newer;
  };
  struct List {
    uint16_t oldest = kNil;
    uint16_t newest = kNil;
    uint16_t size = 0;
    bool has_lost = false;   // a value that may still be inside the span
    uint32_t lost_time = 0;  // the newest of those
  };

  int ListOf(uint32_t tag) const noexcept;
  // The lowest list from which up nothing inside the span was lost; list_count_ if the last one has lost too.
  int LevelInUse(uint32_t now) const noexcept;
  size_t Home(uint32_t tag) const noexcept { return (tag * 0x9E3779B1u) >> index_shift_; }
  size_t FindSlot(uint32_t tag) const noexcept;
  void EraseSlot(uint32_t tag) noexcept;
  void Unlink(List& list, uint16_t at) noexcept;
  void LinkByTime(List& list, uint16_t at, uint32_t now) noexcept;
  void Drop(List& list, uint16_t at) noexcept;
  void Lose(List& list, uint32_t now, uint32_t time) noexcept;
  void Grow();

  uint32_t span_;
  uint32_t limit_;
  int list_count_;
  uint32_t list_max_;
  int index_shift_;
  uint16_t free_ = kNil;
  List lists_[kListsMax];
  std::vector<Entry> entries_;
  std::vector<uint16_t> index_;  // twice the entries' capacity, a power of two
};

}  // namespace stockade
