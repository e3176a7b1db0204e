// From an attempt to the names by which decisions know it: the scope and value of a response's target.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/decision/decision.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"

namespace stockade {

// The scope and value a decision would have; `prefix` for addresses and networks.
struct TargetValue {
  Scope scope = Scope::kIp;
  std::string value;
  Prefix prefix;
};

// The value of a response's target in this attempt; nothing where the attempt does not say (no address, no
// ASN, no account, neither JA4 nor user agent).
std::optional<TargetValue> TargetOf(const Attempt& attempt, Target target, const HashKey& key);

// What a decision on a fingerprint is known by: JA4 and user agent hashed together, because a user agent is
// as long as its sender likes. Allocates nothing.
Hash128 FingerprintHash(const HashKey& key, std::string_view ja4, std::string_view user_agent) noexcept;
inline bool HasFingerprint(const Attempt& attempt) noexcept {
  return attempt.ja4.data() != nullptr || attempt.user_agent.data() != nullptr;
}

// What a decision on an account is known by: the account as typed, or '#' and the hash of one longer than
// kPrintedFieldBytesMax, so that nobody fills the ledger with a megabyte a name. `buffer` holds the longer
// form.
struct AccountNameBuffer {
  char bytes[33];
};
std::string_view AccountName(std::string_view account, const HashKey& key,
                             AccountNameBuffer* buffer) noexcept;

// At most `bytes_max` bytes of a text, whole UTF-8 characters, an ellipsis where something was cut.
std::string CutText(std::string_view text, size_t bytes_max);
// The same to kPrintedFieldBytesMax.
std::string Printed(std::string_view text);

}  // namespace stockade
