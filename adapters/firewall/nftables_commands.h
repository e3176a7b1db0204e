// What the nftables firewall wants of its table, whether a table is that, and the commands that make it so: text in, text
// out, without a kernel.
//
//   table inet stockade {
//     set v4_32 { type ipv4_addr; flags timeout; size 524288; }      one for each length of prefix in use
//     set v6_64 { type ipv6_addr; flags timeout; size 524288; }
//     chain input {
//       type filter hook input priority -10; policy accept;
//       iifname "lo" accept                                           unless told otherwise
//       icmpv6 type { nd-… } accept                                   below
//       ip saddr @v4_32 counter drop
//       ip6 saddr & ffff:ffff:ffff:ffff:: @v6_64 counter drop
//     }
//   }
//
// Sets of single keys (hashes in the kernel), not of intervals: an interval set refuses 192.0.2.7 inside 192.0.2.0/24,
// with auto-merge it makes one of two decisions that end at different times, and libnftables fetches all of it for each batch.
// In hashes overlaps are no conflict, each element has its own end, and a batch costs what is in it: over 60,000 elements a
// second. The price is one look-up a packet for each length in use, some 50 ns: there are two rungs of v4, four of v6. A length
// that an operator's list brings stays as an empty set until the table is deleted.
//
// Neighbour discovery is let through, whoever it is from: a block of the network that a gateway's own router lies in must not
// make the gateway unreachable for everybody. It comes from the link only (hop limit 255, RFC 4861 §6.1, 7.1).
//
// Established connections end, too: the rules do not ask for the state of a connection.
// A decision on an IPv4 address does not hold for IPv6 packets that carry it as 64:ff9b::… (a translator in front, SIIT): the
// engine counts both as one, nftables cannot look the one up in a set of the other.
//
// Commands are nft's own text, not its JSON: that has timeouts in whole seconds. There is nothing in it but names and numbers
// that this file makes: whatever a decision's value looked like, addresses are written from their bits.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "adapters/firewall/nftables_options.h"
#include "adapters/firewall/nftables_table.h"
#include "engine/event/address.h"

namespace stockade {

// Longer ones are cut to this; the kernel takes 584 years, and nft days of eight digits.
inline constexpr int64_t kNftablesTimeoutMsMax = int64_t{36500} * 24 * 3600 * 1000;

// An address or network in the set of its length.
struct NftablesChange {
  Prefix prefix;
  int64_t timeout_ms = 0;  // from now; 0: it is let go

  friend bool operator==(const NftablesChange&, const NftablesChange&) = default;
};

// A set of the table: which prefixes are in it.
struct NftablesLength {
  bool v6 = false;
  uint8_t bits = 32;

  static NftablesLength Of(const Prefix& prefix) { return {prefix.address.is_v6(), prefix.length}; }
  // "v4_24"; nothing for other names.
  static std::optional<NftablesLength> OfName(std::string_view name);
  std::string Name() const;
  // The network that `key` is, as nf_tables stores it. Nothing for what cannot be ours: host bits, an IPv4 address in IPv6.
  std::optional<Prefix> PrefixOf(std::span<const uint8_t> key) const;

  friend bool operator==(const NftablesLength&, const NftablesLength&) = default;
  // IPv4 first, and the longest first.
  friend bool operator<(const NftablesLength& a, const NftablesLength& b) {
    return a.v6 != b.v6 ? b.v6 : a.bits > b.bits;
  }
};

// kInvalidArgument: the key and what would be right.
absl::Status CheckNftablesOptions(const NftablesOptions& options);

enum class NftablesState : uint8_t {
  kEnforced,  // everything in its sets is carried out
  kRules,     // chains or rules are missing, or others
  kForeign,   // it sleeps, or a set or chain is none that these options make: it must be made anew
};
NftablesState JudgeNftables(const NftablesOptions& options, const NftablesTable& table);
// The lengths that have a set.
std::vector<NftablesLength> LengthsOf(const NftablesTable& table);

// One transaction: makes the table what it must be where it is not, with sets for all `changes`, and carries these out, whether
// or not they stood before. Each prefix at most once.
std::string NftablesCommands(const NftablesOptions& options, const NftablesTable& table,
                             std::span<const NftablesChange> changes);

// Deletes one, alone: it fails where it is not there, and needs no room.
std::string NftablesDelete(const NftablesOptions& options, const Prefix& prefix);

}  // namespace stockade
