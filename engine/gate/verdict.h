// The answer to one attempt, given before the password check, and by what.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/decision/decision.h"
#include "engine/detect/lanes.h"

namespace stockade {

enum class VerdictKind : uint8_t { kAllow, kThrottle, kChallenge, kDeny };
inline constexpr std::string_view kVerdictNames[] = {"allow", "throttle", "challenge", "deny"};
constexpr std::string_view Name(VerdictKind kind) noexcept {
  return kVerdictNames[static_cast<size_t>(kind)];
}

// How the gate stands; switched by an operator while running.
enum class Mode : uint8_t {
  kObserve,          // every verdict is allow; what it would have been is said beside it
  kProtect,          // as decided
  kCertificateOnly,  // the certified lane passes, everybody else is denied
  kEstablishedOnly,  // certified and familiar pass, half is challenged for identity, unfamiliar is denied
};
inline constexpr std::string_view kModeNames[] = {"observe", "protect", "certificate-only",
                                                  "established-only"};
constexpr std::string_view Name(Mode mode) noexcept {
  return kModeNames[static_cast<size_t>(mode)];
}

// What Verdict::time_ticket says of the event's time: believed; older than the lateness, so that nothing will count it;
// or, from kTicketHeldFirst on, a number of its own for an event whose time nobody has confirmed yet: what it counts for
// is counted during a later Assess or Finish. At most one event is held at any time (window/watermark.h).
inline constexpr uint64_t kTicketInTime = 0;
inline constexpr uint64_t kTicketTooLate = 1;
inline constexpr uint64_t kTicketHeldFirst = 2;

struct Verdict {
  VerdictKind kind = VerdictKind::kAllow;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;  // of a challenge
  Lane lane = Lane::kUnfamiliar;
  // What gave it: a rule's name, "certificate", "mode"; empty on a plain allow. `by` and `reason` are views
  // into the engine and the standing decision; they live until the next call on the engine. Copy what must
  // live longer.
  std::string_view by;
  std::string_view reason;
  const Decision* decision = nullptr;  // the standing decision, if it was one; same lifetime
  bool behind_block = false;           // a rule's block stands against its source, and did not stop it
  bool witnessed = false;              // of an attempt that nobody asked about (Engine::Witness)
  bool for_certificate = false;  // denied for its certificate: Observe charges the source, and nobody else
  uint8_t detector_notes = 0;    // the detectors' own note; hand it back to Observe
  uint64_t time_ticket = 0;      // the engine's own note about the event's time; hand it back to Observe
};

// Whether an attempt with this verdict goes on to the password check, given what came of the challenge that
// was shown. The one place where login.challenge is read, and only after the verdict.
constexpr bool ReachesPasswordCheck(const Verdict& verdict, const ChallengeResults& challenge) noexcept {
  if (verdict.kind == VerdictKind::kAllow) return true;
  if (verdict.kind != VerdictKind::kChallenge) return false;
  const ChallengeResult result =
      verdict.challenge_kind == ChallengeKind::kHuman ? challenge.human : challenge.identity;
  return result == ChallengeResult::kPassed;
}

// Whether Observe is to be told of it: it reached the password check, or its certificate was bad, which is charged to
// its source.
constexpr bool IsObserved(const Verdict& verdict, const ChallengeResults& challenge) noexcept {
  return verdict.for_certificate || ReachesPasswordCheck(verdict, challenge);
}

}  // namespace stockade
