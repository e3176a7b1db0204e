// The live sources of a running gate, made of its settings: what needs a right or may be refused is had here.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "tools/stockade/config_file.h"
#include "tools/stockade/live_feed.h"
#include "tools/stockade/run_log.h"

namespace stockade {

// `log` outlives the sources. Errors: an address, a file, a key, as the source says them.
absl::StatusOr<std::vector<LiveInput>> OpenLiveInputs(const Config& config, RunLog* log);

}  // namespace stockade
