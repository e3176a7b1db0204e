// What a login says in a few words: its outcome, its certificate, its challenge, and of each field of text whether it
// is there at all. All of it together is one number, and what rules make of that is worked out once for each
// (word_memo.h). Reads event.aftermath.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

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

// Whether a field is one of those.
constexpr bool IsVocabulary(FieldId id) noexcept {
  return id == FieldId::kEventOutcome || id == FieldId::kEventReason || id == FieldId::kCertificate ||
         id == FieldId::kChallenge;
}

// Fields whose value an event holds as text, which is never null.
using AttemptText = std::string_view Attempt::*;
inline constexpr std::array<std::pair<FieldId, AttemptText>, 13> kTextMembers = {
    {{FieldId::kUserName, &Attempt::account},
     {FieldId::kUserAgent, &Attempt::user_agent},
     {FieldId::kJa3, &Attempt::ja3},
     {FieldId::kJa4, &Attempt::ja4},
     {FieldId::kUrlPath, &Attempt::path},
     {FieldId::kRequestId, &Attempt::request_id},
     {FieldId::kSourceCountry, &Attempt::country},
     {FieldId::kPasswordId, &Attempt::password_id},
     {FieldId::kDevice, &Attempt::device},
     {FieldId::kChannel, &Attempt::channel},
     {FieldId::kHeaderOrder, &Attempt::header_order},
     {FieldId::kTlsStack, &Attempt::tls_stack},
     {FieldId::kTlsMismatch, &Attempt::tls_mismatch}}};
// The member of such a field; null for any other.
constexpr AttemptText AttemptTextOf(FieldId id) noexcept {
  for (const auto& [field, member] : kTextMembers)
    if (field == id) return member;
  return nullptr;
}

// How much there is of such a field: all that exists, null and an empty text ask.
inline constexpr size_t kPresenceWords = 3;  // absent, empty, filled
inline size_t PresenceWord(std::string_view text) noexcept {
  return (text.data() != nullptr ? 1 : 0) + (text.empty() ? 0 : 1);
}

// All words of an event as one number: a byte each of the vocabularies, and above them kPresenceBits for each field of
// text that somebody asks of.
using LoginWords = uint64_t;
inline constexpr int kVocabularyBits = 24;
inline constexpr int kPresenceBits = 2;
static_assert(kOutcomeWords <= 256 && kCertificateWords <= 256 && kChallengeWords <= 256);
static_assert(kVocabularyBits + kPresenceBits * kTextMembers.size() < 64);
inline LoginWords VocabularyWords(const LoginEvent& event) noexcept {
  return OutcomeWord(event) | CertificateWord(event) << 8 | ChallengeWord(event) << 16;
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
inline LoginEvent PresenceEvent(AttemptText member, size_t word) noexcept {
  constexpr std::string_view kWords[kPresenceWords] = {{}, "", "x"};
  LoginEvent event;
  event.attempt.*member = kWords[word];
  return event;
}

}  // namespace stockade
