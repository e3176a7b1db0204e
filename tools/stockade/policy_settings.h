// The sections `policy` and `store` of the settings: what decisions may do, and where they are kept.
//
// Load time only; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/store/sqlite_store.h"
#include "engine/engine.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/rules_on_trial.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

// `on_trial`: policy.shadow once more, with places.
PolicySettings ReadPolicySettings(const YamlNode& node, const std::string& path, SettingsReader* reader,
                                  std::vector<RuleOnTrial>* on_trial);

// `ledger_bytes`: store.memory.
std::optional<SqliteStoreOptions> ReadStoreSettings(const YamlNode& node, const std::string& path,
                                                    SettingsReader* reader, size_t* ledger_bytes);

}  // namespace stockade
