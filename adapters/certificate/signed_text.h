// The text that a customer's program signs at a login, made of what stands in the login by a template:
//
//   "{account}\n{timestamp}\n{nonce}"
//
// Each of the three stands in it exactly once, with some text between any two, as everything signed must be taken apart
// in one way only: over "{timestamp}{nonce}" one signature would be good for several pairs of the two, each of them new
// to whoever remembers nonces. For the same reason neither timestamp nor nonce may hold a byte of the text between; so ":"
// between them forbids times as 12:00:00, and "-" UUIDs.
//
// The account goes in as it was typed, byte for byte, because that is what the program signed; whom the login is counted
// for (account_text.h) may be spelt otherwise.
//
// Immutable; any thread; a microsecond.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stockade {

// Of the whole text: an e-mail address, a time and a nonce are 400 bytes.
inline constexpr size_t kSignedTextBytesMax = 4096;

class SignedText {
 public:
  // Errors: what is wrong with the template, and what would be right.
  static absl::StatusOr<SignedText> Parse(std::string_view form);

  struct Values {
    std::string_view account, timestamp, nonce;
  };
  // Nothing where the text would be longer than its maximum, or could be taken apart in another way.
  std::optional<std::string> Fill(const Values& values) const;

 private:
  enum class Slot : unsigned char { kAccount, kTimestamp, kNonce };
  static constexpr size_t kSlots = 3;

  std::array<Slot, kSlots> order_{};
  std::array<std::string, kSlots + 1> literals_;  // before, between, behind
};

}  // namespace stockade
