// The dumbest right window: keeps every event of one key for ever and counts afresh for every question.
// Says what engine/window/window.h promises and nothing about how. Exact whatever the number of events; a
// caller that tests estimates compares with a tolerance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "engine/window/window.h"

namespace stockade {

class WindowOracle {
 public:
  explicit WindowOracle(const WindowConfig& config) : config_(config) {}

  Reading Add(int64_t time_ms, uint32_t tag = 0, double number = 0) {
    const int64_t newest_ms = events_.empty() ? time_ms : std::max(newest_ms_, time_ms);
    Reading before = Look(newest_ms);
    const bool counts = newest_ms - time_ms < config_.span_ms;
    events_.push_back(Event{time_ms, tag, number});
    newest_ms_ = newest_ms;
    Reading reading = Look(newest_ms);
    reading.before = before.value;
    reading.counted = counts;
    return reading;
  }

  // Oldest first; of equal times a sequence keeps the order of coming, a distinct window that of the tags.
  std::vector<TimedTag> Entries() const { return Entries(newest_ms_); }

 private:
  struct Event {
    int64_t time_ms;
    uint32_t tag;
    double number;
  };

  std::vector<TimedTag> Entries(int64_t now_ms) const {
    std::vector<TimedTag> entries;
    std::map<uint32_t, int64_t> newest_of_tag;
    for (const Event& event : events_) {
      if (now_ms - event.time_ms >= config_.span_ms) continue;
      if (config_.kind != WindowKind::kDistinct) {
        entries.push_back(TimedTag{event.time_ms, event.tag});
        continue;
      }
      const auto [at, is_new] = newest_of_tag.emplace(event.tag, event.time_ms);
      if (!is_new) at->second = std::max(at->second, event.time_ms);
    }
    for (const auto& [tag, time_ms] : newest_of_tag) entries.push_back(TimedTag{time_ms, tag});
    std::stable_sort(entries.begin(), entries.end(),
                     [](const TimedTag& a, const TimedTag& b) { return a.time_ms < b.time_ms; });
    const bool has_limit = config_.kind == WindowKind::kCount || config_.kind == WindowKind::kDistinct ||
                           config_.kind == WindowKind::kSequence;
    const auto limit = static_cast<size_t>(config_.limit);
    if (has_limit && entries.size() > limit) {
      entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(limit));
    }
    return entries;
  }

  Reading Look(int64_t now_ms) const {
    Reading reading;
    const std::vector<TimedTag> entries = Entries(now_ms);
    reading.count = static_cast<int64_t>(entries.size());
    if (!entries.empty()) {
      reading.oldest_ms = entries.front().time_ms;
      reading.newest_ms = entries.back().time_ms;
    }
    std::vector<double> numbers;
    double sum = 0;
    for (const Event& event : events_) {
      if (now_ms - event.time_ms >= config_.span_ms) continue;
      numbers.push_back(event.number);
      sum += event.number;
    }
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    switch (config_.kind) {
      case WindowKind::kCount:
      case WindowKind::kDistinct:
      case WindowKind::kSequence:
        reading.value = double(reading.count);
        reading.saturated = reading.count >= config_.limit;
        break;
      case WindowKind::kEarly:  // no window: tests/engine/window/early_rows_test.cc
        break;
      case WindowKind::kSum:
        reading.value = sum;
        break;
      case WindowKind::kAverage:
        reading.value = numbers.empty() ? nothing : sum / double(numbers.size());
        break;
      case WindowKind::kPercentile: {
        std::sort(numbers.begin(), numbers.end());
        const double rank = std::ceil(config_.percentile * double(numbers.size()) / 100);
        reading.value = numbers.empty() ? nothing : numbers[static_cast<size_t>(std::max(1.0, rank)) - 1];
        break;
      }
    }
    return reading;
  }

  WindowConfig config_;
  std::vector<Event> events_;
  int64_t newest_ms_ = 0;
};

// Whether two readings of an exact window say the same; NaN equals NaN, sums to the last digits.
inline bool SaysTheSame(const Reading& a, const Reading& b) {
  const auto is_close = [](double x, double y) {
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
    return std::fabs(x - y) <= 1e-9 * std::max(1.0, std::fabs(x));
  };
  return is_close(a.value, b.value) && is_close(a.before, b.before) && a.count == b.count &&
         a.oldest_ms == b.oldest_ms && a.newest_ms == b.newest_ms && a.counted == b.counted &&
         a.saturated == b.saturated;
}

}  // namespace stockade
