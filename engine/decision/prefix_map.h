// A value for each network, and the longest network that holds an address: for the ledger and the allowlist.
//
// Single addresses and wider networks lie in two hash tables. A look-up asks the table of singles once, then
// the table of networks once for each prefix length that any network has, longest first. A trie would ask for
// every branching bit instead: with a million entries that is some twenty dependent cache misses against one
// or two, because nearly all decisions name one address and the rest lie on the few rungs of the ladder.
// Where somebody loads lists of many different lengths a look-up costs one probe more for each of them; no
// stranger can add a length.
//
// At most kPrefixesMax entries. Find* are noexcept, allocate nothing and may run in several threads at once
// while nobody changes the map. About 40 bytes an entry, twice that at worst. Oracle: a linear scan, in
// tests/engine/decision/prefix_map_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/event/address.h"

namespace stockade {

class PrefixMap {
 public:
  // Four million: more than any published list of hostile addresses, and 320 MiB at worst.
  static constexpr size_t kPrefixesMax = size_t{1} << 22;

  struct Match {
    Prefix prefix;
    uint32_t value;
  };

  // Sets the value of a network, replacing the one it had. False if the map is full or the prefix names no
  // address. The bits behind the prefix's length must be zero, as Prefix::Parse and Prefix::Around leave
  // them.
  bool Insert(const Prefix& prefix, uint32_t value);
  // True if there was such a network.
  bool Remove(const Prefix& prefix);
  void Clear();

  // The value of exactly this network.
  std::optional<uint32_t> Find(const Prefix& prefix) const noexcept;
  // Brings closer what a look-up of this single address will read.
  void Prefetch(const Address& address) const noexcept { singles_.prefetch(address); }
  // The longest network that holds the address; nothing for an absent address.
  std::optional<Match> FindLongest(const Address& address) const noexcept;
  // Calls `visit(Match)` for each network that holds the address, longest first.
  template <typename Visit>
  void VisitCovering(const Address& address, Visit&& visit) const;

  // All entries, ordered by address and then length: the same for the same content, however it came about.
  std::vector<Match> Entries() const;
  size_t size() const noexcept { return singles_.size() + networks_.size(); }
  bool empty() const noexcept { return size() == 0; }
  size_t bytes() const noexcept;

 private:
  // Which prefix lengths of one family have entries, longest first, full length apart.
  struct Lengths {
    std::array<uint32_t, 129> counts{};
    std::array<uint8_t, 129> present{};
    uint8_t present_size = 0;

    void Add(uint8_t length) noexcept;
    void Drop(uint8_t length) noexcept;
    void Relist() noexcept;
  };

  Lengths& LengthsOf(const Address& address) noexcept { return address.is_v4() ? v4_ : v6_; }
  const Lengths& LengthsOf(const Address& address) const noexcept { return address.is_v4() ? v4_ : v6_; }

  absl::flat_hash_map<Address, uint32_t> singles_;
  absl::flat_hash_map<Prefix, uint32_t> networks_;
  Lengths v4_;
  Lengths v6_;
};

template <typename Visit>
void PrefixMap::VisitCovering(const Address& address, Visit&& visit) const {
  if (!address.present()) return;
  if (const auto single = singles_.find(address); single != singles_.end())
    visit(Match{Prefix{address, static_cast<uint8_t>(address.bits())}, single->second});
  const Lengths& lengths = LengthsOf(address);
  for (size_t i = 0; i < lengths.present_size; ++i) {
    const auto network = networks_.find(Prefix::Around(address, lengths.present[i]));
    if (network != networks_.end()) visit(Match{network->first, network->second});
  }
}

}  // namespace stockade
