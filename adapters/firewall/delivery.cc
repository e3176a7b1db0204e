#include "adapters/firewall/delivery.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <system_error>
#include <utility>

#include "engine/text.h"

namespace stockade {
namespace {

std::chrono::steady_clock::time_point After(absl::Duration time) {
  return std::chrono::steady_clock::now() +
         absl::ToChronoNanoseconds(std::clamp(time, absl::ZeroDuration(), absl::Hours(24)));
}

}  // namespace

DeliveryTime MachineTime() {
  using std::chrono::duration_cast;
  return {
      duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(),
      duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

absl::StatusOr<std::unique_ptr<Delivery>> Delivery::Start(std::string name,
                                                          std::unique_ptr<Firewall> firewall,
                                                          StandingOrders* standing,
                                                          const DeliverySettings& settings, Log log,
                                                          Clock clock) {
  std::unique_ptr<Delivery> delivery(new Delivery(std::move(name), std::move(firewall), standing, settings,
                                                  std::move(log), std::move(clock)));
  standing->Subscribe(delivery.get());  // before its thread looks at what is in force
  try {
    delivery->thread_ = std::thread([it = delivery.get()] { it->Run(); });
  } catch (const std::system_error& failed) {
    return absl::ResourceExhaustedError(
        Concat(delivery->name_, ": no thread for its delivery: ", failed.what()));
  }
  return delivery;
}

Delivery::Delivery(std::string name, std::unique_ptr<Firewall> firewall, StandingOrders* standing,
                   const DeliverySettings& settings, Log log, Clock clock)
    : name_(std::move(name)),
      firewall_(std::move(firewall)),
      capabilities_(firewall_->capabilities()),
      standing_(standing),
      settings_(settings),
      log_(std::move(log)),
      clock_(std::move(clock)),
      plan_(name_, capabilities_, settings_, std::random_device()(), clock_()) {}

Delivery::~Delivery() {
  Stop();
}

void Delivery::Stop() {
  standing_->Unsubscribe(this);
  {
    const std::lock_guard lock(inbox_mutex_);
    if (!std::exchange(stopping_, true)) stop_at_ = After(settings_.drain_time);
    gives_way_ = true;
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// ---- What arrives.

void Delivery::OnChanges(const std::shared_ptr<const StandingChanges>& changes) {
  const int64_t taken_ns = clock_().steady_ns;
  {
    const std::lock_guard lock(inbox_mutex_);
    const auto releases = [](const StandingChange& change) { return change.kind == ChangeKind::kRemoved; };
    if (changes->everything || std::any_of(changes->changes.begin(), changes->changes.end(), releases))
      gives_way_ = true;
    if (everything_) return;  // not looked at yet: what is in force by then has this in it
    if (!changes->everything && inbox_changes_ + changes->changes.size() <= settings_.queue_max) {
      inbox_.push_back({changes, taken_ns});
      inbox_changes_ += changes->changes.size();
      if (inbox_.size() > 1) return;  // woken already
    } else {
      if (!changes->everything) ++overflows_;
      inbox_.clear();
      inbox_changes_ = 0;
      everything_ = true;
    }
  }
  arrived_.notify_one();
}

bool Delivery::TakeIn() {
  std::vector<Arrival> arrivals;
  bool everything = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    arrivals.swap(inbox_);
    inbox_changes_ = 0;
    everything = std::exchange(everything_, false);
  }
  if (everything) {
    // Whatever comes from here on, and is in it already, has a version that is not above it.
    const StandingSnapshot snapshot = standing_->Snapshot();
    const bool first = version_ == 0;
    version_ = snapshot.version;
    plan_.Replace(snapshot.decisions, clock_());
    if (first) plan_.MayStand(standing_->Gone(), clock_());
  }
  const DeliveryTime now = clock_();
  for (const Arrival& arrival : arrivals) {
    if (arrival.changes->version <= version_) continue;
    version_ = arrival.changes->version;
    for (const StandingChange& change : arrival.changes->changes) plan_.Change(change, arrival.taken_ns, now);
  }
  return everything || !arrivals.empty();
}

void Delivery::TakeInFor() {
  if (ended_ || !TakeIn()) return;
  {
    const std::lock_guard lock(inbox_mutex_);
    look_ = true;
  }
  arrived_.notify_one();
}

void Delivery::Rest(int64_t wait_ns) {
  auto until = std::chrono::steady_clock::now() +
               std::min<std::chrono::nanoseconds>(std::chrono::nanoseconds(wait_ns), kLookMax);
  std::unique_lock lock(inbox_mutex_);
  if (stops_) until = std::min(until, stop_at_);
  arrived_.wait_until(lock, until,
                      [&] { return everything_ || look_ || !inbox_.empty() || (stopping_ && !stops_); });
  look_ = false;
}

// ---- The thread.

bool Delivery::GoesOn() {
  bool stopping = false;
  bool is_late = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    stopping = stopping_;
    is_late = stopping && std::chrono::steady_clock::now() >= stop_at_;
  }
  if (stopping && !std::exchange(stops_, true)) {
    TakeIn();  // the last there will be
    if (settings_.release_on_stop) plan_.Replace({}, clock_());
    plan_.PrepareStop(clock_());
  }
  return !stopping || (plan_.pending() > 0 && !is_late);
}

void Delivery::Run() {
  std::unique_lock lock(plan_mutex_);
  for (;;) {
    gives_way_ =
        false;  // before: what makes it true from here on is taken in with the next turn, and waits for this one's List
    TakeIn();
    const bool goes_on = GoesOn();
    const DeliveryStep step = goes_on ? plan_.Next(clock_()) : DeliveryStep{};
    std::vector<std::string> sayings = plan_.TakeSayings();
    {
      const std::lock_guard inbox(inbox_mutex_);
      if (overflows_ != std::exchange(overflows_said_, overflows_))
        sayings.push_back(Concat(name_, ": more than ", settings_.queue_max,
                                 " changes came during one call; going by what is in force instead"));
    }
    if (!goes_on) {
      if (plan_.pending() > 0)
        sayings.push_back(Concat(name_, ": stopped with ", plan_.pending(), " orders not carried out",
                                 capabilities_.lists ? "; the next start puts that right" : ""));
      ended_ = true;
    }
    settled_.notify_all();
    lock.unlock();
    for (const std::string& saying : sayings)
      if (log_) log_(saying);
    if (!goes_on) return;
    switch (step.kind) {
      case DeliveryStep::Kind::kWait:
        Rest(step.wait_ns);
        lock.lock();
        break;
      case DeliveryStep::Kind::kApply: {
        const absl::Status status = firewall_->Apply(step.orders, clock_().wall_ms);
        lock.lock();
        plan_.Applied(status, clock_());
        break;
      }
      case DeliveryStep::Kind::kList: {
        const absl::StatusOr<std::vector<Enforced>> listed =
            gave_way_ ? firewall_->List(clock_().wall_ms)
                      : firewall_->ListUnless(gives_way_, clock_().wall_ms);
        gave_way_ = absl::IsAborted(listed.status());
        lock.lock();
        plan_.Listed(listed, clock_());
        break;
      }
    }
  }
}

// ---- What can be read.

DeliveryFigures Delivery::Figures() {
  const std::lock_guard lock(plan_mutex_);
  TakeInFor();
  DeliveryFigures figures = plan_.Figures(clock_());
  const std::lock_guard inbox(inbox_mutex_);
  figures.overflows = overflows_;
  return figures;
}

DeliveryState Delivery::State(const OrderKey& key) {
  const std::lock_guard lock(plan_mutex_);
  TakeInFor();
  return plan_.State(key);
}

DeliveryState Delivery::WaitFor(const OrderKey& key, absl::Duration time) {
  const auto until = After(time);
  std::unique_lock lock(plan_mutex_);
  TakeInFor();
  settled_.wait_until(lock, until, [&] { return ended_ || plan_.State(key) != DeliveryState::kPending; });
  return plan_.State(key);
}

bool Delivery::WaitIdle(absl::Duration time) {
  const auto until = After(time);
  std::unique_lock lock(plan_mutex_);
  TakeInFor();
  settled_.wait_until(lock, until, [&] { return ended_ || plan_.pending() == 0; });
  return plan_.pending() == 0;
}

}  // namespace stockade
