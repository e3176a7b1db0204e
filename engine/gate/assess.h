// The checks before the password, in their order, and nowhere else.
//
//   1 standing decisions   on the address, its networks, its ASN, the fingerprint, the account
//   2 certificate          a bad one never reaches the password check
//   3 lane                 how the attempt arrives at its account decides what 1 and 4 mean to it
//   4 detectors            what the source, the account, the moment and the crowd around it say (detect/detectors.h)
//   5 mode                 what an operator has switched to
//
// What a standing decision means in each lane; the strictest of all that apply wins, at equal strictness
// the first:
//
//                 certified   familiar   half                    unfamiliar
//   challenge     –           –          challenge               challenge
//   throttle      –           –          identity over its rate  throttle over its rate
//   block         –           –          challenge (identity)    deny
//   lock          –           –          challenge (identity)    deny
//   lock, all     –           identity   deny                    deny
//
// Where who somebody is can be asked, a stranger at an account that has had its owner is asked instead of denied, save for what
// people ordered: it may be the owner, on a journey. So is a stranger whose device cookie has got in to another account, for he may
// have mistyped his name. A lock of all lanes asks whoever is at home there, where he can be asked and no person ordered it, and
// nobody else: an attacker whose own account it is could prove that it is.
//
// What can be asked is said of each attempt: what the way can ask by which it came (Attempt::can_ask), narrowed by what settings
// allow (DetectorSettings::challenges). What cannot be asked is not said, for nobody could pass it:
//
//   a challenge                 is the other kind, if that can be asked; else a denial
//     that a throttle gave      else the throttle
//     of who is allowlisted     else nothing: he is never denied by these
//     for a certificate         a denial: no human test proves what a certificate would
//
// What detectors ask softens by their own table (detect/policy_table.h).
//
// So whoever floods an address or an account with wrong passwords shuts out strangers and never the customer who comes
// from where he always comes. A throttle lets one stranger in ten seconds through, five at once. An allowlisted attempt
// is challenged at most and never throttled. A shadow decision only says what it would do. What a certificate asks for
// stands in the table of certificate_verdicts.h; the stricter of it and the standing decisions wins, save that a throttle for
// a certificate nobody has looked at is not lifted to a challenge, which could be passed instead of the look.
//
// Takes an Attempt, which holds no outcome: a verdict cannot depend on the outcome of its own attempt.
// noexcept; well below a microsecond; allocates only while tracing. Not thread-safe: throttles spend their
// tokens here.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/decision/ledger.h"
#include "engine/detect/lanes.h"
#include "engine/event/login_event.h"
#include "engine/gate/certificate_verdicts.h"
#include "engine/gate/verdict.h"

namespace stockade {

class Detectors;

// One step of the gate's way, for `explain`. Views live during the call that hands it on.
struct GateStep {
  std::string_view step;  // "challenges", "standing decisions", "certificate", "lane", "detectors", "mode"
  std::string said;       // a sentence for a person
};

class Gate {
 public:
  using Trace = std::function<void(const GateStep&)>;

  // All outlive the gate. The ledger brings the allowlist. `detectors` may be null.
  Gate(Ledger* ledger, const Lanes* lanes, Detectors* detectors) noexcept
      : ledger_(ledger), lanes_(lanes), detectors_(detectors) {}

  void SetMode(Mode mode) noexcept { mode_ = mode; }
  Mode mode() const noexcept { return mode_; }
  // The kill switch: while off, standing decisions act on nobody, here as at every firewall. Certificates and the mode go on.
  void SetEnforcing(bool enforcing) noexcept { enforcing_ = enforcing; }
  bool enforcing() const noexcept { return enforcing_; }
  void SetCertificates(const CertificateVerdicts& certificates) noexcept { certificates_ = certificates; }

  // The verdict at event time `now_ms`. `trace`, if not null, is told each step. `fingerprint` as in Ledger::Find. `standing`, if
  // not null, is how the attempt stands to its account.
  Verdict Assess(const Attempt& attempt, int64_t now_ms, const Trace* trace,
                 const Hash128* fingerprint = nullptr, Standing* standing = nullptr) noexcept;

 private:
  CanAsk WhatCanBeAsked(const Attempt& attempt, const Trace* trace) const noexcept;
  struct Stood {
    bool allowlisted = false;
    bool denied_for_want = false;  // by what would be a challenge, if it could be asked
  };
  Stood AskStanding(const Attempt& attempt, const Standing& standing, CanAsk can_ask, int64_t now_ms,
                    Verdict* verdict, const Trace* trace, const Hash128* fingerprint) noexcept;
  void AskCertificate(const Attempt& attempt, CanAsk can_ask, bool denied_for_want, Verdict* verdict,
                      const Trace* trace) const noexcept;
  void AskDetectors(const Attempt& attempt, const Standing& standing, bool allowlisted, CanAsk can_ask,
                    int64_t now_ms, Verdict* verdict, const Trace* trace) const noexcept;
  void AskMode(CanAsk can_ask, Verdict* verdict, const Trace* trace) const noexcept;

  Ledger* ledger_;
  const Lanes* lanes_;
  Detectors* detectors_;
  Mode mode_ = Mode::kProtect;
  bool enforcing_ = true;
  CertificateVerdicts certificates_;
};

}  // namespace stockade
