#include "adapters/source/field_text.h"

#include <algorithm>
#include <array>
#include <charconv>

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
  const bool is_id = text.size() >= kPasswordIdDigitsMin && text.size() <= kPasswordIdDigitsMax &&
                     std::all_of(text.begin(), text.end(),
                                 [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  if (is_id) return text;
  HexBuffer hex;
  return arena->Copy(HexOf(SipHash128(key, text), &hex));
}

ReadError SetField(FieldId id, std::string_view text, LoginEvent* event) noexcept {
  Attempt& attempt = event->attempt;
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
    case FieldId::kUserName:
      attempt.account = text;
      return ReadError::kNone;
    case FieldId::kUserAgent:
      attempt.user_agent = text;
      return ReadError::kNone;
    case FieldId::kJa3:
      attempt.ja3 = text;
      return ReadError::kNone;
    case FieldId::kJa4:
      attempt.ja4 = text;
      return ReadError::kNone;
    case FieldId::kUrlPath:
      attempt.path = text;
      return ReadError::kNone;
    case FieldId::kRequestId:
      attempt.request_id = text;
      return ReadError::kNone;
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
    case FieldId::kPasswordId:
      attempt.password_id = text;
      return ReadError::kNone;
    case FieldId::kDevice:
      attempt.device = text;
      return ReadError::kNone;
    case FieldId::kChannel:
      attempt.channel = text;
      return ReadError::kNone;
    case FieldId::kHeaderOrder:
      attempt.header_order = text;
      return ReadError::kNone;
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
