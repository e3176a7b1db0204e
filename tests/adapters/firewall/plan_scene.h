// A plan, a model of a firewall, and a time that the test turns.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/firewall/delivery_plan.h"
#include "tests/adapters/firewall/model_firewall.h"

namespace stockade {

struct PlanScene {
  explicit PlanScene(const Capabilities& capabilities = CarriesBlocks(),
                     const DeliverySettings& settings = {}, uint64_t seed = 1)
      : kernel(std::make_shared<ModelKernel>(capabilities, [this] { return now; })),
        plan("nft", capabilities, settings, seed, now) {}

  // Does what the plan says until it waits; how many calls that took.
  int Run() {
    int calls = 0;
    for (;;) {
      const DeliveryStep step = plan.Next(now);
      for (std::string& saying : plan.TakeSayings()) sayings.push_back(std::move(saying));
      if (step.kind == DeliveryStep::Kind::kWait) {
        wait_ns = step.wait_ns;
        return calls;
      }
      ++calls;
      STOCKADE_CHECK(calls < 1'000'000);
      if (step.kind == DeliveryStep::Kind::kApply) {
        plan.Applied(kernel->Apply(step.orders, now.wall_ms), now);
      } else {
        plan.Listed(kernel->List(now.wall_ms), now);
      }
    }
  }
  void Pass(int64_t ms) {
    now.wall_ms += ms;
    now.steady_ns += ms * 1'000'000;
  }
  // Runs as the thread would, waking when the plan asks for it, for so long.
  void RunFor(int64_t ms) {
    const int64_t end_ns = now.steady_ns + ms * 1'000'000;
    Run();
    while (now.steady_ns < end_ns) {
      const int64_t wait_ns_now = std::min({wait_ns, end_ns - now.steady_ns, int64_t{500'000'000}});
      Pass(std::max<int64_t>((wait_ns_now + 999'999) / 1'000'000, 1));
      Run();
    }
  }

  void Put(SharedDecision decision) {
    plan.Change({ChangeKind::kAdded, std::move(decision)}, now.steady_ns, now);
  }
  void Remove(SharedDecision decision, ChangeKind kind = ChangeKind::kRemoved) {
    plan.Change({kind, std::move(decision)}, now.steady_ns, now);
  }
  // For `ms` from now.
  Decision For(std::string value, int64_t ms) const {
    return MakeDecision(std::move(value), now.wall_ms + ms);
  }

  DeliveryTime now{1'800'000'000'000, 1'000'000'000};
  std::shared_ptr<ModelKernel> kernel;
  DeliveryPlan plan;
  int64_t wait_ns = 0;
  std::vector<std::string> sayings;
};

}  // namespace stockade
