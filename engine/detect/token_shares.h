// How common a token is among the successes of the last days: which browser, which order of headers everybody has.
//
// A count-min sketch with conservative update, halved every half-life: it can only overestimate how common a token is, which is the
// safe side for whoever would be stopped. O(1) save for the halving; `bytes` of memory. Not thread-safe.
// Source: Cormode, Muthukrishnan 2005; Estan, Varghese 2002.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

class TokenShares {
 public:
  static constexpr size_t kRows = 4;
  static constexpr int64_t kHalfLifeMs = int64_t{7} * 24 * 3600 * 1000;

  explicit TokenShares(size_t bytes);

  // `token`: a keyed hash. `many`: so many at once.
  void Add(uint64_t token, uint32_t many, int64_t now_ms);
  uint32_t Count(uint64_t token) const noexcept;

 private:
  size_t ColumnOf(uint64_t token, size_t row) const noexcept;
  void Halve(int64_t now_ms) noexcept;

  size_t columns_;
  std::vector<uint32_t> counts_;  // kRows of columns_
  int64_t halve_at_ms_ = INT64_MIN;
};

}  // namespace stockade
