// One thread that moves bytes: its event loop, its listeners' ends, its clients' sessions, its connections to upstreams.
// Workers share nothing but limits and the settings' state; a client stays with the worker that accepted it.
//
// Threads: Run is the thread's; Use, Drain and Stop may be called from any and take effect in it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "adapters/gateway/deadline_wheel.h"
#include "adapters/gateway/health_check.h"
#include "adapters/gateway/proxy_counts.h"
#include "adapters/gateway/proxy_state.h"
#include "adapters/gateway/upstream_pool.h"
#include "adapters/http/loop_door.h"

namespace stockade {

// Connections of clients, in all and by source: an IPv4 address, or a /64 of IPv6, which one subscriber has whole.
class ConnectionLimits {
 public:
  bool Enter(int limit) noexcept;
  void Leave() noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }
  bool EnterSource(const Address& source, int limit);
  void LeaveSource(const Address& source);
  int open() const noexcept { return open_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int> open_{0};
  std::mutex mutex_;
  absl::flat_hash_map<Prefix, int> by_source_;  // under mutex_
};

class Session;

class ProxyWorker {
 public:
  // `listeners`: descriptors that listen, one for each of the settings' listeners; they are the worker's own.
  // `checks_health`: whether this one asks upstreams how they are; one does for all.
  ProxyWorker(std::shared_ptr<const ProxyState> state, const std::vector<int>& listeners, int workers,
              bool checks_health, ConnectionLimits* limits);
  ~ProxyWorker();

  void Run();  // until Stop
  void Use(std::shared_ptr<const ProxyState> state);
  // No new connections; idle ones are closed, others after what is under way.
  void Drain();
  void Stop();

  // For its sessions, in its thread.
  boost::asio::io_context& context() noexcept { return context_; }
  const std::shared_ptr<const ProxyState>& state() const noexcept { return state_; }
  UpstreamPool& pool() noexcept { return pool_; }
  DeadlineWheel& wheel() noexcept { return wheel_; }
  ConnectionLimits& limits() noexcept { return *limits_; }
  LiveCounts& counts() noexcept { return counts_; }  // any thread may read it
  bool draining() const noexcept { return draining_; }
  int64_t now_ns() const noexcept { return now_ns_; }
  void ReadClock() noexcept;
  void Remove(Session* session);
  // A session whose login is held until somebody elsewhere has judged its certificate: a ticket for it, never 0, and where
  // the answer goes. Whoever has that may use it from any thread and after all of this is gone; it finds its session if
  // that still waits.
  uint64_t AwaitCertificate(Session* session);
  CertificateDone CertificateAnswer(uint64_t ticket);
  void ForgetCertificate(uint64_t ticket) { awaiting_certificates_.erase(ticket); }

 private:
  struct Listener {
    Listener(boost::asio::io_context& context, int descriptor, size_t its_index)
        : socket(context, descriptor), index(its_index) {}
    boost::asio::posix::stream_descriptor socket;
    size_t index;
    bool paused = false;
  };
  void WaitAccept(Listener* listener);
  void Accept(Listener* listener);
  void Tick();
  void CheckHealth();

  boost::asio::io_context context_{1};
  std::shared_ptr<const ProxyState> state_;
  ConnectionLimits* limits_;
  LiveCounts counts_;
  int64_t now_ns_ = 0;
  DeadlineWheel wheel_;
  UpstreamPool pool_;
  bool checks_health_;
  std::vector<std::unique_ptr<HealthProbe>> probes_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<LoopDoor> door_;
  uint64_t last_ticket_ = 0;
  absl::flat_hash_map<uint64_t, Session*> awaiting_certificates_;
  std::unordered_map<Session*, std::unique_ptr<Session>> sessions_;
  bool draining_ = false;
};

}  // namespace stockade
