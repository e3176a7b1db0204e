#include "adapters/gateway/challenge_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "adapters/gateway/percent_text.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kMacMark = "; mac=";
constexpr size_t kMacBytes = 32;

bool IsUnreserved(char c) noexcept {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string Encode(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.push_back('%');
    encoded.push_back(kDigits[byte >> 4]);
    encoded.push_back(kDigits[byte & 15]);
  }
  return encoded;
}

bool Decode(std::string_view text, std::string* decoded) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsUnreserved(text[i])) {
      decoded->push_back(text[i]);
      continue;
    }
    const int byte = PercentByte(text.substr(i));
    if (byte < 0) return false;
    decoded->push_back(static_cast<char>(byte));
    i += 2;
  }
  return !decoded->empty();
}

std::string MacOf(std::string_view text, std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned size = 0;
  // Fails for want of memory alone.
  STOCKADE_CHECK(secret.size() <= std::numeric_limits<int>::max());
  STOCKADE_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                      reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(),
                      &size) != nullptr);
  STOCKADE_CHECK(size == kMacBytes);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < kMacBytes; ++i) {
    hex.push_back(kDigits[mac[i] >> 4]);
    hex.push_back(kDigits[mac[i] & 15]);
  }
  return hex;
}

bool Consume(std::string_view* text, std::string_view what) noexcept {
  if (!text->starts_with(what)) return false;
  text->remove_prefix(what.size());
  return true;
}

bool ReadSigned(std::string_view text, ChallengeToken* token) {
  if (Consume(&text, Name(ChallengeKind::kHuman))) {
    token->kind = ChallengeKind::kHuman;
  } else if (Consume(&text, Name(ChallengeKind::kIdentity))) {
    token->kind = ChallengeKind::kIdentity;
  } else {
    return false;
  }
  if (!Consume(&text, "; account=")) return false;
  const size_t end = std::min(text.find(';'), text.size());
  if (!Decode(text.substr(0, end), &token->account)) return false;
  text.remove_prefix(end);
  if (!Consume(&text, "; expires=")) return false;
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && absl::SimpleAtoi(ToAbsl(text), &token->expires_s);
}

}  // namespace

std::string_view Name(TokenError error) noexcept {
  static constexpr std::array<std::string_view, 5> kNames = {"none", "malformed", "bad_mac", "expired",
                                                             "too_far_ahead"};
  return kNames[static_cast<size_t>(error)];
}

TokenError ReadChallengeToken(std::string_view text, std::string_view secret, absl::Time now,
                              ChallengeToken* token) {
  *token = ChallengeToken();
  if (text.size() > kTokenBytesMax) return TokenError::kMalformed;
  const size_t mark = text.rfind(kMacMark);
  if (mark == std::string_view::npos) return TokenError::kMalformed;
  const std::string_view mac = text.substr(mark + kMacMark.size());
  text = text.substr(0, mark);
  if (mac.size() != 2 * kMacBytes) return TokenError::kMalformed;
  const std::string wanted = MacOf(text, secret);
  if (CRYPTO_memcmp(wanted.data(), mac.data(), mac.size()) != 0) return TokenError::kBadMac;
  ChallengeToken read;
  if (!ReadSigned(text, &read)) return TokenError::kMalformed;
  const absl::Time expires = absl::FromUnixSeconds(read.expires_s);
  if (expires <= now) return TokenError::kExpired;
  if (expires - now > kTokenLifeMax) return TokenError::kTooFarAhead;
  *token = std::move(read);
  return TokenError::kNone;
}

std::string WriteChallengeToken(const ChallengeToken& token, std::string_view secret) {
  std::string text =
      Concat(Name(token.kind), "; account=", Encode(token.account), "; expires=", token.expires_s);
  const std::string mac = MacOf(text, secret);
  Append(&text, kMacMark, mac);
  return text;
}

absl::StatusOr<std::string> TokenSecret(std::string_view file_text) {
  const std::string_view secret = FromAbsl(absl::StripTrailingAsciiWhitespace(ToAbsl(file_text)));
  if (secret.size() < kTokenSecretBytesMin) {
    return absl::InvalidArgumentError(Concat("holds ", secret.size(), " characters; at least ",
                                             kTokenSecretBytesMin, ", as made with: openssl rand -hex 32"));
  }
  return std::string(secret);
}

}  // namespace stockade
