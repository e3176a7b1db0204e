// Where attempts come from: homes, carriers behind CGNAT, offices, hotels abroad, data centres, and everybody's hacked
// router. No address of a real network is named: IPv4 lies in 240.0.0.0/4 (reserved, RFC 1112), IPv6 in 3fff::/20
// (documentation, RFC 9637), AS numbers in the ranges for documentation and private use (RFC 5398, RFC 6996). Of the
// world's addresses there are enough that a few million do not repeat by chance.
//
//   240.0.0.0/8   homes: four providers in Taiwan, a /10 each      3fff:i00::/32 theirs, a /56 a home
//   241.0.0.0/8   mobile carriers: three, a /10 each; 64 regions of 64 CGNAT addresses in a /24
//                                                                  3fff:i10::/32 theirs, a /48 a region, a /64 a phone
//   242.0.0.0/8   offices, one address each
//   244.0.0.0/6   homes abroad: 2,048 providers in 40 countries, a /17 each
//   248.0.0.0/8   data centres: 32 of them, a /13 each             3fff:8xx::/32
//   249.0.0.0/8   hotels and roaming partners abroad: 64 networks of 64 addresses
//
// Pure functions of their arguments; thread-safe but for the Chance; no allocation; some nanoseconds.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/event/address.h"
#include "tools/simulation/chance.h"

namespace stockade {

struct Origin {
  Address address;
  uint32_t asn = 0;
  std::string_view country;  // static storage
};

inline constexpr uint32_t kHomeProviders = 4;
inline constexpr uint32_t kCarriers = 3;
inline constexpr uint32_t kCarrierRegions = 64;
inline constexpr uint32_t kDataCentres = 32;
inline constexpr uint32_t kHomeAddresses = uint32_t{1} << 22;  // of a provider

// Which provider or carrier somebody has; the largest has more than half.
uint32_t DrawHomeProvider(Chance* chance) noexcept;
uint32_t DrawCarrier(Chance* chance) noexcept;

// The line of a home: `line` < kHomeAddresses.
Origin HomeV4(uint32_t provider, uint32_t line) noexcept;
// The same home's /56, from a host that draws its address anew (RFC 8981).
Origin HomeV6(uint32_t provider, uint32_t line, Chance* chance) noexcept;
// A session of a phone: one of a region's shared addresses, or a /64 of its own.
Origin Mobile(uint32_t carrier, uint32_t region, bool v6, Chance* chance) noexcept;
Origin Office(uint32_t office) noexcept;  // office < 2^16
Origin Abroad(Chance* chance) noexcept;
// A machine in somebody's home anywhere, or in a home in Taiwan.
Origin ForeignHome(Chance* chance) noexcept;
Origin DomesticHome(Chance* chance) noexcept;
// `host` < 2^19. Hosts of one /24 have all but the last eight bits in common.
Origin DataCentre(uint32_t centre, uint32_t host) noexcept;
// Anywhere in the /48 of number `site`, 0 … 65,535.
Origin DataCentreV6(uint32_t centre, uint32_t site, Chance* chance) noexcept;

}  // namespace stockade
