// How common a token is among successes: which browser, which network, which order of headers everybody has.
//
// A count-min sketch with conservative update: it can only overestimate how common a token is, which is the safe side for whoever would
// be stopped. Who owns it halves it, when it is old (campaign_finder.h) or large (lanes.h): what is over is forgotten, and shares stay.
// Count and Add are O(1), noexcept, and allocate nothing; Halve goes over all counters. Not thread-safe.
// Source: Cormode, Muthukrishnan 2005; Estan, Varghese 2002.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stockade {

class TokenShares {
 public:
  static constexpr size_t kRows = 4;
  static constexpr size_t kColumnsMin = 256;

  // The counters that fit into so many bytes: kRows rows of a power of two each, at least kColumnsMin.
  static size_t CountersOf(size_t bytes) noexcept;

  // `counts`: zeros, as many as CountersOf says of some size; they outlive it.
  explicit TokenShares(std::span<uint32_t> counts) noexcept;

  // `token`: a keyed hash, of 32 or 64 bits. `many`: so many at once.
  void Add(uint64_t token, uint32_t many = 1) noexcept;
  uint32_t Count(uint64_t token) const noexcept;
  // Brings closer what both read.
  void Prefetch(uint64_t token) const noexcept;
  // Whether anything is left.
  bool Halve() noexcept;

  // What was added, halved as the counters were.
  uint64_t total() const noexcept { return total_; }
  // For snapshots: row after row.
  void set_total(uint64_t total) noexcept { total_ = total; }
  std::span<uint32_t> counts() noexcept { return counts_; }
  std::span<const uint32_t> counts() const noexcept { return counts_; }

 private:
  // Its counter of each row.
  std::array<uint32_t*, kRows> PlacesOf(uint64_t token) const noexcept;

  std::span<uint32_t> counts_;
  int column_bits_;
  uint64_t total_ = 0;
};

}  // namespace stockade
