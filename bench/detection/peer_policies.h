// What others do by default, each as a small policy that answers verdicts in lock-step: the policies, not the programs,
// and with the advantage that all of them act at once and before the password check, which a reader of logs cannot.
//
//   leaky        CrowdSec's shape: a bucket an address of 5 failures that leaks one each 10 s; overflow bans for 4 h
//   5-in-10-min  fail2ban's default: 5 failures of an address in 10 minutes ban it for 10 minutes
//   20-a-minute  a rate limit: of an address 20 attempts a minute, what is more is refused
//   lock-5       an account is shut to everybody for 30 minutes after 5 wrong passwords in a row
//   certificate  nobody without a valid certificate
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/event/login_event.h"
#include "engine/gate/verdict.h"

namespace stockade {

// Whoever stands in front of the gateway.
class FrontPolicy {
 public:
  virtual ~FrontPolicy() = default;
  virtual Verdict Assess(const Attempt& attempt) = 0;
  // As Engine::Observe: for what IsObserved.
  virtual void Observe(const LoginEvent& event, const Verdict& verdict) = 0;
};

struct Peer {
  std::string_view name;
  std::unique_ptr<FrontPolicy> (*make)();
};
const std::vector<Peer>& Peers();

}  // namespace stockade
