// What an adapter carries, where its settings name the actions and scopes. Pure, any thread.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "adapters/firewall/firewall.h"

namespace stockade {

// Capabilities that carry these actions on these scopes; an empty list is all.
inline Capabilities CarrierOf(const std::vector<Action>& actions, const std::vector<Scope>& scopes) {
  const auto named = [](const auto& list, auto one) {
    return list.empty() || std::find(list.begin(), list.end(), one) != list.end();
  };
  Capabilities can;
  for (size_t action = 0; action < std::size(kActionNames); ++action) {
    for (size_t scope = 0; scope < std::size(kScopeNames); ++scope) {
      if (named(actions, static_cast<Action>(action)) && named(scopes, static_cast<Scope>(scope)))
        can.scopes[action] |= Capabilities::Bit(static_cast<Scope>(scope));
    }
  }
  return can;
}

}  // namespace stockade
