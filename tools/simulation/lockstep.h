// A world and whoever stands in front of its gateway, taking turns: for benches and tests that ask how he does.
//
//   Score score((*world)->options());
//   RunLockstep(world->get(), engine.get(), &score);       // an Engine, or anything with its Assess and Observe
//
// Observe is called for what Engine wants to be told of (IsObserved), and with a bad certificate as the outcome where that
// is why the attempt was denied. The score is finished at the end; Engine::Finish is the caller's business.
#pragma once

#include "engine/event/login_event.h"
#include "engine/gate/verdict.h"
#include "tools/simulation/score.h"
#include "tools/simulation/world.h"

namespace stockade {

template <typename Front>
void RunLockstep(World* world, Front* front, Score* score) {
  while (const SimulatedAttempt* login = world->Next()) {
    const Verdict verdict = front->Assess(login->attempt);
    const Settled settled = world->Settle(verdict);
    score->Add(*world, *login, verdict, settled);
    if (IsObserved(verdict, login->challenge)) {
      front->Observe(LoginEvent{login->attempt, {settled.outcome, login->challenge}}, verdict);
    }
  }
  score->Finish();
}

}  // namespace stockade
