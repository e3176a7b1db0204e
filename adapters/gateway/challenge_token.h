// How the application says that a challenge was passed: a signed token, in the header of any answer of its own
// (challenges.response_header) or through the API. For developers of the application:
//
//   human; account=alice; expires=1764151200; mac=9f86d081…
//
//   kind      human or identity: which challenge was passed
//   account   whose login may go on: every byte but A-Z a-z 0-9 - . _ ~ as %XX (encodeURIComponent does, with ! ' ( ) *
//             written as %XX too)
//   expires   seconds since 1970: from then on the token is worth nothing; at most kTokenLifeMax ahead
//   mac       HMAC-SHA-256, in 64 small hexadecimal digits, under the secret, of everything in front of "; mac="
//
// Exactly one space behind each ';', in this order. The secret is what stands in challenges.secret_file without a line
// end behind it; make one with: openssl rand -hex 32. In a shell:
//
//   token="human; account=alice; expires=$(($(date +%s) + 60))"
//   mac=$(printf %s "$token" | openssl dgst -sha256 -hmac "$(cat secret)" -r | cut -d' ' -f1)
//   echo "Stockade-Challenge-Passed: $token; mac=$mac"
//
// A token speaks of an account, not of a client: the sidecar takes it off the answer, so that no client ever holds one.
// The same token again says the same again and no more.
//
// Pure: the time is handed in. The mac is compared in constant time, before anything else is believed. Any thread.
// Fuzz: challenge_token_fuzz.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/decision/decision.h"

namespace stockade {

// A token that lives longer is a mistake of units (milliseconds) or a key to keep.
inline constexpr absl::Duration kTokenLifeMax = absl::Hours(24);
inline constexpr size_t kTokenBytesMax = 2048;
// Shorter secrets can be guessed offline by whoever sees one token.
inline constexpr size_t kTokenSecretBytesMin = 32;

struct ChallengeToken {
  ChallengeKind kind = ChallengeKind::kHuman;
  std::string
      account;  // as the application spells it, decoded; account_text.h makes it the account that is counted
  int64_t expires_s = 0;
};

enum class TokenError : uint8_t {
  kNone,
  kMalformed,   // not of the form above
  kBadMac,      // signed with another secret, or not by us
  kExpired,     // its time is over
  kTooFarAhead  // expires more than kTokenLifeMax ahead
};
std::string_view Name(TokenError error) noexcept;

TokenError ReadChallengeToken(std::string_view text, std::string_view secret, absl::Time now,
                              ChallengeToken* token);
std::string WriteChallengeToken(const ChallengeToken& token, std::string_view secret);

// The secret in the text of its file: without white space behind it. Errors: shorter than kTokenSecretBytesMin.
absl::StatusOr<std::string> TokenSecret(std::string_view file_text);

}  // namespace stockade
