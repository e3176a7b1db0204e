// One map of HAProxy, as haproxy_runtime.h keeps it: what stands there in mind, and the cheapest commands that make it what
// a batch asks for.
//
// 150 bytes an entry. One thread at a time. Errors are haproxy_call.h's.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/haproxy_call.h"
#include "adapters/firewall/haproxy_text.h"
#include "adapters/firewall/variants.h"

namespace stockade {

// Entries of a map that are changed or removed one by one in a batch. Each makes HAProxy walk the map while no traffic moves:
// 3 ms were measured with 30,000 entries, so this many cost as much as building that map anew, which lets traffic through
// between its payloads.
inline constexpr size_t kHaproxyWalksMax = 32;

class HaproxyMap {
 public:
  // One order on this map: `names` is the decision's id or rule.
  struct Change {
    bool enforce = false;
    OrderKey key;
    std::string_view names;
  };

  HaproxyMap(std::string map, Action action, bool holds_addresses, Scope other_scope)
      : map_(std::move(map)), action_(action), holds_addresses_(holds_addresses), other_scope_(other_scope) {}

  const std::string& map() const noexcept { return map_; }
  // What it keeps in mind is not to be trusted: HAProxy is another process.
  void Forget() noexcept { known_ = false; }

  // Carries out all of `changes`; keys are IsHaproxyKey. `state`: the map's, from `show map`.
  absl::Status Apply(const HaproxyCall& call, const MapState& state, std::span<const Change> changes);
  // Reads the map, and appends what stands there.
  absl::Status List(const HaproxyCall& call, const MapState& state, std::vector<Enforced>* standing);

 private:
  using Entries = absl::flat_hash_map<std::string, std::string>;  // key → value

  absl::Status Read(const HaproxyCall& call, const MapState& state);
  // Key → the value it is to have, empty: none; only of keys that are to change.
  Entries Wanted(std::span<const Change> changes) const;
  // Adds entries to the version `version` ("@3 ", or "" for the one in force).
  absl::Status Add(const HaproxyCall& call, std::string_view version,
                   const std::vector<std::pair<std::string_view, std::string_view>>& entries) const;
  // Changes and removes entries one by one; `*lost` where HAProxy does not know one of them.
  absl::Status Walk(const HaproxyCall& call,
                    const std::vector<std::pair<std::string_view, std::string_view>>& entries,
                    bool* lost) const;
  absl::Status Rebuild(const HaproxyCall& call);
  VariantMask MaskOf(std::string_view value) const noexcept;

  std::string map_;
  Action action_;
  bool holds_addresses_;
  Scope other_scope_;
  bool known_ = false;
  bool crooked_ = false;  // it holds what only building it anew takes away: a key twice, a line that is none
  MapState state_;
  Entries entries_;
};

}  // namespace stockade
