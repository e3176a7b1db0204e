// One attempt of a simulated world: what a gateway would see of it, what a challenge on it would come to, and the truth
// about it, which no detector is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/event/login_event.h"
#include "tools/simulation/client_table.h"
#include "tools/simulation/networks.h"
#include "tools/simulation/world_options.h"

namespace stockade {

inline constexpr uint32_t kNobody = ~uint32_t{0};

// Who is really there.
enum class Who : uint8_t {
  kCustomer,
  kAggregator,   // a program that looks at a customer's account for him
  kStaleClient,  // one that he left behind, with an old password
  kAttack,
};

struct Truth {
  Who who = Who::kCustomer;
  uint32_t customer = kNobody;  // who tries, or whose program does
  bool history = false;         // that customer has logged in before, in this world
  uint32_t campaign = 0;        // of an attack: from 1 on, in the order of WorldOptions::attacks
  AttackClass attack = AttackClass::kBurst;
  bool cover = false;         // an attacker's login on an account of his own
  uint32_t target = kNobody;  // whose account it is; kNobody: no customer's
  bool right = false;         // the password is the right one
};

// An attempt as its author makes it, before it is written down as fields.
struct Draft {
  int64_t time_ms = 0;
  Origin origin;
  ClientPrint print;
  std::string account;                                          // as it is typed
  uint64_t password = 0;                                        // a number that stands for the text
  uint64_t device = 0;                                          // of the cookie or the app's own id; 0: none
  CertificateStatus certificate = CertificateStatus::kMissing;  // where the world has certificates
  ChallengeResults challenge;
  Truth truth;
};

// The same with the fields of an event. Its views are into itself and the world; they live until the world's next one.
struct SimulatedAttempt {
  Attempt attempt;
  ChallengeResults challenge;
  Truth truth;
  uint64_t number = 0;  // from 1 on: its line, where the attempts are written down
};

// What came of it.
struct Settled {
  bool forwarded = false;  // it reached the password check
  Outcome outcome = Outcome::kStopped;
  bool locked_now = false;        // its wrong password locked the account
  bool stranger_in_lock = false;  // and one in the streak that did it was not its owner's
};

}  // namespace stockade
