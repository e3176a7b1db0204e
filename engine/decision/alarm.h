// What policy wants a person to know at once, beside what it decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stockade {

struct Alarm {
  // kHarmCap: a decision would have touched more customers than the caps allow, and became a challenge.
  enum class Kind : uint8_t { kHarmCap };

  int64_t time_ms = 0;
  Kind kind = Kind::kHarmCap;
  std::string rule;  // whose decision it is about
  std::string decision_id;
  std::string text;  // a sentence or two for a person
};
constexpr std::string_view Name(Alarm::Kind) noexcept {
  return "harm_cap";
}

}  // namespace stockade
