// Which of the table's windows a correlation counts in, and what its keys are salted with; kept from one rule set to the
// next, so that other rules do not mean other counts.
//
// A correlation that stands in both sets under one handle, with an equal WindowConfig, keeps its windows whatever else
// changed around it. Windows of rules that are gone run out where they lie, and are found again if the rule comes back
// before. A rule that comes back with another window never meets the keys of the one it had. Load time only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/keyed_hash.h"
#include "engine/rule/rule_set.h"
#include "engine/window/keyed_table.h"

namespace stockade {

struct WindowPlace {
  uint16_t window = 0;
  Hash128 salt;  // two rules never share a window
};

// The key of a window, of what is common to all windows under the same values; and that again, of the key. Salts are
// hashes under a key that no value is hashed under: nobody brings two of these sums together.
inline Hash128 Salted(const Hash128& parts, const Hash128& salt) noexcept {
  return {parts.low ^ salt.low, parts.high ^ salt.high};
}

class WindowPlaces {
 public:
  // Salts are hashed under a key of their own: as no value of a field is, the exclusive or of a salt and the hash of a
  // value is as good as a hash of both.
  explicit WindowPlaces(const HashKey& hash_key) noexcept
      : salt_key_{hash_key.k0 ^ 0x77696e646f770000, hash_key.k1} {}

  // The places of a rule set's correlations, in their order; `configs` are WindowConfigs(rules). The first set takes the
  // windows that the table was made with; what a later one needs beyond those held is added to the table.
  // kInvalidArgument, with the place of the rule, for one that only a new table could hold (KeyedTable::AddWindow).
  absl::StatusOr<std::vector<WindowPlace>> Resolve(const RuleSet& rules,
                                                   std::span<const WindowConfig> configs, KeyedTable* table);
  // Of keys that belong to no correlation alone.
  Hash128 SaltOf(std::string_view text) const noexcept { return SipHash128(salt_key_, text); }

 private:
  struct Held {
    std::string handle;
    WindowConfig config;
    WindowPlace place;
  };
  WindowPlace Hold(std::string_view handle, const WindowConfig& config, uint16_t window);

  HashKey salt_key_;
  std::vector<Held> held_;  // by the table's window
};

}  // namespace stockade
