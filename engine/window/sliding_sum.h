// Sums a number over the events of one key in the last span; its mean is sum over count.
//
// Cells as in sliding_count.h, that carry the sum besides. Exact for up to 128 events, which are never
// merged. Beyond, a merged cell holds at most kCellShare both of the events and of the absolute values that
// are newer than it, so the error is within kCellShare of the sum of absolute values where the window's edge
// cuts the oldest cell, and zero where it does not; standard error below 2 %. Only if numbers fall by orders
// of magnitude for a thousand events on end may a cell hold more. The sum is the floating-point sum in order
// of time; whole numbers are exact to 2^53. 24 bytes a cell, 16 to 1,024 cells. O(cells) for exact windows,
// amortised O(1) beyond. Not thread-safe. Oracle: tests/oracle/window_oracle.h.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "engine/window/sliding_count.h"

namespace stockade {

struct SumCell {
  uint32_t time = 0;
  uint32_t count = 0;
  double sum = 0;
  double absolute = 0;

  bool MayAbsorb(const SumCell& older, const SumCell& newer_sum) const noexcept {
    return double(count) + older.count <= kCellShare * newer_sum.count &&
           absolute + older.absolute <= kCellShare * newer_sum.absolute;
  }
  void Absorb(const SumCell& other) noexcept {
    count += other.count;
    sum += other.sum;
    absolute += other.absolute;
  }
  void Remove(const SumCell& other) noexcept {
    count -= other.count;
    sum -= other.sum;
    absolute -= other.absolute;
  }
};

class SlidingSum {
 public:
  explicit SlidingSum(uint32_t span) : cells_(span, 16) {}

  size_t growth_bytes() const noexcept { return cells_.growth_bytes(); }
  size_t bytes() const noexcept { return cells_.bytes(); }
  void Expire(uint32_t now) noexcept { cells_.Expire(now); }
  void Add(uint32_t now, uint32_t time, double number, bool may_grow) {
    cells_.Add(now, SumCell{time, 1, number, std::fabs(number)}, may_grow);
  }
  // Of what the window held at its last Expire or Add.
  double Sum(uint32_t now) const noexcept {
    if (cells_.is_empty()) return 0;
    if (cells_.has_merged()) return cells_.total().sum - cells_.front().sum * (1 - cells_.front_share(now));
    // Summed afresh: subtracting what ran out would leave its rounding behind.
    double sum = 0;
    for (size_t at = 0; at < cells_.size(); ++at) sum += cells_[at].sum;
    return sum;
  }
  double Count(uint32_t now) const noexcept {
    if (cells_.is_empty()) return 0;
    return cells_.total().count - cells_.front().count * (1 - cells_.front_share(now));
  }
  bool is_estimated() const noexcept { return cells_.has_merged(); }
  uint32_t oldest_age(uint32_t now) const noexcept {
    return cells_.is_empty() ? 0 : now - cells_.front().time;
  }

 private:
  CellWindow<SumCell> cells_;
};

}  // namespace stockade
