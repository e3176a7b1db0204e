// Works one firewall: hears what changes, tells the firewall at once and in batches as large as what is waiting, tries
// again for as long as it takes, and compares what stands with what should. What it does when is delivery_plan.h; this is
// the thread, the clock and the locks around it.
//
//   auto delivery = Delivery::Start("nft", std::move(firewall), &standing, settings, log);
//   …
//   (*delivery)->Figures();              // decided, enforced, lag
//   (*delivery)->Stop();
//
// One thread each, so that a firewall that hangs delays no other. From Take to Apply is a thread's waking, some 50 µs, while
// the firewall is idle; while a call is under way, its rest. What arrives meanwhile is set aside: at most queue_max
// changes, then all of it is dropped, counted, and what is in force is compared instead. Nothing is lost by that.
//
// Stop sends what is queued for at most drain_time, waits for the call under way (Firewall::kCallTimeMax at worst), and
// leaves in the firewall what stands there, so that it protects while Stockade is being restarted; what is over by the next
// start is released then, where the firewall lists. So a delivery must start after the mirror is filled
// (standing_orders.h).
//
// `log` is called from the thread, outside of all locks, a line without newline each. Figures, State, WaitFor and WaitIdle:
// any thread; they wait for no firewall, but for a comparison of all that stands (about a microsecond a decision). Stop and
// the destructor: one owner, after which the others return what they last knew. Errors of Start: no thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/firewall/delivery_plan.h"
#include "adapters/firewall/delivery_settings.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/standing_orders.h"

namespace stockade {

// The machine's clocks.
DeliveryTime MachineTime();

class Delivery final : public StandingListener {
 public:
  // A clock that somebody set, or that a test turns, is looked at so often.
  static constexpr std::chrono::milliseconds kLookMax{500};

  using Clock = std::function<DeliveryTime()>;
  using Log = std::function<void(std::string_view)>;

  // `standing` outlives it.
  static absl::StatusOr<std::unique_ptr<Delivery>> Start(std::string name, std::unique_ptr<Firewall> firewall,
                                                         StandingOrders* standing,
                                                         const DeliverySettings& settings, Log log,
                                                         Clock clock = MachineTime);
  ~Delivery() override;  // stops it
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  const std::string& name() const noexcept { return name_; }
  const Capabilities& capabilities() const noexcept { return capabilities_; }

  DeliveryFigures Figures();
  DeliveryState State(const OrderKey& key);
  // Waits until what was taken before, of this key, is carried out, and says what became of it: kPending if that took
  // longer than `time`.
  DeliveryState WaitFor(const OrderKey& key, absl::Duration time);
  // The same of all keys: false if some are left.
  bool WaitIdle(absl::Duration time);

  void Stop();

 private:
  Delivery(std::string name, std::unique_ptr<Firewall> firewall, StandingOrders* standing,
           const DeliverySettings& settings, Log log, Clock clock);

  void OnChanges(const std::shared_ptr<const StandingChanges>& changes) override;
  void Run();
  // Puts what has arrived into the plan; holds plan_mutex_. True if there was something.
  bool TakeIn();
  // The same by anybody but the thread, which is then told to look.
  void TakeInFor();
  // Waits for something to arrive or to be told to look.
  void Rest(int64_t wait_ns);
  // False when it is time to end; holds plan_mutex_.
  bool GoesOn();

  const std::string name_;
  const std::unique_ptr<Firewall> firewall_;  // the thread's
  const Capabilities capabilities_;
  StandingOrders* const standing_;
  const DeliverySettings settings_;
  const Log log_;
  const Clock clock_;

  std::mutex
      plan_mutex_;  // before inbox_mutex_ and before the mirror's own; not held during calls of the firewall
  std::condition_variable settled_;
  DeliveryPlan plan_;
  uint64_t version_ = 0;  // of what the plan knows
  bool stops_ = false;    // the plan was told
  bool ended_ = false;

  struct Arrival {
    std::shared_ptr<const StandingChanges> changes;
    int64_t taken_ns;
  };
  std::mutex inbox_mutex_;  // held for moments
  std::condition_variable arrived_;
  std::vector<Arrival> inbox_;
  size_t inbox_changes_ = 0;
  bool everything_ = true;  // the inbox is not enough: go by what is in force
  bool gave_way_ = false;   // the last List did: the next does not, so that there is one some time
  std::atomic<bool> gives_way_ = false;  // a stop, or a release that came since this turn began
  bool look_ = false;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point stop_at_;
  uint64_t overflows_ = 0;
  uint64_t overflows_said_ = 0;

  std::thread thread_;
};

}  // namespace stockade
