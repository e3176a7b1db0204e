// An explanation as a person reads it, or reads it out to a customer; and as JSON.
#pragma once

#include <string>

#include "tools/stockade/console.h"
#include "tools/stockade/trace.h"

namespace stockade {

// First the answer in one sentence, then the evidence: the way through the gate, what the rules saw, the
// order in force and the attempts it rests on, and what would have let the attempt pass.
void PrintExplanation(const Explanation& explanation, const Console& console, std::ostream& out);

// {"asked":…,"decision":…,"trigger":…,"allowed":…}; members are only ever added.
std::string ToJson(const Explanation& explanation);

}  // namespace stockade
