// The token by which an application says that a challenge was passed.
#include "adapters/gateway/challenge_token.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>

namespace stockade {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
const absl::Time kNow = absl::FromUnixSeconds(1764150000);

ChallengeToken Token(std::string account = "alice", int64_t expires_s = 1764150060) {
  return ChallengeToken{ChallengeKind::kHuman, std::move(account), expires_s};
}
TokenError Read(std::string_view text, ChallengeToken* token, absl::Time now = kNow) {
  return ReadChallengeToken(text, kSecret, now, token);
}

TEST_CASE("a token reads back until it expires", "[gateway][token]") {
  for (const char* account : {"alice", "a b", "ali;ce", "m\xC3\xBCller", "\xFF\x01%", "a; mac=b", "~._-"}) {
    CAPTURE(account);
    ChallengeToken written = Token(account);
    written.kind = ChallengeKind::kIdentity;
    const std::string text = WriteChallengeToken(written, kSecret);
    ChallengeToken read;
    REQUIRE(Read(text, &read) == TokenError::kNone);
    CHECK(read.account == account);
    CHECK(read.kind == ChallengeKind::kIdentity);
    CHECK(read.expires_s == written.expires_s);
    CHECK(Read(text, &read, kNow + absl::Seconds(60)) == TokenError::kExpired);
    CHECK(read.account.empty());
    CHECK(Read(text, &read, kNow + absl::Seconds(59)) == TokenError::kNone);
    CHECK(Read(text, &read, kNow - absl::Hours(25)) == TokenError::kTooFarAhead);
    CHECK(ReadChallengeToken(text, "another secret of thirty-two ch.", kNow, &read) == TokenError::kBadMac);
  }
}

TEST_CASE("every flipped bit of a token is noticed", "[gateway][token]") {
  const std::string text = WriteChallengeToken(Token(), kSecret);
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string flipped = text;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    ChallengeToken read;
    CHECK(Read(flipped, &read) != TokenError::kNone);
  }
  for (size_t size = 0; size < text.size(); ++size) {
    ChallengeToken read;
    CHECK(Read(text.substr(0, size), &read) == TokenError::kMalformed);
  }
}

TEST_CASE("what is signed and is no token is malformed, and says nothing before its mac holds",
          "[gateway][token]") {
  // A token over `text`, signed by the writer: the text takes the place of the account, and the rest is cut off.
  const auto error = [](const std::string& text) {
    ChallengeToken read;
    return Read(text, &read);
  };
  CHECK(error("") == TokenError::kMalformed);
  CHECK(error("human; account=alice; expires=1764150060") == TokenError::kMalformed);
  CHECK(error("human; account=alice; expires=1764150060; mac=") == TokenError::kMalformed);
  CHECK(error("human; account=alice; expires=1764150060; mac=" + std::string(64, '0')) ==
        TokenError::kBadMac);
  CHECK(error("nonsense; mac=" + std::string(64, '0')) == TokenError::kBadMac);
  CHECK(error(std::string(kTokenBytesMax, 'a') + "; mac=" + std::string(64, '0')) == TokenError::kMalformed);
  CHECK(error(WriteChallengeToken(Token(""), kSecret)) == TokenError::kMalformed);
  CHECK(error(WriteChallengeToken(Token("a", -5), kSecret)) == TokenError::kMalformed);
  CHECK(error(WriteChallengeToken(Token("a", 0), kSecret)) == TokenError::kExpired);
  CHECK(error(WriteChallengeToken(Token("a", INT64_MAX), kSecret)) == TokenError::kTooFarAhead);
  CHECK(error(WriteChallengeToken(Token("a", 1764150060000), kSecret)) == TokenError::kTooFarAhead);
}

TEST_CASE("a secret is taken without the end of its line, and a short one is refused", "[gateway][token]") {
  CHECK(*TokenSecret(std::string(kSecret) + "\n") == kSecret);
  CHECK(*TokenSecret(std::string(kSecret) + "\r\n") == kSecret);
  CHECK_FALSE(TokenSecret("short\n").ok());
  CHECK_FALSE(TokenSecret(std::string(31, 'a') + std::string(40, '\n')).ok());
}

// What a shell prints; nothing if it fails.
std::string Output(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "re"), &pclose);
  if (pipe == nullptr) return "";
  std::string text;
  char piece[256];
  while (const size_t got = std::fread(piece, 1, sizeof(piece), pipe.get())) text.append(piece, got);
  return text;
}

TEST_CASE("the lines for a shell in the header make a token that is believed", "[gateway][token]") {
  if (Output("command -v openssl").empty()) {
    WARN("skipped: there is no openssl");
    return;
  }
  const std::string made = Output(
      "token=\"human; account=alice; expires=$((1764150000 + 60))\"\n"
      "mac=$(printf %s \"$token\" | openssl dgst -sha256 -hmac \"" +
      std::string(kSecret) +
      "\" -r | cut -d' ' -f1)\n"
      "printf %s \"$token; mac=$mac\"\n");
  CAPTURE(made);
  CHECK(made == WriteChallengeToken(Token(), kSecret));
  ChallengeToken read;
  CHECK(Read(made, &read) == TokenError::kNone);
  CHECK(read.account == "alice");
}

}  // namespace
}  // namespace stockade
