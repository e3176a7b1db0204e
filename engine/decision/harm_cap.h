// How much harm decisions may do: the caps on customers that one decision, one rule, or one minute of decisions may touch.
//
// Harm is counted in proven customers (proven_customers.h), over two spans, and a decision must stay below the caps of both:
//   seven days      one decision may touch 1 in 10,000 of those active: what lasts till morning must not look harmless at night
//   the last hour   one decision, one rule and one minute: what hits those who are here now, and sums up
// Beyond a cap the decision is not made as asked for: policy turns it into a challenge and raises an alarm. A rule's harm is what
// its decisions of the last hour touched. Source: detectors.md D7 (b) in the project's design notes, whose cap is that of seven days.
//
// For addresses and networks the cap of seven days hardly ever speaks: where three customers live within seven days policy challenges
// before it asks here, without an alarm, for that is an office and no accident. It is the AS and the browser that it is for.
//
// What D7 (d) asks for beside an expiry, that a block tests itself by letting one of 200 of its stopped attempts by, is not done: the
// sample would be the attacker's to spend, 1 of 200 tries for nothing, and says little, for a block is seen to be wrong without
// letting a stranger in: owners who come from where they always come pass it, and three of them end it (block_release.h).
//
// Times are event time in milliseconds; Add and Asks are O(decisions of a minute) at worst and forget what is over. Bounded:
// kRulesMax rules; what comes beyond counts together. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace stockade {

// Shares of the proven customers of the last hour, or of seven days. Never less than `customers_min` people, so that a quiet night
// does not turn every block into a challenge.
struct HarmLimits {
  double week_share = 0.0001;     // policy.harm.week: one decision, of those of seven days
  double decision_share = 0.001;  // policy.harm.decision: one decision
  double rule_share = 0.01;       // policy.harm.rule: decisions of one rule within an hour
  double minute_share = 0.005;    // policy.harm.minute: all decisions of one minute
  size_t customers_min = 2;       // policy.harm.customers_min
};

class HarmCap {
 public:
  static constexpr int64_t kMinuteMs = 60'000;
  static constexpr int64_t kHourMs = int64_t{60} * kMinuteMs;
  // More rules than anybody has; a name is a user's text, and a rule set may be swapped while running.
  static constexpr size_t kRulesMax = 4096;

  explicit HarmCap(const HarmLimits& limits) : limits_(limits) {}

  void Set(const HarmLimits& limits) noexcept { limits_ = limits; }

  // Whom a decision would touch, and of how many.
  struct Touched {
    size_t touched = 0;
    size_t customers = 0;
    bool estimated = false;
  };
  // Which cap a decision of this rule that touches these would break: "decision", "rule" or "minute"; empty: none.
  struct Breach {
    std::string_view cap;   // empty: none
    std::string_view span;  // "hour", "seven days"
    Touched touched;        // with those counted under that cap already
    size_t allowed = 0;
  };
  Breach Asks(std::string_view rule, const Touched& hour, const Touched& week, int64_t now_ms);
  // It was made, and touches so many.
  void Add(std::string_view rule, size_t touched, int64_t now_ms);

 private:
  // Harm within a span, a turn for each time that brought some.
  struct Recent {
    struct Turn {
      int64_t time_ms;
      size_t touched;
    };
    std::deque<Turn> turns;
    size_t sum = 0;

    void Add(size_t touched, int64_t now_ms);
    size_t Sum(int64_t now_ms, int64_t span_ms);
  };

  Recent& OfRule(std::string_view rule);
  size_t Allowed(double share, size_t customers) const noexcept;

  HarmLimits limits_;
  absl::flat_hash_map<std::string, Recent> by_rule_;
  Recent all_;
};

}  // namespace stockade
