// A setting that is put over those of a file as if it stood there, for whoever tries other ones.
//
//   {"detectors.charts.h", "7"}          {"thresholds.many_accounts_shared.gte", "20"}          {"detectors", "off"}
//
// Keys are joined by dots. In `thresholds` the name of a rule may hold dots itself: what lies between the first and the last is the
// rule. Lists cannot be named. Load time only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/rule/yaml_tree.h"

namespace stockade {

struct SettingOverride {
  std::string path;
  std::string value;

  friend bool operator==(const SettingOverride&, const SettingOverride&) = default;
};

// The keys of a path, outermost first. Empty where it is none.
std::vector<std::string> SettingKeys(std::string_view path);

// Puts it into the tree of a file of settings, whose sections that are missing it adds. Errors: InvalidArgument, where the path is
// none, or leads through what is no section. Whether such a key exists and takes the value, only the reader of settings says.
absl::Status Override(const SettingOverride& setting, YamlNode* root);

}  // namespace stockade
