// What stands on one value, where a firewall keeps one entry a value and the entry must tell which orders it stands for: a
// challenge may ask for a human and for the owner at once, a lock may close one lane or all. Each action has at most two
// such variants, and so a mask of two bits says what stands: 1 the first (all that block and throttle have), 2 the second.
//
// Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "adapters/firewall/firewall.h"

namespace stockade {

using VariantMask = uint8_t;
inline constexpr VariantMask kFirstVariant = 1;
inline constexpr VariantMask kSecondVariant = 2;
inline constexpr VariantMask kBothVariants = 3;

inline VariantMask VariantOf(const OrderKey& key) noexcept {
  const bool second = (key.action == Action::kChallenge && key.challenge_kind == ChallengeKind::kIdentity) ||
                      (key.action == Action::kLock && key.all_lanes);
  return second ? kSecondVariant : kFirstVariant;
}

// The key of one variant of an action on a value.
inline OrderKey KeyOf(Scope scope, Action action, VariantMask variant, std::string_view value) {
  const bool second = variant == kSecondVariant;
  return {scope, action,
          action == Action::kChallenge && second ? ChallengeKind::kIdentity : ChallengeKind::kHuman,
          action == Action::kLock && second, std::string(value)};
}

// As a word: of a challenge "human", "identity" or "human+identity"; of a lock "unfamiliar", "all" or "unfamiliar+all"; else
// the action's own name. `mask` is 1, 2 or 3.
inline std::string_view VariantName(Action action, VariantMask mask) noexcept {
  static constexpr std::string_view kChallenge[] = {"human", "identity", "human+identity"};
  static constexpr std::string_view kLock[] = {"unfamiliar", "all", "unfamiliar+all"};
  if (action == Action::kChallenge) return kChallenge[mask - 1];
  if (action == Action::kLock) return kLock[mask - 1];
  return Name(action);
}

// The other way round; nothing for any other word.
inline std::optional<VariantMask> ParseVariants(Action action, std::string_view word) noexcept {
  const bool two = action == Action::kChallenge || action == Action::kLock;
  for (VariantMask mask = kFirstVariant; mask <= (two ? kBothVariants : kFirstVariant); ++mask)
    if (VariantName(action, mask) == word) return mask;
  return std::nullopt;
}

// Whether `value` is spelled as decisions on this scope spell an address or a network, and so as List will read it back.
// Other spellings of one address (a zone id, capitals, ::ffff:192.0.2.1) would never match, or never compare equal; and a zone
// id may hold anything.
inline bool SpellsNetwork(Scope scope, std::string_view value) {
  const std::optional<Prefix> prefix = Prefix::Parse(value);
  return prefix && prefix->is_single() == (scope == Scope::kIp) && prefix->ToString() == value;
}

// The scope of a text that names an address or a network: networks have a length.
inline Scope ScopeOfAddress(std::string_view text) noexcept {
  return text.find('/') == std::string_view::npos ? Scope::kIp : Scope::kRange;
}

}  // namespace stockade
