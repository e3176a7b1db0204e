// Counts the events of one key in the last span: exactly while they are few, in cells of growing size beyond.
//
// Exact (free functions over the caller's array, which the keyed table lays into cache lines): the newest
// `limit` times, oldest first. With them "at least `limit` within span" is decided without error. O(limit),
// limit <= 64; the keyed table has a shorter way for the newest event of a key.
//
// Cells: after Datar, Gionis, Indyk and Motwani, "Maintaining stream statistics over sliding windows" (SIAM
// J. Comput. 2002). A cell is the newest time of some neighbouring events and how many they are. When the
// array is full, neighbours are merged as long as a cell holds at most kCellShare of what is newer than it.
// Only the oldest cell can straddle the window's edge; how much of it still counts is interpolated. So the
// error is at most kCellShare of the count, and its standard error at most kCellShare/sqrt(12) = 1.5 % where
// the edge cuts the cell anywhere. Unlike the paper's powers of two this takes late events (each as a cell of
// its own, where it belongs) and weights. At most about 500 cells for a million events; amortised O(1) in
// order, O(cells) for a late event.
//
// Times are the low 32 bits of milliseconds; `now` is the newest time seen, and nothing held is a span or
// more older. Not thread-safe. Oracle: tests/oracle/window_oracle.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace stockade {

inline constexpr double kCellShare = 1.0 / 20;

// ---- exact

// What is known of an array of times after its expired ones were dropped.
struct TimesView {
  int size = 0;
  int oldest = 0;           // its position
  uint32_t oldest_age = 0;  // milliseconds before now
  uint32_t second_age = 0;  // of the oldest but one
  bool has_dropped = false;
};

// Drops what is span or more older than now, closing the gaps; `tags`, if not null, moves along.
TimesView DropExpired(uint32_t* times, uint32_t* tags, int size, uint32_t now, uint32_t span) noexcept;

// ---- cells

struct CountCell {
  uint32_t time = 0;
  uint32_t count = 0;

  bool MayAbsorb(const CountCell& older, const CountCell& newer_sum) const noexcept {
    return double(count) + older.count <= kCellShare * newer_sum.count;
  }
  void Absorb(const CountCell& other) noexcept { count += other.count; }
  void Remove(const CountCell& other) noexcept { count -= other.count; }
};

// The cells of one window. Cell is CountCell or SumCell (sliding_sum.h).
template <typename Cell>
class CellWindow {
 public:
  static constexpr size_t kCapacityMax = 1024;
  // Below this many, events are never merged: exact.
  static constexpr size_t kMergeMin = 128;

  explicit CellWindow(uint32_t span, size_t capacity) : span_(span) { cells_.reserve(capacity); }

  // Bytes that the next Add may allocate on top of bytes(), while the old ones are still held.
  size_t growth_bytes() const noexcept {
    return cells_.size() == cells_.capacity() ? cells_.capacity() * 2 * sizeof(Cell) : 0;
  }
  size_t bytes() const noexcept { return cells_.capacity() * sizeof(Cell); }

  // Drops what has run out at `now`.
  void Expire(uint32_t now) noexcept {
    while (first_ < cells_.size() && now - cells_[first_].time >= span_) DropFront();
    if (first_ == cells_.size()) Clear();
  }

  // Adds what happened at cell.time, less than a span before `now`. With may_grow false it merges rather than
  // allocates.
  void Add(uint32_t now, const Cell& cell, bool may_grow) {
    Expire(now);
    if (cells_.size() == cells_.capacity()) MakeRoom(may_grow);
    total_.Absorb(cell);
    const uint32_t age = now - cell.time;
    auto at = cells_.end();
    while (at != cells_.begin() + offset() && now - (at - 1)->time < age) --at;
    if (at != cells_.begin() + offset() && (at - 1)->time == cell.time) {
      (at - 1)->Absorb(cell);
      return;
    }
    if (at == cells_.begin() + offset()) {
      // A new front: it reaches back to its own time only, or as far as the old front did.
      const uint32_t gap = is_empty() ? 0 : at->time - cell.time;
      front_width_ = gap < front_width_ && !is_empty() ? front_width_ - gap : 1;
    }
    cells_.insert(at, cell);
  }

  // Forgets the oldest while the rest still counts `limit`: what is beyond a rule's threshold changes
  // nothing.
  void DropBeyond(uint32_t limit) noexcept {
    while (cells_.size() - first_ > 1 && total_.count - cells_[first_].count >= limit) DropFront();
  }

  // The share of front() that is less than a span before `now`; all else counts whole.
  double front_share(uint32_t now) const noexcept {
    if (is_empty() || !has_merged_ || front().count <= 1) return 1;
    const double reach = double(now - front().time) + double(front_width_);
    const double over = std::min(std::max(0.0, reach - double(span_)) / double(front_width_), 1.0);
    // At least the one event at the cell's own time still counts.
    return (1 + (double(front().count) - 1) * (1 - over)) / double(front().count);
  }

