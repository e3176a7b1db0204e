#include "adapters/source/field_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array<std::string_view, 12> kSuccessWords = {"success", "true",      "1",       "yes",
                                                            "ok",      "allow",     "allowed", "accepted",
                                                            "granted", "succeeded", "passed",  "successful"};
constexpr std::array<std::string_view, 12> kFailureWords = {"failure", "false",    "0",       "no",
                                                            "fail",    "failed",   "error",   "deny",
                                                            "denied",  "rejected", "refused", "unsuccessful"};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view word) noexcept {
  return std::any_of(words.begin(), words.end(),
                     [word](std::string_view w) { return absl::EqualsIgnoreCase(ToAbsl(w), ToAbsl(word)); });
}

// Whether eight characters at once are hexadecimal digits: sums whose high bits say, byte by byte, which of
// two bounds a character has reached. Bytes from 0x80 on would carry into their neighbours and are cleared
// first; what they were is asked last.
bool IsHexWord(uint64_t word) noexcept {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t low = word & (0x7f * kEach);
  const auto between = [](uint64_t bytes, uint64_t first, uint64_t last) noexcept {
    return (bytes + (0x80 - first) * kEach) & ~(bytes + (0x7f - last) * kEach);
  };
  const uint64_t hex = between(low, '0', '9') | between(low | 0x20 * kEach, 'a', 'f');
  return (hex & ~word & 0x80 * kEach) == 0x80 * kEach;
}

// Of a text of eight characters or more.
bool IsHex(std::string_view text) noexcept {
  uint64_t word;
  for (size_t i = 0; i + 8 < text.size(); i += 8) {
    std::memcpy(&word, text.data() + i, 8);
    if (!IsHexWord(word)) return false;
  }
  std::memcpy(&word, text.data() + text.size() - 8, 8);
  return IsHexWord(word);
}

bool IsNothing(std::string_view text) noexcept {
  return text.empty() || text == "-";
}

}  // namespace

std::optional<Outcome> ParseOutcomeWord(std::string_view word) noexcept {
  if (word == "success") return Outcome::kSuccess;
  if (word == "failure") return Outcome::kBadPassword;
  for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
    if (absl::EqualsIgnoreCase(ToAbsl(kOutcomeNames[i]), ToAbsl(word))) return static_cast<Outcome>(i);
  }
  if (Contains(kSuccessWords, word)) return Outcome::kSuccess;
  if (Contains(kFailureWords, word)) return Outcome::kBadPassword;
  return std::nullopt;
}

std::optional<Outcome> ResolveOutcome(std::string_view outcome, std::string_view reason,
                                      const std::map<std::string, Outcome>& words) {
  if (!words.empty()) {
    for (const std::string_view word : {reason, outcome}) {
      if (word.data() == nullptr) continue;
      const auto found = words.find(absl::AsciiStrToLower(ToAbsl(word)));
      if (found != words.end()) return found->second;
    }
  }
  if (reason.data() != nullptr) {
    if (const auto known = ParseOutcome(reason)) return known;
  }
  if (outcome.data() == nullptr) return Outcome::kUnknown;
  return ParseOutcomeWord(outcome);
}

std::string_view ToPasswordId(std::string_view text, const HashKey& key, TextArena* arena) {
  if (text.empty()) return text;
  if (text.size() >= kPasswordIdDigitsMin && text.size() <= kPasswordIdDigitsMax && IsHex(text)) return text;
  HexBuffer hex;
  return arena->Copy(HexOf(SipHash128(key, text), &hex));
}

std::string_view Attempt::*TextMember(FieldId id) noexcept {
  switch (id) {
    case FieldId::kUserName:
      return &Attempt::account;
    case FieldId::kUserAgent:
      return &Attempt::user_agent;
    case FieldId::kJa3:
      return &Attempt::ja3;
    case FieldId::kJa4:
      return &Attempt::ja4;
    case FieldId::kUrlPath:
      return &Attempt::path;
    case FieldId::kRequestId:
      return &Attempt::request_id;
    case FieldId::kPasswordId:
      return &Attempt::password_id;
    case FieldId::kDevice:
      return &Attempt::device;
    case FieldId::kChannel:
      return &Attempt::channel;
    case FieldId::kHeaderOrder:
      return &Attempt::header_order;
    case FieldId::kTlsStack:
      return &Attempt::tls_stack;
    case FieldId::kTlsMismatch:
      return &Attempt::tls_mismatch;
    default:
      return nullptr;
  }
}

ReadError SetField(FieldId id, std::string_view text, LoginEvent* event) noexcept {
  Attempt& attempt = event->attempt;
  if (const auto member = TextMember(id)) {
    attempt.*member = text;
    return ReadError::kNone;
  }
  switch (id) {
    case FieldId::kSourceIp: {
      if (IsNothing(text)) {
        attempt.source = Address();
        return ReadError::kNone;
      }
      const auto address = Address::Parse(text);
      if (!address.has_value()) return ReadError::kBadAddress;
      attempt.source = *address;
      return ReadError::kNone;
    }
    case FieldId::kSourceAsn: {
      if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
      if (IsNothing(text)) return ReadError::kNone;
      uint32_t number = 0;
      const char* const end = text.data() + text.size();
      const auto [stopped, failed] = std::from_chars(text.data(), end, number);
      if (failed != std::errc() || stopped != end) return ReadError::kBadValue;
      attempt.asn = number;
      return ReadError::kNone;
    }
    case FieldId::kSourceCountry:
      if (!IsNothing(text)) attempt.country = text;
      return ReadError::kNone;
    case FieldId::kCertificate: {
      const auto status = ParseCertificateStatus(text);
      if (!status.has_value()) return ReadError::kBadValue;
      attempt.certificate = *status;
      attempt.certificate_present = true;
      return ReadError::kNone;
    }
    case FieldId::kCanAsk: {
      const auto can_ask = ParseCanAsk(text);
      if (!can_ask.has_value()) return ReadError::kBadValue;
      attempt.can_ask = *can_ask;
      return ReadError::kNone;
    }
    case FieldId::kChallenge: {
      const auto result = ParseChallengeResult(text);
      if (!result.has_value()) return ReadError::kBadValue;
      event->aftermath.challenge = ChallengeResults{*result, *result};
      return ReadError::kNone;
    }
    default:
      return ReadError::kNone;  // derived fields are not read, those of a FieldTable are the caller's
  }
}

std::map<std::string, Outcome> LowerCaseWords(const std::map<std::string, Outcome>& words) {
  std::map<std::string, Outcome> lower;
  for (const auto& [word, outcome] : words) lower.emplace(absl::AsciiStrToLower(word), outcome);
  return lower;
}

}  // namespace stockade
