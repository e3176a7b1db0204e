// The section `familiar` of stockade.yaml:
//
//   familiar: {snapshot: familiar.snapshot, every: 10m}
//
// snapshot   the file that keeps who is at home over a restart of `stockade run`; read at its start, written at its stop and
// every      so often in between (10m; 10s to 24h): what a kill or a power cut may cost
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

struct FamiliarSettings {
  std::string snapshot;
  absl::Duration every = absl::Minutes(10);

  friend bool operator==(const FamiliarSettings&, const FamiliarSettings&) = default;
};

std::optional<FamiliarSettings> ReadFamiliarSettings(const YamlNode& node, const std::string& path,
                                                     SettingsReader* reader);

}  // namespace stockade
