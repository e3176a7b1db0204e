#include "engine/decision/allowlist.h"

#include "engine/text.h"

namespace stockade {
namespace {

// Only to compare inside one list, which an operator wrote: no stranger chooses what collides in it.
constexpr HashKey kFingerprintKey{};

}  // namespace

bool Allowlist::AddNetwork(const Prefix& network) {
  if (!networks_.Insert(network, 0)) return false;
  (network.address.is_v4() ? starts_v4_ : starts_v6_).insert(network.address);
  return true;
}

bool Allowlist::AddAccount(std::string_view account) {
  if (account.empty()) return false;
  accounts_.emplace(account);
  return true;
}

bool Allowlist::AddFingerprint(std::string_view fingerprint) {
  if (fingerprint.empty()) return false;
  const size_t bar = fingerprint.find('|');
  if (bar == std::string_view::npos) {
    ja4s_.emplace(fingerprint);
  } else {
    fingerprints_.insert(
        FingerprintHash(kFingerprintKey, fingerprint.substr(0, bar), fingerprint.substr(bar + 1)));
  }
  return true;
}

bool Allowlist::Holds(const Attempt& attempt) const noexcept {
  if (!networks_.empty() && networks_.FindLongest(attempt.source)) return true;
  if (!accounts_.empty() && attempt.has_account() && accounts_.contains(ToAbsl(attempt.account))) return true;
  if (!ja4s_.empty() && attempt.ja4.data() != nullptr && ja4s_.contains(ToAbsl(attempt.ja4))) return true;
  return !fingerprints_.empty() && HasFingerprint(attempt) &&
         fingerprints_.contains(FingerprintHash(kFingerprintKey, attempt.ja4, attempt.user_agent));
}

bool Allowlist::SharesAddress(const Prefix& prefix) const noexcept {
  // One lies around its first address, or begins inside it.
  if (networks_.FindLongest(prefix.address)) return true;
  const absl::btree_set<Address>& starts = prefix.address.is_v4() ? starts_v4_ : starts_v6_;
  const auto first = starts.lower_bound(prefix.address);
  return first != starts.end() && prefix.Contains(*first);
}

bool Allowlist::Touches(Scope scope, const Prefix& prefix, std::string_view value) const noexcept {
  switch (scope) {
    case Scope::kIp:
    case Scope::kRange:
      return !networks_.empty() && SharesAddress(prefix);
    case Scope::kAccount:
      return !accounts_.empty() && accounts_.contains(ToAbsl(value));
    case Scope::kAsn:
    case Scope::kFingerprint:
      // Which addresses an ASN has is not known here, and a fingerprint is never a firewall's business: the
      // look-up of each attempt decides.
      return false;
  }
  return false;
}

}  // namespace stockade
