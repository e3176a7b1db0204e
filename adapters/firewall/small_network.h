// Networks so small that they can be told address by address. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>

#include "engine/event/address.h"

namespace stockade {

inline uint64_t AddressCount(const Prefix& prefix) noexcept {
  const int bits = prefix.address.bits() - prefix.length;
  return bits < 64 ? uint64_t{1} << bits : UINT64_MAX;
}

// Calls `visit(Address)` for each address of the network, in their order.
template <typename Visit>
void VisitAddresses(const Prefix& prefix, Visit&& visit) {
  const uint64_t size = AddressCount(prefix);
  for (uint64_t i = 0; i < size; ++i) {
    if (prefix.address.is_v4()) {
      visit(Address::V4(prefix.address.v4() + static_cast<uint32_t>(i)));
      continue;
    }
    std::array<uint8_t, 16> bytes;
    const uint64_t low = prefix.address.low() + i;
    for (size_t b = 0; b < 8; ++b) {
      bytes[b] = static_cast<uint8_t>(prefix.address.high() >> (56 - 8 * b));
      bytes[8 + b] = static_cast<uint8_t>(low >> (56 - 8 * b));
    }
    visit(Address::V6(bytes));
  }
}

}  // namespace stockade
