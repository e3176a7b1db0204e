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

HarmCap::Breach HarmCap::Asks(std::string_view rule, size_t touched, size_t customers, int64_t now_ms) {
  if (touched == 0) return {};
  const struct {
    std::string_view name;
    size_t touched;
    double share;
  } caps[] = {{"decision", touched, limits_.decision_share},
              {"rule", touched + OfRule(rule).Sum(now_ms, kHourMs), limits_.rule_share},
              {"minute", touched + all_.Sum(now_ms, kMinuteMs), limits_.minute_share}};
  for (const auto& cap : caps) {
    const size_t allowed = Allowed(cap.share, customers);
    if (cap.touched > allowed) return {cap.name, cap.touched, allowed};
  }
  return {};
}

void HarmCap::Add(std::string_view rule, size_t touched, int64_t now_ms) {
  if (touched == 0) return;
  OfRule(rule).Add(touched, now_ms);
  all_.Add(touched, now_ms);
}

}  // namespace stockade
