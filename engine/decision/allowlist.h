// Whom nothing blocks: addresses, networks, accounts and fingerprints that an operator vouches for.
//
// An attempt that the list holds is never denied and never locked out; it is challenged at most. It holds at
// look-up, so that a name added today frees those whom yesterday's decision stopped. Policy asks it too,
// before a decision is made: a firewall far away looks nothing up.
//
// Beware of accounts and fingerprints: whoever names them is believed to be them. An allowlisted account is
// meant for test and monitoring accounts whose passwords are worth nothing.
//
// A value: copied into the options of an engine. Filled by one thread, then only read. Holds is noexcept,
// allocates nothing, and costs nothing for a kind of name that the list does not have.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "engine/decision/prefix_map.h"
#include "engine/decision/target.h"
#include "engine/event/login_event.h"

namespace stockade {

class Allowlist {
 public:
  // False if the network names no address or the list is full.
  bool AddNetwork(const Prefix& network);
  // As typed at login, byte for byte; false for an empty name.
  bool AddAccount(std::string_view account);
  // A JA4, whatever the user agent; or the field source.fingerprint, "JA4|user agent", for both together.
  // False for an empty one.
  bool AddFingerprint(std::string_view fingerprint);

  bool Holds(const Attempt& attempt) const noexcept;
  // Whether a decision on this scope and value could stop somebody whom the list holds: a network that shares
  // an address with one of the list, or an account of the list. `value` of an account is what TargetOf made
  // of it. O(log of the list): a feed of many networks and a list of many addresses meet within a desk's lock.
  bool Touches(Scope scope, const Prefix& prefix, std::string_view value) const noexcept;

  bool empty() const noexcept { return size() == 0; }
  size_t size() const noexcept {
    return networks_.size() + accounts_.size() + ja4s_.size() + fingerprints_.size();
  }

 private:
  bool SharesAddress(const Prefix& prefix) const noexcept;

  PrefixMap networks_;
  absl::btree_set<Address> starts_v4_, starts_v6_;  // of the networks; the two families do not lie apart
  absl::flat_hash_set<std::string> accounts_;
  absl::flat_hash_set<std::string> ja4s_;
  absl::flat_hash_set<Hash128> fingerprints_;
};

}  // namespace stockade
