#include "engine/decision/harm_cap.h"

#include <algorithm>

#include "engine/text.h"

namespace stockade {

void HarmCap::Recent::Add(size_t touched, int64_t now_ms) {
  // A turn a second is exact enough for spans of a minute and an hour, and bounds what is kept.
  constexpr int64_t kTurnMs = 1000;
  const int64_t time_ms = now_ms - now_ms % kTurnMs;
  if (!turns.empty() && turns.back().time_ms >= time_ms) {
    turns.back().touched += touched;
  } else {
    turns.push_back({time_ms, touched});
  }
  sum += touched;
}

size_t HarmCap::Recent::Sum(int64_t now_ms, int64_t span_ms) {
  while (!turns.empty() && turns.front().time_ms <= now_ms - span_ms) {
    sum -= turns.front().touched;
    turns.pop_front();
  }
  return sum;
}

HarmCap::Recent& HarmCap::OfRule(std::string_view rule) {
  const auto found = by_rule_.find(ToAbsl(rule));
  if (found != by_rule_.end()) return found->second;
  return by_rule_.size() < kRulesMax ? by_rule_[std::string(rule)] : by_rule_[""];
}

size_t HarmCap::Allowed(double share, size_t customers) const noexcept {
  return std::max(limits_.customers_min, static_cast<size_t>(share * static_cast<double>(customers)));
}

HarmCap::Breach HarmCap::Asks(std::string_view rule, const Touched& hour, const Touched& week,
                              int64_t now_ms) {
  const auto with = [](Touched touched, size_t more) {
    touched.touched += more;
    return touched;
  };
  const auto breaks = [this](const Touched& touched, double share) {
    return touched.touched > Allowed(share, touched.customers);
  };
  if (hour.touched > 0) {
    const struct {
      std::string_view name;
      Touched touched;
      double share;
    } caps[] = {{"decision", hour, limits_.decision_share},
                {"rule", with(hour, OfRule(rule).Sum(now_ms, kHourMs)), limits_.rule_share},
                {"minute", with(hour, all_.Sum(now_ms, kMinuteMs)), limits_.minute_share}};
    for (const auto& cap : caps)
      if (breaks(cap.touched, cap.share))
        return {cap.name, "hour", cap.touched, Allowed(cap.share, hour.customers)};
  }
  if (breaks(week, limits_.week_share))
    return {"decision", "seven days", week, Allowed(limits_.week_share, week.customers)};
  return {};
}

void HarmCap::Add(std::string_view rule, size_t touched, int64_t now_ms) {
  if (touched == 0) return;
  OfRule(rule).Add(touched, now_ms);
  all_.Add(touched, now_ms);
}

}  // namespace stockade
