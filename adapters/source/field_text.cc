#include "adapters/source/field_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/event/digits.h"
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

// Whether sixteen characters at once are hexadecimal digits: of each what it lies above the first of its kind, and
// whether that is more than the last one's.
#ifdef __SSE2__
bool IsHexBlock(const char* at) noexcept {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const auto between = [](__m128i bytes, char first, char count) noexcept {
    const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(count - 1))), above);
  };
  const __m128i hex =
      _mm_or_si128(between(text, '0', 10), between(_mm_or_si128(text, _mm_set1_epi8(0x20)), 'a', 6));
  return _mm_movemask_epi8(hex) == 0xffff;
}
#else
bool IsHexBlock(const char* at) noexcept {
  return std::all_of(at, at + 16, [](char c) { return HexDigit(c) >= 0; });
}
#endif

// Of a text of sixteen characters or more.
bool IsHex(std::string_view text) noexcept {
  const char* const last = text.data() + text.size() - 16;
  for (const char* at = text.data(); at < last; at += 16)
    if (!IsHexBlock(at)) return false;
  return IsHexBlock(last);
}

bool IsNothing(std::string_view text) noexcept {
  return text.empty() || (text.size() == 1 && text.front() == '-');
}

// A decimal number and nothing else.
bool ReadNumber(std::string_view text, uint32_t* number) noexcept {
  constexpr size_t kDigitsMax = 9;  // that fit whatever they are
  if (text.empty() || text.size() > kDigitsMax) {
    const char* const end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(text.data(), end, *number);
    return failed == std::errc() && stopped == end;
  }
  uint32_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  *number = value;
  return true;
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
      const bool has_digits = !text.empty() && IsDigit(text.front());
      if (!has_digits && (text.starts_with("AS") || text.starts_with("as"))) text.remove_prefix(2);
      if (IsNothing(text)) return ReadError::kNone;
      uint32_t number = 0;
      if (!ReadNumber(text, &number)) return ReadError::kBadValue;
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
      // Derived fields are not read, and those of a FieldTable are the caller's.
      if (const auto member = TextMember(id)) attempt.*member = text;
      return ReadError::kNone;
  }
}

std::map<std::string, Outcome> LowerCaseWords(const std::map<std::string, Outcome>& words) {
  std::map<std::string, Outcome> lower;
  for (const auto& [word, outcome] : words) lower.emplace(absl::AsciiStrToLower(word), outcome);
  return lower;
}

}  // namespace stockade
