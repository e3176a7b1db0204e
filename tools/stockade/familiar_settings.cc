#include "tools/stockade/familiar_settings.h"

namespace stockade {

std::optional<FamiliarSettings> ReadFamiliarSettings(const YamlNode& node, const std::string& path,
                                                     SettingsReader* reader) {
  // Below it the disk does nothing else; above it a day of new customers is lost.
  constexpr SettingsReader::Range<absl::Duration> kEvery = {absl::Seconds(10), absl::Hours(24)};
  FamiliarSettings settings;
  reader->ReadMap(node, path,
                  {{"snapshot",
                    [&](const YamlNode& value, const std::string& at) {
                      if (const std::string* text = reader->ReadText(value, at))
                        settings.snapshot = reader->Resolve(*text);
                    }},
                   {"every", [&](const YamlNode& value, const std::string& at) {
                      if (const auto span = reader->ReadSpan(value, at, kEvery)) settings.every = *span;
                    }}});
  if (!settings.snapshot.empty()) return settings;
  if (node.Find("every") != nullptr)
    reader->Error(node, path, "names no `snapshot`: without it nobody is remembered over a restart");
  return std::nullopt;
}

}  // namespace stockade
