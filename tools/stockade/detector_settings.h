// The section `detectors` of the settings: what Sigma cannot say (engine/detect/detectors.h).
//
//   detectors:                     # or: detectors: off
//     source_ladder: on            # on | shadow (learns, asks for nothing) | off
//     account_guard: on
//     pressure: on
//     campaign_finder: on
//     outage_interlock: on
//     lock: {limit: 5, reset: 0s}  # the gateway's own: so many wrong passwords in a row lock an account; failures so old count no more
//     challenges: [human, identity]          # what a person may be asked for, where the way a login came can ask it (login_way.h)
//     evidence: {suspect: 6.9, condemned: 13.8}   # on sources and tuples: from where on it tells; evidence.h
//     charts: {h: 9.2, hold: 30m}  # of pressure: how much evidence, how long it stays on
//     policy:                      # cells of the table in engine/detect/policy_table.h that are to differ
//       source_suspect: {half: allow, unfamiliar: challenge}
//
// Load time only; one thread.
#pragma once

#include <optional>
#include <string>

#include "engine/detect/detector_settings.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

// Nothing where they are off.
std::optional<DetectorSettings> ReadDetectorSettings(const YamlNode& node, const std::string& path,
                                                     SettingsReader* reader);

}  // namespace stockade
