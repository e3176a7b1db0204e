// Decisions and batches of orders for tests of firewalls.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/firewall/firewall.h"
#include "engine/text.h"

namespace stockade {

inline constexpr int64_t kOrdersNowMs = 1'764'187'200'000;  // 2025-11-26T20:00:00Z

inline Decision MadeDecision(Action action, Scope scope, std::string_view value) {
  Decision decision;
  decision.id = "0123456789abcdef";
  decision.time_ms = kOrdersNowMs;
  decision.action = action;
  decision.scope = scope;
  decision.value = value;
  if (scope == Scope::kIp || scope == Scope::kRange)
    decision.prefix = Prefix::Parse(value).value_or(Prefix());
  decision.until_ms = kOrdersNowMs + 900'000;
  decision.rule = "password_spray";
  decision.reason = "9 accounts from one address within 10m";
  return decision;
}
inline Decision Block(std::string_view value) {
  return MadeDecision(Action::kBlock, value.find('/') == std::string_view::npos ? Scope::kIp : Scope::kRange,
                      value);
}

// A batch that owns its decisions.
class Orders {
 public:
  Orders& Enforce(Decision decision) { return Add(Order::Kind::kEnforce, std::move(decision)); }
  Orders& Release(Decision decision) { return Add(Order::Kind::kRelease, std::move(decision)); }
  operator std::span<const Order>() const { return orders_; }

 private:
  Orders& Add(Order::Kind kind, Decision decision) {
    decisions_.push_back(std::move(decision));
    orders_.push_back({kind, &decisions_.back()});
    return *this;
  }
  std::deque<Decision> decisions_;
  std::vector<Order> orders_;
};

// What stands, as sorted lines: "block ip 203.0.113.9".
inline std::vector<std::string> Spelled(const std::vector<Enforced>& standing) {
  std::vector<std::string> lines;
  for (const Enforced& one : standing) {
    lines.push_back(Concat(Name(one.key.action), " ", Name(one.key.scope), " ", one.key.value,
                           one.key.challenge_kind == ChallengeKind::kIdentity ? " identity" : "",
                           one.key.all_lanes ? " all" : ""));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace stockade
