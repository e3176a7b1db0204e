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

std::array<uint32_t*, TokenShares::kRows> TokenShares::PlacesOf(uint64_t token) const noexcept {
  std::array<uint32_t*, kRows> places{};
  for (size_t row = 0; row < kRows; ++row) {
    const uint64_t column = (token * kRowMultipliers[row]) >> (64 - column_bits_);
    places[row] = counts_.data() + (row << column_bits_) + static_cast<size_t>(column);
  }
  return places;
}

uint32_t TokenShares::Count(uint64_t token) const noexcept {
  const auto places = PlacesOf(token);
  return std::min(std::min(*places[0], *places[1]), std::min(*places[2], *places[3]));
}

void TokenShares::Prefetch(uint64_t token) const noexcept {
  for (const uint32_t* const place : PlacesOf(token)) __builtin_prefetch(place);
}

void TokenShares::Add(uint64_t token, uint32_t many) noexcept {
  const auto places = PlacesOf(token);
  static_assert(kRows == 4);
  // Conservative update: only the counters that decide the answer grow.
  const uint32_t grown = std::min(std::min(*places[0], *places[1]), std::min(*places[2], *places[3])) + many;
  for (uint32_t* const place : places) *place = std::max(*place, grown);
  total_ += many;
}

bool TokenShares::Halve() noexcept {
  bool any = false;
  for (uint32_t& count : counts_) any |= (count /= 2) > 0;
  total_ /= 2;
  return any;
}

}  // namespace stockade
