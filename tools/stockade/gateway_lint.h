// What is probably not meant, in a gateway's settings that load without an error.
//
// Pure; load time only; any thread.
#pragma once

#include <string_view>

#include "engine/rule/finding.h"
#include "tools/stockade/config_file.h"

namespace stockade {

// Warnings about config.gateway, which must be there: endpoints whose outcomes nobody can tell, rows and endpoints that
// are never reached, what is let through in trouble, whom is believed, secrets that are everybody's. `file`: that of
// the settings, for what has no key of its own.
void LintGateway(const Config& config, std::string_view file, Findings* findings);

}  // namespace stockade
