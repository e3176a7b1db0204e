// How much harm decisions may do: the caps on customers that one decision, one rule, or one minute of decisions may touch.
//
// Harm is counted in proven customers of the last hour (proven_customers.h). Beyond a cap the decision is not made as asked
// for: policy turns it into a challenge and raises an alarm. A rule's harm is what its decisions of the last hour touched.
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

// Shares of the last hour's proven customers. Never less than `customers_min` people, so that a quiet night does not turn
// every block into a challenge.
struct HarmLimits {
  double decision_share = 0.001;  // policy.harm.decision
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

  // Which cap a decision of this rule that touches so many would break: "decision", "rule" or "minute"; empty: none.
  struct Breach {
    std::string_view cap;  // empty: none
    size_t touched = 0;    // with those counted under that cap already
    size_t allowed = 0;
  };
  Breach Asks(std::string_view rule, size_t touched, size_t customers, int64_t now_ms);
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
