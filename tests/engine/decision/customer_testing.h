// What the tests of proven customers and of what policy does by them share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/decision/decision.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

inline constexpr HashKey kKey{3, 4};
inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;

inline Decision BlockOf(std::string_view value) {
  Decision decision;
  decision.prefix = *Prefix::Parse(value);
  decision.scope = decision.prefix.is_single() ? Scope::kIp : Scope::kRange;
  decision.value = std::string(value);
  return decision;
}

}  // namespace stockade
