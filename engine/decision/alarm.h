// What a person should know at once, beside what is decided.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stockade {

// The kind of one that names an account whose password is known to a campaign; what is decided of it is called so, too.
inline constexpr std::string_view kTakeoverAlarm = "takeover";

struct Alarm {
  int64_t time_ms = 0;
  // One word. "harm_cap": a decision would have touched more customers than the caps allow, and is a challenge. "ledger_full":
  // decisions give way to others before their time, or never stood, for want of memory.
  std::string kind;
  std::string rule;  // whose decision it is about; empty: none
  std::string text;  // a sentence or two
  std::string decision_id = {};
};

}  // namespace stockade
