#include "tools/stockade/geo_settings.h"

#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

std::vector<std::string> GeoSettings::files() const {
  std::vector<std::string> named;
  for (const std::string& file : {asn, country})
    if (!file.empty()) named.push_back(file);
  return named;
}

GeoSettings ReadGeoSettings(const YamlNode& node, const std::string& path, SettingsReader* reader) {
  GeoSettings settings;
  const auto file = [reader](std::string_view name, std::string* to) {
    return SettingsReader::Key{name, [reader, to](const YamlNode& value, const std::string& at) {
                                 if (const std::string* text = reader->ReadText(value, at))
                                   *to = reader->Resolve(*text);
                               }};
  };
  reader->ReadMap(node, path, {file("asn", &settings.asn), file("country", &settings.country)});
  return settings;
}

absl::StatusOr<GeoDatabases> OpenGeo(const GeoSettings& settings) {
  GeoDatabases databases;
  const auto open = [](std::string_view key, const std::string& file, GeoDatabase::Kind kind,
                       std::shared_ptr<const GeoDatabase>* to) -> absl::Status {
    if (file.empty()) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<const GeoDatabase>> opened = GeoDatabase::Open(file, kind);
    if (!opened.ok()) {
      return absl::Status(opened.status().code(),
                          ToAbsl(Concat(key, ": ", FromAbsl(opened.status().message()))));
    }
    *to = *std::move(opened);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(open("geo.asn", settings.asn, GeoDatabase::Kind::kAsn, &databases.asn));
  RETURN_IF_ERROR(open("geo.country", settings.country, GeoDatabase::Kind::kCountry, &databases.country));
  return databases;
}

}  // namespace stockade
