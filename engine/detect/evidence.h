// The evidence score E(key), one primitive for sources and for what attempts have in common: how much likelier what a key does
// is of an attacker than of customers.
//
//   S ← min(cap, max(0, S · 2^(-Δt/T) + z)),   z = ln [ P(outcome | attack) / P(outcome | honest source) ]
//
// Tempered by the lane, and counted of first contacts only: one outcome for each pair of key and account in a day
// (contact_memory.h), so that one customer's forgotten password says nothing twice. S ≥ suspect (kSuspectScore): a thousand to one; S ≥ condemned
// (kCondemnedScore): a million to one. A success credits once an account and day alike: an attacker's own accounts buy him two failures each.
//
// What happens without tables of z for everybody: an unfamiliar key is suspect after three or four accounts that fail, condemned
// after six to eight. Failure modes: below S / T contacts a half-life nothing adds up; honest failure above a fifth of all contacts
// makes one false suspect in 500.
//
// Source: Page 1954; Wald 1945; Jung, Paxson, Berger, Balakrishnan, S&P 2004 (θ₀ 0.8, θ₁ 0.2). z: detectors.md, 2.0.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "engine/detect/lanes.h"
#include "engine/event/outcome.h"
#include "engine/window/decayed_score.h"

namespace stockade {

inline constexpr float kSuspectScore = 6.9F;     // ln 10^3
inline constexpr float kCondemnedScore = 13.8F;  // ln 10^6
inline constexpr float kCondemnedScoreMax = 18;  // that settings may ask for
inline constexpr float kEvidenceMax = 20;        // what lies above is forgotten first

// From where on evidence tells; suspect < condemned. Below the least of a range single failures of strangers would tell; above
// kCondemnedScoreMax kEvidenceMax leaves nothing that could fade before a condemnation is over.
struct EvidenceThresholds {
  float suspect = kSuspectScore;      // 5 … 12
  float condemned = kCondemnedScore;  // 10 … kCondemnedScoreMax
};

enum class Suspicion : uint8_t { kNone, kSuspect, kCondemned };
inline constexpr std::string_view kSuspicionNames[] = {"none", "suspect", "condemned"};
constexpr std::string_view Name(Suspicion suspicion) noexcept {
  return kSuspicionNames[static_cast<size_t>(suspicion)];
}
constexpr Suspicion SuspicionOf(float score, const EvidenceThresholds& thresholds) noexcept {
  return score >= thresholds.condemned ? Suspicion::kCondemned
         : score >= thresholds.suspect ? Suspicion::kSuspect
                                       : Suspicion::kNone;
}

// What came of an attempt, as evidence.
enum class Clue : uint8_t {
  kSuccess,
  kBadPassword,
  kUnknownAccount,
  kBadCertificate,
  kSecondFactor,
  kNotPassed,
  kNothing
};

constexpr Clue ClueOf(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kSuccess:
      return Clue::kSuccess;
    case Outcome::kBadPassword:
      return Clue::kBadPassword;
    case Outcome::kUnknownAccount:
      return Clue::kUnknownAccount;
    case Outcome::kBadCertificate:
      return Clue::kBadCertificate;
    case Outcome::kSecondFactorFailed:
      return Clue::kSecondFactor;
    default:
      return Clue::kNothing;  // a lock, an outage, or nobody knows
  }
}

// z of detectors.md 2.0, by lane (certified, familiar, half, unfamiliar) and clue.
inline constexpr std::array<std::array<float, 7>, 4> kEvidence = {{
    {-3.8F, 0.2F, 0.5F, 0, 0.5F, 0, 0},
    {-3.8F, 0.5F, 1, 1, 0.5F, 0.5F, 0},
    {-3, 1, 2, 2, 1, 1, 0},
    {-2, 1.9F, 4, 3, 1.9F, 1.9F, 0},
}};
constexpr float EvidenceOf(Lane lane, Clue clue) noexcept {
  return kEvidence[static_cast<size_t>(lane)][static_cast<size_t>(clue)];
}
// What an attempt adds to the source that a denial stopped: enough to keep a live attack's denial alive.
inline constexpr float kEvidenceOfDenied = 1;

constexpr float AddEvidence(float score, int64_t age_ms, int64_t half_life_ms, float z) noexcept {
  return std::clamp(Decayed(score, age_ms, half_life_ms) + z, 0.0F, kEvidenceMax);
}

}  // namespace stockade
