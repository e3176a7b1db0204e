// A firewall in memory that keeps the contract of firewall.h to the letter, checks that its caller does, and can do all
// that real ones do to us: be down, do half of a batch and fail, forget everything, be changed by somebody else, choke on
// a name, refuse one, hang.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/firewall/delivery_plan.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/standing_orders.h"
#include "engine/status.h"

namespace stockade {

// Keys in a map that prints and sorts.
inline std::string TextOf(const OrderKey& key) {
  return std::string(Name(key.action)) + "/" + std::string(Name(key.challenge_kind)) +
         (key.all_lanes ? "/all" : "/") + "/" + std::string(Name(key.scope)) + "/" + key.value;
}

inline Decision MakeDecision(std::string value, int64_t until_ms, Action action = Action::kBlock,
                             Scope scope = Scope::kIp) {
  static std::atomic<int> next_id{0};
  Decision decision;
  decision.id = "id" + std::to_string(next_id++);
  decision.scope = scope;
  decision.action = action;
  decision.value = std::move(value);
  decision.until_ms = until_ms;
  decision.rule = "rule";
  return decision;
}

inline SharedDecision Share(Decision decision) {
  return std::make_shared<const Decision>(std::move(decision));
}

inline Capabilities CarriesBlocks() {
  Capabilities capabilities;
  capabilities.scopes[static_cast<int>(Action::kBlock)] =
      Capabilities::Bit(Scope::kIp) | Capabilities::Bit(Scope::kRange);
  capabilities.lists = true;
  return capabilities;
}

// What stands, apart from the adapter: it outlives the delivery that owns the adapter, as a kernel does.
class ModelKernel {
 public:
  struct Standing {
    OrderKey key;
    int64_t until_ms = 0;
    int64_t ends_ns = INT64_MAX;  // steady: where it expires by itself
  };

  explicit ModelKernel(const Capabilities& capabilities, std::function<DeliveryTime()> clock)
      : capabilities_(capabilities), clock_(std::move(clock)) {}

  const Capabilities& capabilities() const { return capabilities_; }

  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) {
    std::unique_lock lock(mutex_);
    ++calls_;
    open_.wait(lock, [&] { return !closed_; });
    STOCKADE_CHECK(!orders.empty() && orders.size() <= capabilities_.batch_max);
    std::set<std::string> seen;
    for (const Order& order : orders) {
      STOCKADE_CHECK(order.decision != nullptr && capabilities_.Carries(*order.decision));
      STOCKADE_CHECK(seen.insert(TextOf(OrderKey::Of(*order.decision))).second);
      STOCKADE_CHECK(order.kind == Order::Kind::kRelease || order.decision->until_ms > now_ms);
    }
    bool invalid = false, chokes = false;
    for (const Order& order : orders) {
      invalid |= refuses_.contains(order.decision->value);
      chokes |= chokes_on_.contains(order.decision->value);
    }
    const bool away = down_ || fails_left_ > 0;
    const bool fails = away || invalid || chokes;
    if (fails_left_ > 0) --fails_left_;
    for (const Order& order : orders) {
      if (refuses_.contains(order.decision->value)) continue;
      if (fails && (half_ == nullptr || (*half_)() % 2 == 0)) continue;
      const OrderKey key = OrderKey::Of(*order.decision);
      if (order.kind == Order::Kind::kRelease) {
        standing_.erase(TextOf(key));
        ++released_;
      } else {
        int64_t ends_ns = INT64_MAX;
        if (capabilities_.expires)
          ends_ns = clock_().steady_ns + (order.decision->until_ms - now_ms) * 1'000'000;
        standing_[TextOf(key)] = {key, order.decision->until_ms, ends_ns};
        ++enforced_;
      }
    }
    if (invalid && !away) return absl::InvalidArgumentError("no such thing\nas this");
    if (fails) return absl::UnavailableError("connection refused");
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) {
    std::unique_lock lock(mutex_);
    ++lists_;
    open_.wait(lock, [&] { return !closed_; });
    STOCKADE_CHECK(capabilities_.lists);
    if (down_ || list_fails_) return absl::UnavailableError("connection refused");
    if (fails_left_ > 0) {
      --fails_left_;
      return absl::UnavailableError("connection refused");
    }
    Expire();
    std::vector<Enforced> listed;
    const int64_t now_ns = clock_().steady_ns;
    for (const auto& [text, it] : standing_) {
      int64_t until_ms = it.until_ms;
      // In seconds, as many do, and by its own clock.
      if (capabilities_.expires) until_ms = now_ms + (it.ends_ns - now_ns) / 1'000'000'000 * 1000;
      listed.push_back({it.key, knows_until_ ? until_ms : 0});
    }
    return listed;
  }

  // With slow_list_ it never comes to its end.
  absl::StatusOr<std::vector<Enforced>> ListUnless(const std::atomic<bool>& gives_way, int64_t now_ms) {
    {
      const std::lock_guard lock(mutex_);
      if (slow_list_) ++lists_;
    }
    while (Read(slow_list_)) {
      if (gives_way) return absl::AbortedError("gives way");
      std::this_thread::yield();
    }
    return List(now_ms);
  }

  // By key: what stands now.
  std::map<std::string, int64_t> Stands() {
    const std::lock_guard lock(mutex_);
    Expire();
    std::map<std::string, int64_t> stands;
    for (const auto& [text, it] : standing_) stands[text] = it.until_ms;
    return stands;
  }

  // What others do to it.
  void Close(bool closed) {
    const std::lock_guard lock(mutex_);
    closed_ = closed;
    open_.notify_all();
  }
  template <typename Change>
  void With(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(*this);
  }
  int calls() { return Read(calls_); }
  int lists() { return Read(lists_); }
  int enforced() { return Read(enforced_); }
  int released() { return Read(released_); }

  // Under With only.
  std::map<std::string, Standing> standing_;
  bool down_ = false;
  bool list_fails_ = false;
  bool slow_list_ = false;
  int fails_left_ = 0;
  bool knows_until_ = true;
  std::set<std::string> refuses_, chokes_on_;
  std::mt19937_64* half_ = nullptr;  // a call that fails does a random part of its orders

 private:
  template <typename Value>
  Value Read(const Value& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }
  void Expire() {
    const int64_t now_ns = clock_().steady_ns;
    std::erase_if(standing_, [&](const auto& one) { return one.second.ends_ns <= now_ns; });
  }

  const Capabilities capabilities_;
  const std::function<DeliveryTime()> clock_;
  std::mutex mutex_;
  std::condition_variable open_;
  bool closed_ = false;
  int calls_ = 0, lists_ = 0, enforced_ = 0, released_ = 0;
};

class ModelFirewall final : public Firewall {
 public:
  explicit ModelFirewall(std::shared_ptr<ModelKernel> kernel) : kernel_(std::move(kernel)) {}
  Capabilities capabilities() const override { return kernel_->capabilities(); }
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override {
    return kernel_->Apply(orders, now_ms);
  }
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override { return kernel_->List(now_ms); }
  absl::StatusOr<std::vector<Enforced>> ListUnless(const std::atomic<bool>& gives_way,
                                                   int64_t now_ms) override {
    return kernel_->ListUnless(gives_way, now_ms);
  }

 private:
  std::shared_ptr<ModelKernel> kernel_;
};

}  // namespace stockade