  bool is_empty() const noexcept { return first_ == cells_.size(); }
  size_t size() const noexcept { return cells_.size() - first_; }
  const Cell& front() const noexcept { return cells_[first_]; }
  const Cell& operator[](size_t at) const noexcept { return cells_[first_ + at]; }
  const Cell& total() const noexcept { return total_; }
  bool has_merged() const noexcept { return has_merged_; }

 private:
  std::ptrdiff_t offset() const noexcept { return static_cast<std::ptrdiff_t>(first_); }

  void Clear() noexcept {
    cells_.clear();
    first_ = 0;
    total_ = Cell{};
    front_width_ = 1;
    has_merged_ = false;
  }

  void DropFront() noexcept {
    total_.Remove(cells_[first_]);
    if (first_ + 1 < cells_.size()) front_width_ = cells_[first_ + 1].time - cells_[first_].time;
    ++first_;
  }

  void MakeRoom(bool may_grow) {
    if (first_ > 0 && first_ >= cells_.size() / 4) {
      CloseFront();
      return;
    }
    CloseFront();
    if (cells_.size() >= kMergeMin || !may_grow) Merge();
    const size_t capacity = cells_.capacity();
    if (may_grow && capacity < kCapacityMax && cells_.size() > capacity / 4 * 3) {
      cells_.reserve(capacity * 2);
      return;
    }
    if (cells_.size() > capacity / 4 * 3) MergePairs();
  }

  void CloseFront() noexcept {
    cells_.erase(cells_.begin(), cells_.begin() + offset());
    first_ = 0;
    total_ = Cell{};
    for (const Cell& cell : cells_) total_.Absorb(cell);
  }

  // From the newest to the oldest, in place; first_ is 0.
  void Merge() noexcept {
    const uint32_t front_time = cells_.front().time;
    Cell newer_sum{};
    size_t out = cells_.size();
    Cell current = cells_.back();
    for (size_t at = cells_.size() - 1; at-- > 0;) {
      if (current.MayAbsorb(cells_[at], newer_sum)) {
        current.Absorb(cells_[at]);
        has_merged_ = true;
      } else {
        newer_sum.Absorb(current);
        cells_[--out] = current;
        current = cells_[at];
      }
    }
    cells_[--out] = current;
    cells_.erase(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(out));
    front_width_ += cells_.front().time - front_time;
  }

  // Where growing is refused: the older half, two by two, whatever the error.
  void MergePairs() noexcept {
    const size_t half = cells_.size() / 2 & ~size_t{1};
    if (half == 0) return;
    const uint32_t front_time = cells_.front().time;
    size_t out = 0;
    for (size_t at = 0; at < half; at += 2) {
      Cell merged = cells_[at + 1];
      merged.Absorb(cells_[at]);
      cells_[out++] = merged;
    }
    cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(out),
                 cells_.begin() + static_cast<std::ptrdiff_t>(half));
    front_width_ += cells_.front().time - front_time;
    has_merged_ = true;
  }

  uint32_t span_;
  // How far before its own time the front cell's events may reach.
  uint64_t front_width_ = 1;
  bool has_merged_ = false;
  size_t first_ = 0;
  Cell total_{};
  std::vector<Cell> cells_;  // by time
};

// More than 64 events: estimated once neighbours were merged.
class EstimatedCount {
 public:
  EstimatedCount(uint32_t span, uint32_t limit)
      : limit_(limit), cells_(span, CellWindow<CountCell>::kMergeMin) {}

  size_t growth_bytes() const noexcept { return cells_.growth_bytes(); }
  size_t bytes() const noexcept { return cells_.bytes(); }
  void Expire(uint32_t now) noexcept { cells_.Expire(now); }
  void Add(uint32_t now, uint32_t time, bool may_grow) {
    cells_.Add(now, CountCell{time, 1}, may_grow);
    cells_.DropBeyond(limit_);
  }
  // At most limit; what the window counted at its last Expire or Add.
  uint32_t Count(uint32_t now) const noexcept {
    if (cells_.is_empty()) return 0;
    const double gone = cells_.front().count * (1 - cells_.front_share(now));
    return std::min(limit_, static_cast<uint32_t>(std::lround(cells_.total().count - gone)));
  }
  bool is_estimated() const noexcept { return cells_.has_merged(); }
  uint32_t oldest_age(uint32_t now) const noexcept {
    return cells_.is_empty() ? 0 : now - cells_.front().time;
  }

 private:
  uint32_t limit_;
  CellWindow<CountCell> cells_;
};

}  // namespace stockade
