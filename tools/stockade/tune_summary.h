// What a tuning run found out, for a person at a terminal: a short table, the alarm budget, what to change and why.
#pragma once

#include <ostream>

#include "tools/stockade/console.h"
#include "tools/tuning/tuning_report.h"

namespace stockade {

void PrintSummary(const TuningReport& report, const Console& console, std::ostream& out);

}  // namespace stockade
