// What a lock-step run of `stockade simulate` came to, for a person.
#pragma once

#include <ostream>

#include "tools/simulation/score.h"
#include "tools/stockade/console.h"

namespace stockade {

// Campaigns by row, then customers by period and history, then locks.
void PrintScore(const Score& score, int lock_limit, const Console& console, std::ostream& out);

}  // namespace stockade
