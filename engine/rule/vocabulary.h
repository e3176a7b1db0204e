// The fields of a login that say one of a few words: what a rule can ask of them is worked out once for each
// word, at compile time, and looked up by the word's index at match time. Reads event.aftermath.
#pragma once

#include <cstddef>

#include "engine/event/login_event.h"

namespace stockade {

// event.outcome and event.reason, which follow from one member.
inline constexpr size_t kOutcomeWords = kOutcomeNames.size();
inline size_t OutcomeWord(const LoginEvent& event) noexcept {
  return static_cast<size_t>(event.aftermath.outcome);
}

// login.certificate: twice every status, for "unchecked" may be said or may be silence.
inline constexpr size_t kCertificateWords = 2 * kCertificateNames.size();
inline size_t CertificateWord(const LoginEvent& event) noexcept {
  return 2 * static_cast<size_t>(event.attempt.certificate) + (event.attempt.certificate_present ? 1 : 0);
}

// login.challenge: of both kinds.
inline constexpr size_t kChallengeWords = kChallengeResultNames.size() * kChallengeResultNames.size();
inline size_t ChallengeWord(const LoginEvent& event) noexcept {
  return static_cast<size_t>(event.aftermath.challenge.human) * kChallengeResultNames.size() +
         static_cast<size_t>(event.aftermath.challenge.identity);
}

// The inverse, as events that hold nothing else.
inline LoginEvent OutcomeEvent(size_t word) noexcept {
  LoginEvent event;
  event.aftermath.outcome = static_cast<Outcome>(word);
  return event;
}
inline LoginEvent CertificateEvent(size_t word) noexcept {
  LoginEvent event;
  event.attempt.certificate = static_cast<CertificateStatus>(word / 2);
  event.attempt.certificate_present = word % 2 != 0;
  return event;
}
inline LoginEvent ChallengeEvent(size_t word) noexcept {
  LoginEvent event;
  event.aftermath.challenge.human = static_cast<ChallengeResult>(word / kChallengeResultNames.size());
  event.aftermath.challenge.identity = static_cast<ChallengeResult>(word % kChallengeResultNames.size());
  return event;
}

// Whether a field is one of those.
constexpr bool IsVocabulary(FieldId id) noexcept {
  return id == FieldId::kEventOutcome || id == FieldId::kEventReason || id == FieldId::kCertificate ||
         id == FieldId::kChallenge;
}

}  // namespace stockade
