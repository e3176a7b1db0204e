// The one desk at which every login of a running process is decided: it serialises the engine, remembers what is under
// way between Assess and Observe, records, and counts. Proxy and verdict service both ask here.
//
//   desk.Assess(attempt, challenge_passed) ─► GateAnswer ─► (password check) ─► desk.Observe(ticket, outcome)
//
// Order of calls for one attempt: Assess (Observe | Abandon)?. A ticket that is never told anything is given up after
// kTicketTime, as outcome unknown. Live = replay: with a record open, every attempt and outcome is written in the order
// in which the engine was asked, inside the same critical section; replaying it gives the same verdicts and decisions,
// byte for byte (gate_record.h). EngineDesk (engine_desk.h) is the one that does; this is what others need of it.
//
// Threads: every member may be called from any thread at once. A call holds the desk for the time of one engine call
// (microseconds) and never does I/O inside it but appending to the record's buffer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/event/login_event.h"
#include "engine/gate/verdict.h"

namespace stockade {

// A verdict that outlives the engine's next call.
struct GateAnswer {
  VerdictKind kind = VerdictKind::kAllow;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;
  // Whether the attempt goes on to the password check: allowed, or challenged and the challenge is known as passed.
  bool reaches = false;
  // The engine could not be asked, because it has stopped: the endpoint's on_engine_trouble decides. `reaches` is false.
  bool in_trouble = false;
  std::string by;  // a rule, "certificate", "mode"; empty on a plain allow
  std::string reason;
  uint64_t ticket = 0;  // for Observe; 0 where nothing follows (it does not reach)
  CertificateStatus certificate = CertificateStatus::kUnchecked;  // of the attempt
};

class GateDesk {
 public:
  virtual ~GateDesk() = default;

  // Time is taken here, by the desk's clock; attempt.time_ns is ignored. Views in `attempt` live during the call.
  virtual GateAnswer Assess(const Attempt& attempt) = 0;
  virtual void Observe(uint64_t ticket, Outcome outcome) = 0;
  // The upstream never answered, or the client went away before it was asked.
  virtual void Abandon(uint64_t ticket) = 0;
  // The application says that this account, from this address and device, passed a challenge. Remembered for a while
  // (settings.h), used up by the next attempt that is asked for it.
  virtual void NoteChallengePassed(ChallengeKind kind, std::string_view account, const Address& source,
                                   std::string_view device) = 0;
};

}  // namespace stockade
