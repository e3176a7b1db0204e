// The section `input` of the settings: how logs are read.
//
// Load time only; one thread.
#pragma once

#include <string>
#include <vector>

#include "adapters/source/options.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

// `more`: further keys that stand beside them, as those of a live source.
void ReadInputSettings(const YamlNode& node, const std::string& path, SettingsReader* reader,
                       SourceOptions* options, const std::vector<SettingsReader::Key>& more = {});

}  // namespace stockade
