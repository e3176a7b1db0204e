// Proven here: deliveries as they run, each with its thread: at once, apart from one another, through overflow, the kill
// switch, a clock that moves, stops and restarts. Waits have deadlines and end when what they wait for is there.
#include "adapters/firewall/delivery.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <thread>

#include "tests/adapters/firewall/model_firewall.h"

namespace stockade {
namespace {

constexpr absl::Duration kLong = absl::Seconds(60);  // what a broken test waits
constexpr int64_t kHourMs = 3'600'000;

int64_t NowMs() {
  return MachineTime().wall_ms;
}

Change Added(Decision decision) {
  Change change;
  change.decision = std::move(decision);
  return change;
}
Change Removed(Decision decision) {
  Change change = Added(std::move(decision));
  change.kind = ChangeKind::kRemoved;
  return change;
}

void Take(StandingOrders* standing, Change change) {
  standing->Take({&change, 1});
}

template <typename Condition>
bool Comes(Condition&& condition) {
  const auto until = std::chrono::steady_clock::now() + absl::ToChronoSeconds(kLong);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class Sayings {
 public:
  Delivery::Log log() {
    return [this](std::string_view saying) {
      const std::lock_guard lock(mutex_);
      all_.emplace_back(saying);
    };
  }
  int With(std::string_view part) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count_if(all_.begin(), all_.end(), [&](const std::string& saying) {
      return saying.find(part) != std::string::npos;
    }));
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

std::shared_ptr<ModelKernel> MakeKernel(size_t batch_max = 1000, Delivery::Clock clock = MachineTime) {
  Capabilities capabilities = CarriesBlocks();
  capabilities.batch_max = batch_max;
  return std::make_shared<ModelKernel>(capabilities, std::move(clock));
}

std::unique_ptr<Delivery> StartDelivery(const std::shared_ptr<ModelKernel>& kernel, StandingOrders* standing,
                                        const DeliverySettings& settings = {}, Delivery::Log log = nullptr,
                                        Delivery::Clock clock = MachineTime) {
  auto delivery = Delivery::Start("nft", std::make_unique<ModelFirewall>(kernel), standing, settings,
                                  std::move(log), std::move(clock));
  REQUIRE(delivery.ok());
  return std::move(delivery).value();
}

TEST_CASE("what is decided is enforced, and what is deleted is gone, each as soon as it is taken",
          "[delivery]") {
  StandingOrders standing({});
  const auto kernel = MakeKernel();
  const auto delivery = StartDelivery(kernel, &standing);
  REQUIRE(Comes([&] { return kernel->lists() == 1; }));
  const Decision decision = MakeDecision("192.0.2.1", NowMs() + kHourMs);
  const OrderKey key = OrderKey::Of(decision);
  Take(&standing, Added(decision));
  CHECK(delivery->WaitFor(key, kLong) == DeliveryState::kEnforced);
  CHECK(kernel->Stands().size() == 1);
  Take(&standing, Removed(decision));
  CHECK(delivery->WaitFor(key, kLong) == DeliveryState::kNothing);
  CHECK(kernel->Stands().empty());
  const DeliveryFigures figures = delivery->Figures();
  CHECK(figures.applied == 2);
  CHECK(figures.delay.count == 2);
}

TEST_CASE("a firewall that hangs delays no other, and its figures can be read meanwhile", "[delivery]") {
  StandingOrders standing({});
  const auto hung = MakeKernel();
  const auto sound = MakeKernel();
  const auto hanging = StartDelivery(hung, &standing);
  const auto working = StartDelivery(sound, &standing);
  REQUIRE(Comes([&] { return hung->lists() == 1; }));
  hung->Close(true);
  const Decision first = MakeDecision("192.0.2.1", NowMs() + kHourMs);
  Take(&standing, Added(first));
  REQUIRE(Comes([&] { return hung->calls() == 1; }));
  const Decision second = MakeDecision("192.0.2.2", NowMs() + kHourMs);
  Take(&standing, Added(second));
  CHECK(working->WaitFor(OrderKey::Of(second), kLong) == DeliveryState::kEnforced);
  CHECK(working->WaitIdle(kLong));
  CHECK(hanging->State(OrderKey::Of(second)) == DeliveryState::kPending);
  CHECK(hanging->WaitFor(OrderKey::Of(second), absl::Milliseconds(1)) == DeliveryState::kPending);
  CHECK_FALSE(hanging->WaitIdle(absl::ZeroDuration()));
  const DeliveryFigures figures = hanging->Figures();
  CHECK(figures.decided == 2);
  CHECK(figures.enforced == 0);
  CHECK(figures.pending == 2);
  hung->Close(false);
  CHECK(hanging->WaitIdle(kLong));
  CHECK(hung->Stands().size() == 2);
}

TEST_CASE("who is let go does not wait for a list that takes long", "[delivery]") {
  StandingOrders standing({});
  const auto kernel = MakeKernel();
  DeliverySettings settings;
  settings.reconcile_interval = absl::Seconds(1);
  Sayings sayings;
  const auto delivery = StartDelivery(kernel, &standing, settings, sayings.log());
  const Decision decision = MakeDecision("192.0.2.1", NowMs() + kHourMs);
  Take(&standing, Added(decision));
  REQUIRE(delivery->WaitFor(OrderKey::Of(decision), kLong) == DeliveryState::kEnforced);
  kernel->With([](ModelKernel& it) { it.slow_list_ = true; });
  const int lists = kernel->lists();
  REQUIRE(Comes([&] { return kernel->lists() > lists; }));
  Take(&standing, {0, ChangeKind::kRemoved, decision, {}, {}});
  CHECK(delivery->WaitFor(OrderKey::Of(decision), kLong) == DeliveryState::kNothing);
  CHECK(kernel->Stands().empty());
  CHECK_FALSE(delivery->Figures().failing);
}

TEST_CASE("what was taken while another thread looked is not slept over", "[delivery]") {
  StandingOrders standing({});
  const auto kernel = MakeKernel();
  const auto delivery = StartDelivery(kernel, &standing);
  std::atomic<bool> done{false};
  std::thread looker([&] {
    while (!done) delivery->Figures();
  });
  for (int i = 0; i < 300; ++i) {
    const Decision decision = MakeDecision("192.0.2." + std::to_string(i), NowMs() + kHourMs);
    Take(&standing, Added(decision));
    REQUIRE(delivery->WaitFor(OrderKey::Of(decision), kLong) == DeliveryState::kEnforced);
  }
  done = true;
  looker.join();
}

TEST_CASE("more changes than may wait are dropped, counted and said, and nothing is lost", "[delivery]") {
  StandingOrders standing({});
  const auto kernel = MakeKernel();
  DeliverySettings settings;
  settings.queue_max = 100;
  Sayings sayings;
  const auto delivery = StartDelivery(kernel, &standing, settings, sayings.log());
  std::vector<Decision> all;
  for (int i = 0; i < 1000; ++i) all.push_back(MakeDecision("v" + std::to_string(i), NowMs() + kHourMs));
  Take(&standing, Added(all[0]));
  REQUIRE(delivery->WaitFor(OrderKey::Of(all[0]), kLong) == DeliveryState::kEnforced);
  kernel->Close(true);
  Take(&standing, Added(all[1]));
  REQUIRE(Comes([&] { return kernel->calls() == 2; }));
  // Nobody looks until the call is over.
  for (size_t i = 2; i < 1000; ++i) Take(&standing, Added(all[i]));
  Take(&standing, Removed(all[0]));
  kernel->Close(false);
  CHECK(Comes([&] { return delivery->Figures().overflows > 0; }));
  CHECK(delivery->WaitIdle(kLong));
  CHECK(kernel->Stands().size() == 999);
  const DeliveryFigures figures = delivery->Figures();
  CHECK(figures.decided == 999);
  CHECK(figures.enforced == 999);
  CHECK(figures.drift_missing + figures.drift_surplus == 0);
  CHECK(Comes([&] { return sayings.With("more than 100 changes") == 1; }));
  // It is compared once more, soon, beside the start.
  CHECK(Comes([&] { return kernel->lists() == 2; }));
}

TEST_CASE("the kill switch lets everything go everywhere, and puts back all that is in force by then",
          "[delivery]") {
  std::vector<Decision> all;
  for (int i = 0; i < 100; ++i) all.push_back(MakeDecision("v" + std::to_string(i), NowMs() + kHourMs));
  StandingOrders standing(all);
  const auto kernels = {MakeKernel(), MakeKernel(7)};
  std::vector<std::unique_ptr<Delivery>> deliveries;
  for (const auto& kernel : kernels) deliveries.push_back(StartDelivery(kernel, &standing));
  for (const auto& delivery : deliveries) REQUIRE(delivery->WaitIdle(kLong));
  for (const auto& kernel : kernels) CHECK(kernel->Stands().size() == 100);
  standing.SetEnforcing(false);
  for (const auto& delivery : deliveries) REQUIRE(delivery->WaitIdle(kLong));
  for (const auto& kernel : kernels) CHECK(kernel->Stands().empty());
  for (const auto& delivery : deliveries) CHECK(delivery->Figures().decided == 0);
  Take(&standing, Added(MakeDecision("new", NowMs() + kHourMs)));
  Take(&standing, Removed(all[0]));
  for (const auto& delivery : deliveries) REQUIRE(delivery->WaitIdle(kLong));
  for (const auto& kernel : kernels) CHECK(kernel->Stands().empty());
  standing.SetEnforcing(true);
  for (const auto& delivery : deliveries) REQUIRE(delivery->WaitIdle(kLong));
  for (const auto& kernel : kernels) CHECK(kernel->Stands().size() == 100);
}

TEST_CASE("time alone lets go what is over, though no change comes", "[delivery]") {
  std::atomic<int64_t> passed_ms{0};
  const Delivery::Clock clock = [&] {
    return DeliveryTime{1'800'000'000'000 + passed_ms, 1'000'000'000 + passed_ms * 1'000'000};
  };
  StandingOrders standing(
      {MakeDecision("192.0.2.1", 1'800'000'005'000), MakeDecision("192.0.2.2", 1'800'000'900'000)});
  const auto kernel = MakeKernel(1000, clock);
  const auto delivery = StartDelivery(kernel, &standing, {}, nullptr, clock);
  REQUIRE(delivery->WaitIdle(kLong));
  CHECK(kernel->Stands().size() == 2);
  passed_ms = 5'000;
  CHECK(Comes([&] { return kernel->Stands().size() == 1; }));
  CHECK(Comes([&] { return delivery->Figures().decided == 1; }));
}

TEST_CASE("orders stay when we stop, and the next start adopts them and puts right what changed meanwhile",
          "[delivery]") {
  const Decision kept = MakeDecision("192.0.2.1", NowMs() + kHourMs);
  const Decision gone = MakeDecision("192.0.2.2", NowMs() + kHourMs);
  const Decision fresh = MakeDecision("192.0.2.3", NowMs() + kHourMs);
  const auto kernel = MakeKernel();
  {
    StandingOrders standing({kept, gone});
    const auto delivery = StartDelivery(kernel, &standing);
    REQUIRE(delivery->WaitIdle(kLong));
  }
  CHECK(kernel->Stands().size() == 2);
  const int enforced = kernel->enforced();
  StandingOrders standing({kept, fresh});
  Sayings sayings;
  const auto delivery = StartDelivery(kernel, &standing, {}, sayings.log());
  REQUIRE(delivery->WaitIdle(kLong));
  CHECK(kernel->Stands().size() == 2);
  CHECK_FALSE(kernel->Stands().contains(TextOf(OrderKey::Of(gone))));
  CHECK(kernel->enforced() == enforced + 1);
  CHECK(Comes([&] { return sayings.With("1 too many at the start") == 1; }));
}

TEST_CASE("a stop sends what is queued, and no longer than it may", "[delivery]") {
  StandingOrders standing({});
  const auto kernel = MakeKernel(1);
  DeliverySettings settings;
  settings.drain_time = kLong;
  auto delivery = StartDelivery(kernel, &standing, settings);
  for (int i = 0; i < 500; ++i)
    Take(&standing, Added(MakeDecision("v" + std::to_string(i), NowMs() + kHourMs)));
  delivery->Stop();
  CHECK(kernel->Stands().size() == 500);
  CHECK(delivery->Figures().enforced == 500);
  delivery->Stop();
  // What comes after is no longer ours.
  Take(&standing, Added(MakeDecision("late", NowMs() + kHourMs)));
  CHECK(delivery->WaitIdle(kLong));
  delivery.reset();

  Sayings sayings;
  settings.drain_time = absl::Milliseconds(50);
  kernel->With([](ModelKernel& it) { it.down_ = true; });
  delivery = StartDelivery(kernel, &standing, settings, sayings.log());
  Take(&standing, Added(MakeDecision("never", NowMs() + kHourMs)));
  CHECK_FALSE(delivery->WaitIdle(absl::Milliseconds(10)));
  delivery->Stop();
  CHECK(sayings.With("stopped with") == 1);
  CHECK_FALSE(delivery->WaitIdle(kLong));  // at once
}

TEST_CASE("where it is asked for, a stop takes down all that stands", "[delivery]") {
  StandingOrders standing({MakeDecision("192.0.2.1", NowMs() + kHourMs)});
  const auto kernel = MakeKernel();
  DeliverySettings settings;
  settings.release_on_stop = true;
  settings.drain_time = kLong;
  const auto delivery = StartDelivery(kernel, &standing, settings);
  REQUIRE(delivery->WaitIdle(kLong));
  CHECK(kernel->Stands().size() == 1);
  Take(&standing, Added(MakeDecision("192.0.2.2", NowMs() + kHourMs)));
  delivery->Stop();
  CHECK(kernel->Stands().empty());
}

TEST_CASE("an outage is said once, its end once, and nothing was lost in between", "[delivery]") {
  StandingOrders standing({});
  const auto kernel = MakeKernel();
  DeliverySettings settings;
  settings.retry_first = absl::Milliseconds(1);
  settings.retry_longest = absl::Milliseconds(5);
  Sayings sayings;
  const auto delivery = StartDelivery(kernel, &standing, settings, sayings.log());
  REQUIRE(Comes([&] { return kernel->lists() == 1; }));
  kernel->With([](ModelKernel& it) { it.down_ = true; });
  for (int i = 0; i < 100; ++i)
    Take(&standing, Added(MakeDecision("v" + std::to_string(i), NowMs() + kHourMs)));
  REQUIRE(Comes([&] { return kernel->calls() > 10; }));
  CHECK(delivery->Figures().failing);
  kernel->With([](ModelKernel& it) { it.down_ = false; });
  REQUIRE(delivery->WaitIdle(kLong));
  CHECK(kernel->Stands().size() == 100);
  CHECK(Comes([&] { return sayings.With("orders work again") == 1; }));
  CHECK(sayings.With("orders fail") == 1);
}

TEST_CASE("under changes from all sides, failures and lookers, what stands is in the end what is in force",
          "[delivery]") {
  StandingOrders standing({});
  const auto kernels = {MakeKernel(16), MakeKernel(1000)};
  DeliverySettings settings;
  settings.retry_first = absl::Milliseconds(1);
  settings.retry_longest = absl::Milliseconds(5);
  settings.queue_max = 64;
  std::vector<std::unique_ptr<Delivery>> deliveries;
  for (const auto& kernel : kernels) deliveries.push_back(StartDelivery(kernel, &standing, settings));
  std::atomic<bool> done{false};
  std::thread looker([&] {
    while (!done) {
      for (const auto& delivery : deliveries) {
        delivery->Figures();
        delivery->State(OrderKey::Of(MakeDecision("v7", 0)));
      }
      standing.All();
    }
  });
  std::mt19937_64 random(17);
  std::map<std::string, int64_t> in_force;
  for (int i = 0; i < 5000; ++i) {
    const Decision decision = MakeDecision("v" + std::to_string(random() % 300), NowMs() + kHourMs + i);
    const std::string key = TextOf(OrderKey::Of(decision));
    if (in_force.contains(key) && random() % 2 == 0) {
      in_force.erase(key);
      Take(&standing, Removed(decision));
    } else {
      in_force[key] = decision.until_ms;
      Take(&standing, Added(decision));
    }
    if (i % 500 == 0) standing.SetEnforcing(i % 1000 == 0);
    if (i % 100 == 0)
      for (const auto& kernel : kernels) kernel->With([&](ModelKernel& it) { it.fails_left_ = 2; });
  }
  standing.SetEnforcing(true);
  done = true;
  looker.join();
  for (const auto& delivery : deliveries) CHECK(delivery->WaitIdle(kLong));
  for (const auto& kernel : kernels) CHECK(kernel->Stands() == in_force);
  for (const auto& delivery : deliveries) CHECK(delivery->Figures().enforced == in_force.size());
}

}  // namespace
}  // namespace stockade
