#include "engine/detect/token_shares.h"

#include <algorithm>
#include <bit>

namespace stockade {
namespace {

constexpr std::array<uint64_t, TokenShares::kRows> kMultipliers = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f,
                                                                   0x165667b19e3779f9, 0xd6e8feb86659fd93};

}  // namespace

TokenShares::TokenShares(size_t bytes)
    : columns_(std::bit_floor(std::max<size_t>(bytes / (kRows * sizeof(uint32_t)), 256))),
      counts_(kRows * columns_) {}

size_t TokenShares::ColumnOf(uint64_t token, size_t row) const noexcept {
  return static_cast<size_t>(((token ^ (token >> 31)) * kMultipliers[row]) >> 32) & (columns_ - 1);
}

uint32_t TokenShares::Count(uint64_t token) const noexcept {
  uint32_t least = UINT32_MAX;
  for (size_t row = 0; row < kRows; ++row)
    least = std::min(least, counts_[row * columns_ + ColumnOf(token, row)]);
  return least;
}

void TokenShares::Halve(int64_t now_ms) noexcept {
  if (halve_at_ms_ == INT64_MIN) halve_at_ms_ = now_ms + kHalfLifeMs;
  for (; now_ms >= halve_at_ms_; halve_at_ms_ += kHalfLifeMs) {
    bool any = false;
    for (uint32_t& count : counts_) any |= (count /= 2) > 0;
    if (!any) halve_at_ms_ = std::max(halve_at_ms_, now_ms);  // a gap of years is one step
  }
}

void TokenShares::Add(uint64_t token, uint32_t many, int64_t now_ms) {
  Halve(now_ms);
  const uint32_t grown = Count(token) + many;
  for (size_t row = 0; row < kRows; ++row) {
    uint32_t& count = counts_[row * columns_ + ColumnOf(token, row)];
    count = std::max(count, grown);
  }
}

}  // namespace stockade
