// Tells an attempt the AS and the country of its source, where the event says neither: what was seen at the time goes before what a
// file says today.
//
// Networks whose every address is told the same (a /24, a /48, and wider) are remembered, 4096 of them: a hit costs a hash and a line
// of memory instead of two walks. Only the remembering makes it not thread-safe; the databases may be shared.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "adapters/geo/geo_database.h"
#include "engine/event/login_event.h"

namespace stockade {

// Either may be null.
struct GeoDatabases {
  std::shared_ptr<const GeoDatabase> asn;
  std::shared_ptr<const GeoDatabase> country;

  bool any() const noexcept { return asn != nullptr || country != nullptr; }
};

class GeoLookup {
 public:
  explicit GeoLookup(GeoDatabases databases) : databases_(std::move(databases)) {}

  // Fills attempt->asn and attempt->country, the latter with two letters that live for ever.
  void Fill(Attempt* attempt) noexcept;
  // Other databases, from the next attempt on.
  void Use(GeoDatabases databases) noexcept;

  struct Counts {
    uint64_t asked = 0;       // attempts that were told, or for which nothing was found
    uint64_t remembered = 0;  // of these without a walk
    uint64_t broken = 0;      // of which the file is broken there
  };
  const Counts& counts() const noexcept { return counts_; }

 private:
  struct Place {
    uint64_t network = 0;  // 0: free
    uint32_t asn = 0;
    uint16_t country = 0;
  };
  static constexpr size_t kPlaces = 4096;

  Place Walk(const Address& source, bool* same_around) noexcept;

  GeoDatabases databases_;
  std::array<Place, kPlaces> places_{};
  Counts counts_;
};

}  // namespace stockade
