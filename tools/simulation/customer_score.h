// What verdicts cost honest people: metric M5, of attempts of one sort.
#pragma once

#include <cstdint>

#include "engine/gate/verdict.h"

namespace stockade {

struct CustomerScore {
  uint64_t attempts = 0;
  uint64_t denied = 0;
  uint64_t challenged = 0;
  uint64_t turned_away = 0;  // of the challenged: did not pass
  uint64_t throttled = 0;
  uint64_t stopped_right = 0;  // of all stopped: had the right password

  uint64_t touched() const noexcept { return denied + challenged + throttled; }

  // One attempt: whether it reached the password check, and whether its password was right.
  void Add(VerdictKind verdict, bool reached, bool right) noexcept {
    ++attempts;
    denied += verdict == VerdictKind::kDeny ? 1 : 0;
    throttled += verdict == VerdictKind::kThrottle ? 1 : 0;
    challenged += verdict == VerdictKind::kChallenge ? 1 : 0;
    turned_away += verdict == VerdictKind::kChallenge && !reached ? 1 : 0;
    stopped_right += verdict != VerdictKind::kAllow && !reached && right ? 1 : 0;
  }
  CustomerScore& operator+=(const CustomerScore& other) noexcept {
    attempts += other.attempts;
    denied += other.denied;
    challenged += other.challenged;
    turned_away += other.turned_away;
    throttled += other.throttled;
    stopped_right += other.stopped_right;
    return *this;
  }
};

}  // namespace stockade
