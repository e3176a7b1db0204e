// Which further files a few rule files need: those of the same folders that define what their correlations
// and filters refer to. So a test of many_accounts.yml, or a check of it alone, loads logins.yml by itself
// and nothing else of the pack.
//
// Load time only; any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/rule/placeholder.h"

namespace stockade {

// The handles (name, else id, else title) of the rules that these files define.
std::set<std::string> HandlesOf(const std::vector<std::string>& files, const Placeholders& placeholders);

// `files` in their order, then, by name, what they need. A name nobody defines adds nothing: compiling the
// rules reports it. A file that cannot be read or parsed defines nothing here; who loads it hears of that.
std::vector<std::string> CloseOverReferences(const std::vector<std::string>& files,
                                             const Placeholders& placeholders);

}  // namespace stockade
