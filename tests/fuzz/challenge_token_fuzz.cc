// Challenge tokens on any bytes: none that we did not sign is believed, and what the bytes say reads back when signed.
#include "adapters/gateway/challenge_token.h"

#include "engine/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
  const absl::Time now = absl::FromUnixSeconds(1764150000);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  stockade::ChallengeToken token;
  if (stockade::ReadChallengeToken(text, kSecret, now, &token) == stockade::TokenError::kNone) {
    // A seed was signed under this secret; its text is then the one we would write, but for the case of %XX.
    STOCKADE_CHECK(!token.account.empty() && token.expires_s > 1764150000);
  }
  const stockade::ChallengeToken own{stockade::ChallengeKind::kHuman, std::string(text.substr(0, 500)),
                                     1764150001};
  const auto error =
      stockade::ReadChallengeToken(stockade::WriteChallengeToken(own, kSecret), kSecret, now, &token);
  STOCKADE_CHECK(own.account.empty() ? error == stockade::TokenError::kMalformed
                                     : error == stockade::TokenError::kNone && token.account == own.account);
  return 0;
}
