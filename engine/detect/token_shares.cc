#include "engine/detect/token_shares.h"

#include <algorithm>
#include <array>
#include <bit>

#include "engine/status.h"

namespace stockade {
namespace {

// Tokens are outputs of a keyed hash; a multiplication spreads them anew for each row.
constexpr std::array<uint64_t, TokenShares::kRows> kRowMultipliers = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f,
                                                                      0x165667b19e3779f9, 0xd6e8feb86659fd93};

}  // namespace

size_t TokenShares::CountersOf(size_t bytes) noexcept {
  return kRows * std::bit_floor(std::max(bytes / (kRows * sizeof(uint32_t)), kColumnsMin));
}

TokenShares::TokenShares(std::span<uint32_t> counts) noexcept
    : counts_(counts), column_bits_(std::countr_zero(counts.size() / kRows)) {
  STOCKADE_CHECK(counts.size() >= kRows * kColumnsMin && std::has_single_bit(counts.size() / kRows));
}

size_t TokenShares::PlaceOf(uint64_t token, size_t row) const noexcept {
  return (row << column_bits_) + static_cast<size_t>((token * kRowMultipliers[row]) >> (64 - column_bits_));
}

uint32_t TokenShares::Count(uint64_t token) const noexcept {
  uint32_t least = UINT32_MAX;
  for (size_t row = 0; row < kRows; ++row) least = std::min(least, counts_[PlaceOf(token, row)]);
  return least;
}

void TokenShares::Prefetch(uint64_t token) const noexcept {
  for (size_t row = 0; row < kRows; ++row) __builtin_prefetch(&counts_[PlaceOf(token, row)]);
}

void TokenShares::Add(uint64_t token, uint32_t many) noexcept {
  // Conservative update: only the counters that decide the answer grow.
  const uint32_t grown = Count(token) + many;
  for (size_t row = 0; row < kRows; ++row) {
    uint32_t& count = counts_[PlaceOf(token, row)];
    count = std::max(count, grown);
  }
  total_ += many;
}

bool TokenShares::Halve() noexcept {
  bool any = false;
  for (uint32_t& count : counts_) any |= (count /= 2) > 0;
  total_ /= 2;
  return any;
}

}  // namespace stockade
