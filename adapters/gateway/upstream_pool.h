// The connections of one worker to its upstreams: idle ones kept, busy ones counted, requests that must wait for one in
// their order. The healthy upstreams take turns; if none is healthy all do, for a health check that fails proves less
// than a request that does.
//
// An idle connection is watched: one that its upstream closes, or speaks on unasked, is dropped at once. The last used
// is used first, so that what is not needed grows old and goes.
//
// Threads: its worker's. connections_max is divided among the workers, at least one each.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "adapters/gateway/channel.h"
#include "adapters/gateway/proxy_state.h"

namespace stockade {

// Somebody who waits for a connection.
class UpstreamWaiter {
 public:
  virtual ~UpstreamWaiter() = default;
  // One may be free now: ask again.
  virtual void OnUpstreamFree() = 0;
};

// A place at an upstream: with an idle connection, or to connect by yourself.
struct UpstreamSeat {
  std::shared_ptr<const Upstream> upstream;
  std::shared_ptr<Channel> idle;  // null: connect
};

class UpstreamPool {
 public:
  UpstreamPool(boost::asio::io_context& context, int workers) : context_(context), workers_(workers) {}
  ~UpstreamPool();

  // Connections to upstreams that are no longer there end when they are given back.
  void Use(const std::vector<std::shared_ptr<const Upstream>>& upstreams);

  // A seat; nothing if all are taken. `avoid`: not there, if there is another. `fresh`: no idle connection.
  std::optional<UpstreamSeat> Take(const Upstream* avoid, bool fresh);
  // Gives a seat back; `channel` is kept if it is not null.
  void Return(const std::shared_ptr<const Upstream>& upstream, std::shared_ptr<Channel> channel,
              int64_t now_ns);

  void Wait(UpstreamWaiter* waiter) { waiters_.push_back(waiter); }
  void Leave(UpstreamWaiter* waiter);

  // Drops what has been idle since before `before_ns`; all of it with INT64_MAX.
  void DropIdle(int64_t before_ns);

 private:
  struct Place;
  struct Idle final : ChannelOwner {
    explicit Idle(Place* its_place) : place(its_place) {}
    void OnReady(Channel*) override;
    Place* place;
    std::shared_ptr<Channel> channel;
    int64_t since_ns = 0;
  };
  struct Place {
    std::shared_ptr<const Upstream> upstream;
    int seats = 0, taken = 0;  // taken: busy and idle together
    bool in_use = true;        // still among the settings' upstreams
    std::vector<std::unique_ptr<Idle>> idle;
  };

  void Wake();
  bool HasFreeSeat() const noexcept;

  boost::asio::io_context& context_;
  int workers_;
  std::vector<std::unique_ptr<Place>> places_;
  size_t next_ = 0;
  std::deque<UpstreamWaiter*> waiters_;
  bool wake_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace stockade
