// The dumbest right correlation: keeps every event of every key for ever and counts again each time. What
// engine/rule/correlate.h promises, without windows, tables or limits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/rule/sigma_rule.h"

namespace stockade {

class CorrelationOracle {
 public:
  struct Entry {
    int64_t time_ms = 0;
    int reference = 0;
    std::string value;  // of value_count
    double number = 0;  // of value_sum, value_avg, value_percentile
  };

  explicit CorrelationOracle(const CorrelationRule& rule) : rule_(rule) {}

  // Whether the rule fires with this entry of this key.
  bool Enter(const std::string& key, const Entry& entry) {
    Key& state = keys_[key];
    const int64_t now = state.entries.empty() ? entry.time_ms : std::max(state.newest_ms, entry.time_ms);
    if (entry.time_ms <= now - rule_.span_ms) return false;
    const bool ran_empty = std::none_of(state.entries.begin(), state.entries.end(),
                                        [&](const Entry& e) { return e.time_ms > now - rule_.span_ms; });
    if (ran_empty) state.fired_ms.reset();
    state.newest_ms = now;
    // In order of time, equal times in order of arrival.
    const auto place = std::upper_bound(state.entries.begin(), state.entries.end(), entry,
                                        [](const Entry& a, const Entry& b) { return a.time_ms < b.time_ms; });
    state.entries.insert(place, entry);
    std::vector<Entry> live;
    for (const Entry& e : state.entries)
      if (e.time_ms > now - rule_.span_ms) live.push_back(e);
    if (!Met(live)) return false;
    const int64_t quiet_ms = rule_.response.has_value() ? rule_.response->for_ms : rule_.span_ms;
    if (state.fired_ms.has_value() && now - *state.fired_ms < quiet_ms) return false;
    state.fired_ms = now;
    return true;
  }

 private:
  struct Key {
    std::vector<Entry> entries;
    int64_t newest_ms = 0;
    std::optional<int64_t> fired_ms;
  };

  bool Met(const std::vector<Entry>& live) const {
    using Type = CorrelationRule::Type;
    switch (rule_.type) {
      case Type::kEventCount:
        return Bounds(static_cast<double>(live.size()));
      case Type::kValueCount: {
        std::set<std::string> values;
        for (const Entry& e : live) values.insert(e.value);
        return Bounds(static_cast<double>(values.size()));
      }
      case Type::kValueSum:
      case Type::kValueAvg: {
        double sum = 0;
        for (const Entry& e : live) sum += e.number;
        return Bounds(rule_.type == Type::kValueSum ? sum : sum / static_cast<double>(live.size()));
      }
      case Type::kValuePercentile: {
        std::vector<double> numbers;
        for (const Entry& e : live) numbers.push_back(e.number);
        std::sort(numbers.begin(), numbers.end());
        const auto rank =
            static_cast<size_t>(std::ceil(rule_.percentile / 100 * static_cast<double>(numbers.size())));
        return Bounds(numbers[std::max<size_t>(rank, 1) - 1]);
      }
      case Type::kTemporal: {
        std::set<int> seen;
        for (const Entry& e : live) seen.insert(e.reference);
        return seen.size() == rule_.rules.size();
      }
      case Type::kTemporalOrdered:
        return InOrder(live, 0, 0);
    }
    return false;
  }

  // Some choice of one entry for each rule, each at or after the one before: tries them all.
  bool InOrder(const std::vector<Entry>& live, size_t from, size_t rule) const {
    if (rule == rule_.rules.size()) return true;
    for (size_t i = from; i < live.size(); ++i)
      if (live[i].reference == static_cast<int>(rule) && InOrder(live, i + 1, rule + 1)) return true;
    return false;
  }

  bool Bounds(double value) const {
    return std::all_of(rule_.bounds.begin(), rule_.bounds.end(), [&](const CorrelationRule::Bound& bound) {
      switch (bound.comparison) {
        case Test::Comparison::kEq:
          return value == bound.number;
        case Test::Comparison::kNeq:
          return value != bound.number;
        case Test::Comparison::kLt:
          return value < bound.number;
        case Test::Comparison::kLte:
          return value <= bound.number;
        case Test::Comparison::kGt:
          return value > bound.number;
        case Test::Comparison::kGte:
          return value >= bound.number;
      }
      return false;
    });
  }

  CorrelationRule rule_;
  std::map<std::string, Key> keys_;
};

}  // namespace stockade
