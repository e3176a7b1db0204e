// What a test case expects: alerts, decisions, verdicts.
#pragma once

#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"
#include "tools/stockade/test_file.h"

namespace stockade {

// `expect` is a map. The case has its lines already: as many verdicts must be named.
void ReadExpectations(const YamlNode& expect, SettingsReader* reader, TestCase* into);

}  // namespace stockade
