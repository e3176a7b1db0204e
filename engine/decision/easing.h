// What stops somebody, and what is made of it where it must not: a challenge for a human. Policy does so before a decision is
// made, the ledger with what stands.
//
// Pure; any thread.
#pragma once

#include "engine/decision/decision.h"

namespace stockade {

inline bool Stops(const Decision& decision) noexcept {
  return decision.action == Action::kBlock || decision.action == Action::kLock;
}

inline void TurnIntoChallenge(Decision* decision) noexcept {
  decision->action = Action::kChallenge;
  decision->challenge_kind = ChallengeKind::kHuman;
  decision->all_lanes = false;
}

}  // namespace stockade
