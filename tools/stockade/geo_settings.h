// The section `geo` of stockade.yaml, and --geo-asn, --geo-country of the commands that read logs:
//
//   geo: {asn: GeoLite2-ASN.mmdb, country: GeoLite2-Country.mmdb}
//
// Files in MaxMind's format that tell the AS and the country of a source where an event says neither (adapters/geo/geo_lookup.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/geo/geo_lookup.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

// Names of files; empty: not told.
struct GeoSettings {
  std::string asn;
  std::string country;

  std::vector<std::string> files() const;
};

GeoSettings ReadGeoSettings(const YamlNode& node, const std::string& path, SettingsReader* reader);

// Errors name the key and the file.
absl::StatusOr<GeoDatabases> OpenGeo(const GeoSettings& settings);

}  // namespace stockade
