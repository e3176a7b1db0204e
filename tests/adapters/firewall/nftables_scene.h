// An nftables firewall between two hosts, and decisions for it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "adapters/firewall/nftables.h"
#include "tests/adapters/firewall/two_hosts.h"

namespace stockade {

inline int64_t NowMs() {
  return absl::ToUnixMillis(absl::Now());
}

inline Decision Block(const std::string& value, int64_t until_ms) {
  Decision decision;
  decision.prefix = Prefix::Parse(value).value();
  decision.scope = decision.prefix.is_single() ? Scope::kIp : Scope::kRange;
  decision.value = decision.prefix.ToString();
  decision.until_ms = until_ms;
  return decision;
}

// A batch, and the decisions it names.
class Batch {
 public:
  Batch& Enforce(const std::string& value, int64_t until_ms) {
    return Take(Order::Kind::kEnforce, value, until_ms);
  }
  Batch& Release(const std::string& value) { return Take(Order::Kind::kRelease, value, 0); }
  absl::Status ApplyTo(Firewall& firewall, int64_t now_ms = NowMs()) const {
    std::vector<Order> orders;
    for (size_t i = 0; i < decisions_.size(); ++i) orders.push_back({kinds_[i], &decisions_[i]});
    return firewall.Apply(orders, now_ms);
  }

 private:
  Batch& Take(Order::Kind kind, const std::string& value, int64_t until_ms) {
    kinds_.push_back(kind);
    decisions_.push_back(Block(value, until_ms));
    return *this;
  }
  std::vector<Order::Kind> kinds_;
  std::vector<Decision> decisions_;
};

inline std::unique_ptr<NftablesFirewall> MakeFirewall(NftablesOptions options = {}) {
  auto made = NftablesFirewall::Create(std::move(options));
  REQUIRE(made.ok());
  return *std::move(made);
}

inline std::vector<std::string> Values(Firewall& firewall) {
  const auto listed = firewall.List(NowMs());
  INFO(listed.status());
  REQUIRE(listed.ok());
  std::vector<std::string> values;
  for (const Enforced& each : *listed) values.push_back(each.key.value);
  std::sort(values.begin(), values.end());
  return values;
}

inline int64_t UntilOf(Firewall& firewall, const std::string& value) {
  const auto listed = firewall.List(NowMs());
  REQUIRE(listed.ok());
  for (const Enforced& each : *listed)
    if (each.key.value == value) return each.until_ms;
  return -1;
}

#define REQUIRE_OK(expression)                   \
  do {                                           \
    const absl::Status stockade_ok = expression; \
    INFO(stockade_ok);                           \
    REQUIRE(stockade_ok.ok());                   \
  } while (false)

// Of all rules of a table: how many packets they have taken.
inline uint64_t PacketsCounted(const std::string& table) {
  // Without elements (-t), which only some of its list commands can do without.
  const std::string text = TwoHosts::Output("nft -t list ruleset inet");
  uint64_t all = 0;
  const size_t begin = text.find("table inet " + table + " {");
  if (begin == std::string::npos) return 0;
  const size_t end = text.find("\n}", begin);
  for (size_t at = begin; (at = text.find("counter packets ", at)) < end; ++at)
    all += std::strtoull(text.c_str() + at + 16, nullptr, 10);
  return all;
}

// A packet from there reached a rule of ours, and no connection came about.
inline bool IsStopped(const TwoHosts& hosts, const std::string& source, uint16_t port = TwoHosts::kPort) {
  const uint64_t before = PacketsCounted("stockade");
  const Socket client = hosts.Connect(source, port);
  const auto deadline = TestClock::now() + kTestDeadline;
  while (TestClock::now() < deadline) {
    // Connected: there is nothing to wait for.
    if (TwoHosts::Outcome(client, TestClock::now()) == 0) return false;
    if (PacketsCounted("stockade") > before) return TwoHosts::Outcome(client, TestClock::now()) == ETIMEDOUT;
  }
  return false;
}

}  // namespace stockade
