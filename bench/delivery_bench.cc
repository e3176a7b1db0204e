// What a decision costs the desk, and how soon a firewall hears of it.
//
// The first table is the time that Take holds up the engine's desk, a change, beside its floor: one copy of the decision
// into memory that can be shared, which whoever hands it out of the desk must make. The second is the time from Take to
// the firewall's Apply, where the firewall takes none: what delivery itself adds to an adapter's own time. Checked first
// and last: everything that was taken arrives, once each.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/firewall/delivery.h"
#include "adapters/firewall/standing_orders.h"
#include "bench/measure.h"
#include "engine/status.h"

namespace stockade {
namespace {

using SteadyClock = std::chrono::steady_clock;

int64_t NowNs() {
  return MachineTime().steady_ns;
}

// As large as a rule makes them.
Decision MakeDecision(size_t number) {
  Decision decision;
  decision.id = "0123456789abcdef";
  for (size_t i = 0; i < 8; ++i) decision.id[i] = "0123456789abcdef"[(number >> (4 * i)) & 15];
  decision.scope = Scope::kIp;
  decision.value = std::to_string(10 + (number >> 24)) + "." + std::to_string((number >> 16) & 255) + "." +
                   std::to_string((number >> 8) & 255) + "." + std::to_string(number & 255);
  decision.prefix = *Prefix::Parse(decision.value);
  decision.until_ms = MachineTime().wall_ms + 3'600'000;
  decision.rule = "many_accounts_from_one_address";
  decision.reason = "23 different user.name from one source.ip within 10m: at least 20 asked for";
  decision.evidence.title = "Many accounts from one address";
  decision.evidence.condition = "gte 20";
  decision.evidence.counted_field = "user.name";
  decision.evidence.group = {{"source.ip", decision.value}};
  return decision;
}

std::vector<Change> MakeChanges(size_t count) {
  std::vector<Change> changes(count);
  for (size_t i = 0; i < count; ++i) changes[i].decision = MakeDecision(i);
  return changes;
}

// A firewall that takes no time. Its delays are read when the delivery has stopped.
class InstantFirewall final : public Firewall {
 public:
  explicit InstantFirewall(std::vector<int64_t>* delays_ns) : delays_ns_(*delays_ns) {}
  Capabilities capabilities() const override {
    Capabilities capabilities;
    capabilities.scopes[static_cast<int>(Action::kBlock)] = Capabilities::Bit(Scope::kIp);
    capabilities.batch_max = 10'000;
    return capabilities;
  }
  absl::Status Apply(std::span<const Order> orders, int64_t) override {
    const int64_t now_ns = NowNs();
    // The moment it was taken is in a field that nothing else reads.
    for (const Order& order : orders) delays_ns_.push_back(now_ns - order.decision->evidence.first_ms);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Enforced>> List(int64_t) override {
    return absl::UnimplementedError("keeps nothing");
  }

 private:
  std::vector<int64_t>& delays_ns_;
};

struct Deliveries {
  Deliveries(StandingOrders* standing, size_t count) : delays_ns(count) {
    for (std::vector<int64_t>& delays : delays_ns) {
      delays.reserve(1 << 20);
      auto delivery =
          Delivery::Start("instant", std::make_unique<InstantFirewall>(&delays), standing, {}, nullptr);
      STOCKADE_CHECK(delivery.ok());
      all.push_back(std::move(delivery).value());
      // It has looked at what is in force, nothing, before anything comes.
      STOCKADE_CHECK(all.back()->WaitIdle(absl::Seconds(10)));
    }
  }
  void Finish() {
    for (const auto& delivery : all) STOCKADE_CHECK(delivery->WaitIdle(absl::Seconds(60)));
    for (const auto& delivery : all) delivery->Stop();
  }
  std::vector<std::vector<int64_t>> delays_ns;
  std::vector<std::unique_ptr<Delivery>> all;
};

constexpr size_t kChanges = 100'000;

// Of this thread, so that what deliveries do beside it stays out.
int64_t ThreadNs() {
  timespec time{};
  STOCKADE_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec;
}

void TakeCost(size_t firewalls, size_t each) {
  const std::vector<Change> changes = MakeChanges(kChanges);
  const std::span<const Change> all(changes);
  int64_t floor_ns = INT64_MAX, ours_ns = INT64_MAX, longest_ns = INT64_MAX;
  for (int repetition = 0; repetition < 6; ++repetition) {
    {
      std::vector<std::shared_ptr<const Decision>> copies;
      copies.reserve(kChanges);
      const int64_t begin_ns = ThreadNs();
      for (const Change& change : changes)
        copies.push_back(std::make_shared<const Decision>(change.decision));
      floor_ns = std::min(floor_ns, ThreadNs() - begin_ns);
    }
    StandingOrders standing({});
    Deliveries deliveries(&standing, firewalls);
    // Looking at the clock costs as much again: every other repetition looks for the longest call.
    if (repetition % 2 == 0) {
      const int64_t begin_ns = ThreadNs();
      for (size_t i = 0; i < kChanges; i += each) standing.Take(all.subspan(i, each));
      ours_ns = std::min(ours_ns, ThreadNs() - begin_ns);
    } else {
      int64_t longest_here_ns = 0;
      for (size_t i = 0; i < kChanges; i += each) {
        const int64_t begin_ns = ThreadNs();
        standing.Take(all.subspan(i, each));
        longest_here_ns = std::max(longest_here_ns, ThreadNs() - begin_ns);
      }
      longest_ns = std::min(longest_ns, longest_here_ns);
    }
    deliveries.Finish();
    for (const auto& delays : deliveries.delays_ns) STOCKADE_CHECK(delays.size() == kChanges);
    STOCKADE_CHECK(standing.size() == kChanges);
  }
  std::printf("%9zu  %9zu  %5ld  %5ld  %5.2f  %16.1f\n", firewalls, each,
              static_cast<long>(floor_ns / static_cast<int64_t>(kChanges)),
              static_cast<long>(ours_ns / static_cast<int64_t>(kChanges)),
              static_cast<double>(floor_ns) / static_cast<double>(ours_ns),
              static_cast<double>(longest_ns) / 1e3);
}

// Decisions come one by one, in bursts of a millisecond's worth.
void Delay(int64_t rate, int64_t seconds) {
  StandingOrders standing({});
  Deliveries deliveries(&standing, 1);
  const int64_t count = rate * seconds;
  const int64_t burst = std::max<int64_t>(rate / 1000, 1);
  const auto pause = std::chrono::nanoseconds(1'000'000'000 / rate * burst);
  std::vector<Change> changes = MakeChanges(static_cast<size_t>(count));
  auto next = SteadyClock::now();
  for (int64_t i = 0; i < count; ++i) {
    if (i % burst == 0) std::this_thread::sleep_until(next += pause);
    Change& change = changes[static_cast<size_t>(i)];
    change.decision.evidence.first_ms = NowNs();
    standing.Take({&change, 1});
  }
  deliveries.Finish();
  std::vector<int64_t>& delays = deliveries.delays_ns[0];
  STOCKADE_CHECK(delays.size() == static_cast<size_t>(count));
  std::sort(delays.begin(), delays.end());
  const auto at_us = [&](double quantile) {
    return static_cast<double>(
               delays[static_cast<size_t>(quantile * static_cast<double>(delays.size() - 1))]) /
           1e3;
  };
  const DeliveryFigures figures = deliveries.all[0]->Figures();
  STOCKADE_CHECK(figures.enforced == figures.decided && figures.enforced == static_cast<size_t>(count));
  std::printf("%9ld  %7.0f  %7.0f  %7.0f  %11.1f\n", static_cast<long>(rate), at_us(0.5), at_us(0.99),
              at_us(1), static_cast<double>(count) / static_cast<double>(figures.calls));
}

int Main() {
  std::printf(
      "%s\n\nTake, processor time: ns a change\nfirewalls  in a call  floor   ours  ratio  longest call, "
      "µs\n",
      LoadText().c_str());
  for (const size_t firewalls : {0, 1, 3}) {
    TakeCost(firewalls, 1);
    TakeCost(firewalls, 100);
  }
  std::printf("\nfrom Take to Apply, µs\n      a s      p50      p99      max  orders/call\n");
  Delay(1, 5);
  Delay(1000, 3);
  Delay(20'000, 3);
  std::printf("\n%s\n", LoadText().c_str());
  return 0;
}

}  // namespace
}  // namespace stockade

int main() {
  return stockade::Main();
}
