#include "engine/decision/target_index.h"

#include <charconv>
#include <optional>

namespace stockade {
namespace {

uint32_t ParseAsn(std::string_view value) noexcept {
  uint32_t asn = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), asn);
  return error == std::errc() && end == value.data() + value.size() ? asn : 0;
}

template <typename Map, typename Key>
uint32_t Lookup(const Map& map, const Key& key) noexcept {
  const auto found = map.find(key);
  return found == map.end() ? TargetIndex::kNone : found->second;
}

template <typename Map, typename Key>
bool SetIn(Map* map, const Key& key, uint32_t number) {
  if (number == TargetIndex::kNone) {
    map->erase(key);
  } else {
    (*map)[key] = number;
  }
  return true;
}

}  // namespace

uint32_t TargetIndex::Find(const Decision& decision) const noexcept {
  switch (decision.scope) {
    case Scope::kIp:
    case Scope::kRange:
      return prefixes_.Find(decision.prefix).value_or(kNone);
    case Scope::kAsn:
      return Lookup(asns_, ParseAsn(decision.value));
    case Scope::kFingerprint:
      return Lookup(fingerprints_, ParseHash128(decision.value).value_or(Hash128{}));
    case Scope::kAccount:
      return Lookup(accounts_, decision.value);
  }
  return kNone;
}

bool TargetIndex::Set(const Decision& decision, uint32_t number) {
  switch (decision.scope) {
    case Scope::kIp:
    case Scope::kRange:
      return number == kNone ? prefixes_.Remove(decision.prefix) : prefixes_.Insert(decision.prefix, number);
    case Scope::kAsn: {
      const uint32_t asn = ParseAsn(decision.value);
      return asn != 0 && SetIn(&asns_, asn, number);
    }
    case Scope::kFingerprint: {
      const std::optional<Hash128> hash = ParseHash128(decision.value);
      return hash && SetIn(&fingerprints_, *hash, number);
    }
    case Scope::kAccount:
      return SetIn(&accounts_, decision.value, number);
  }
  return false;
}

void TargetIndex::Clear() {
  prefixes_.Clear();
  asns_.clear();
  fingerprints_.clear();
  accounts_.clear();
}

uint32_t TargetIndex::FindAccount(const Attempt& attempt) const noexcept {
  if (accounts_.empty() || !attempt.has_account()) return kNone;
  AccountNameBuffer buffer;
  return Lookup(accounts_, ToAbsl(AccountName(attempt.account, key_, &buffer)));
}

}  // namespace stockade
