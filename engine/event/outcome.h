// The words of one attempt: what came of it, what the certificate said, what a person could be asked for and what came of
// that; and their spelling in event.reason, login.certificate, login.can_ask and login.challenge. The spellings are the wire
// format: they never change.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/event/word_index.h"

namespace stockade {

// What came of an attempt (event.reason). kUnknown is an outcome too: the gateway's answer fitted nothing we know.
enum class Outcome : uint8_t {
  kUnknown,
  kSuccess,
  kBadPassword,
  kUnknownAccount,
  kBadCertificate,
  kSecondFactorFailed,
  kAccountLocked,
  kStopped,  // somebody in front, perhaps we, never let it reach the password check
};
inline constexpr std::array<std::string_view, 8> kOutcomeNames = {
    "unknown",        "success", "bad_password", "unknown_account", "bad_certificate", "second_factor_failed",
    "account_locked", "stopped"};

// event.outcome, the coarse ECS word: success | failure | unknown. Everything but success and unknown is a failure.
constexpr std::string_view CoarseOutcomeName(Outcome outcome) noexcept {
  if (outcome == Outcome::kSuccess) return "success";
  return outcome == Outcome::kUnknown ? "unknown" : "failure";
}

// Speaks against whoever sent it.
constexpr bool IsFailure(Outcome outcome) noexcept {
  return outcome == Outcome::kBadPassword || outcome == Outcome::kUnknownAccount ||
         outcome == Outcome::kBadCertificate || outcome == Outcome::kSecondFactorFailed;
}

// What the certificate of an attempt said (login.certificate). kUnchecked: nobody looked, or no field was there.
enum class CertificateStatus : uint8_t {
  kUnchecked,
  kValid,
  kMissing,
  kMalformed,
  kUntrusted,
  kExpired,
  kNotYetValid,
  kRevoked,
  kWrongUse,
  kMismatch,  // a good certificate of somebody else's account
  kBadSignature,
  kWeak,              // a key or a digest below what is asked for
  kNotAuthority,      // issued by a certificate that may not issue
  kPathTooLong,       // more authorities than one of them allows, or than we follow
  kNameNotPermitted,  // outside the names that its authority may certify
  kPolicyNotMet,      // not issued under a certificate policy that is asked for
  kUnknownExtension,  // critical, and nobody here knows what it means
  kBadSerial,         // not positive, or longer than 20 octets
  kRevocationUnknown,
  kUnconfirmed,  // good, but nobody knows whether it is revoked, and its issuer's policy is to ask for more
  kUnverified,   // shown, and there was no room or no time to look at it: says nothing about the certificate
  kStale,        // a signature of the login, from another time than now
  kReplayed,     // a signature of a login that was used before
  kWithheld,     // none was shown, by an account that is known to have one
};
inline constexpr std::array<std::string_view, 24> kCertificateNames = {"unchecked",
                                                                       "valid",
                                                                       "missing",
                                                                       "malformed",
                                                                       "untrusted",
                                                                       "expired",
                                                                       "not_yet_valid",
                                                                       "revoked",
                                                                       "wrong_use",
                                                                       "mismatch",
                                                                       "bad_signature",
                                                                       "weak",
                                                                       "not_authority",
                                                                       "path_too_long",
                                                                       "name_not_permitted",
                                                                       "policy_not_met",
                                                                       "unknown_extension",
                                                                       "bad_serial",
                                                                       "revocation_unknown",
                                                                       "unconfirmed",
                                                                       "unverified",
                                                                       "stale",
                                                                       "replayed",
                                                                       "withheld"};

// True where a certificate was shown and is not good; not so where we could not say, or said only that it is not confirmed.
constexpr bool IsBadCertificate(CertificateStatus status) noexcept {
  switch (status) {
    case CertificateStatus::kUnchecked:
    case CertificateStatus::kValid:
    case CertificateStatus::kMissing:
    case CertificateStatus::kWithheld:
    case CertificateStatus::kUnconfirmed:
    case CertificateStatus::kUnverified:
      return false;
    default:
      return true;
  }
}

// What a person can be asked for on the way by which an attempt came (login.can_ask): a test whether a human is there, or who
// he is. kUnsaid: nobody said, which is whatever the settings allow.
enum class CanAsk : uint8_t { kUnsaid, kNeither, kHuman, kIdentity, kBoth };
inline constexpr std::array<std::string_view, 5> kCanAskNames = {"", "neither", "human", "identity", "both"};

constexpr bool AsksHuman(CanAsk can) noexcept {
  return can != CanAsk::kNeither && can != CanAsk::kIdentity;
}
constexpr bool AsksIdentity(CanAsk can) noexcept {
  return can != CanAsk::kNeither && can != CanAsk::kHuman;
}
constexpr CanAsk CanAskFor(bool human, bool identity) noexcept {
  if (human) return identity ? CanAsk::kBoth : CanAsk::kHuman;
  return identity ? CanAsk::kIdentity : CanAsk::kNeither;
}
// What both allow: settings narrow a way, and a way narrows settings; neither widens the other.
constexpr CanAsk Narrowed(CanAsk a, CanAsk b) noexcept {
  return CanAskFor(AsksHuman(a) && AsksHuman(b), AsksIdentity(a) && AsksIdentity(b));
}

// What came, or in a simulation would come, of a challenge shown on this attempt (login.challenge).
enum class ChallengeResult : uint8_t { kAbsent, kPassed, kFailed, kUnknown };
inline constexpr std::array<std::string_view, 4> kChallengeResultNames = {"", "passed", "failed", "unknown"};

// A plain string says the same for both kinds; an object {"human":…,"identity":…} says each.
struct ChallengeResults {
  ChallengeResult human = ChallengeResult::kAbsent;
  ChallengeResult identity = ChallengeResult::kAbsent;
};

constexpr std::string_view Name(Outcome outcome) noexcept {
  return kOutcomeNames[static_cast<size_t>(outcome)];
}
constexpr std::string_view Name(CertificateStatus s) noexcept {
  return kCertificateNames[static_cast<size_t>(s)];
}
constexpr std::string_view Name(CanAsk can) noexcept {
  return kCanAskNames[static_cast<size_t>(can)];
}
constexpr std::string_view Name(ChallengeResult r) noexcept {
  return kChallengeResultNames[static_cast<size_t>(r)];
}

// The enum of a spelling, or nothing for any other text. Exact: case counts.
inline constexpr WordIndex kOutcomeIndex(kOutcomeNames);
constexpr std::optional<Outcome> ParseOutcome(std::string_view name) noexcept {
  const std::optional<size_t> word = kOutcomeIndex.Find(name);
  return word.has_value() ? std::optional(static_cast<Outcome>(*word)) : std::nullopt;
}
inline constexpr WordIndex kCertificateIndex(kCertificateNames);
constexpr std::optional<CertificateStatus> ParseCertificateStatus(std::string_view name) noexcept {
  const std::optional<size_t> word = kCertificateIndex.Find(name);
  return word.has_value() ? std::optional(static_cast<CertificateStatus>(*word)) : std::nullopt;
}
constexpr std::optional<CanAsk> ParseCanAsk(std::string_view name) noexcept {
  for (size_t i = 1; i < kCanAskNames.size(); ++i)
    if (kCanAskNames[i] == name) return static_cast<CanAsk>(i);
  return std::nullopt;
}
constexpr std::optional<ChallengeResult> ParseChallengeResult(std::string_view name) noexcept {
  for (size_t i = 1; i < kChallengeResultNames.size(); ++i)
    if (kChallengeResultNames[i] == name) return static_cast<ChallengeResult>(i);
  return std::nullopt;
}

}  // namespace stockade
