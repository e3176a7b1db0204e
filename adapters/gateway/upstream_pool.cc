#include "adapters/gateway/upstream_pool.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace stockade {

UpstreamPool::~UpstreamPool() {
  *alive_ = false;
  DropIdle(INT64_MAX);
}

void UpstreamPool::Idle::OnReady(Channel*) {
  channel->Close();
  Place* where = place;
  --where->taken;
  // Deletes this.
  std::erase_if(where->idle, [this](const std::unique_ptr<Idle>& one) { return one.get() == this; });
}

void UpstreamPool::Use(const std::vector<std::shared_ptr<const Upstream>>& upstreams) {
  for (auto& place : places_) place->in_use = false;
  for (const auto& upstream : upstreams) {
    const auto found = std::find_if(places_.begin(), places_.end(),
                                    [&](const auto& place) { return place->upstream == upstream; });
    Place* place = found != places_.end() ? found->get() : nullptr;
    if (place == nullptr) {
      places_.push_back(std::make_unique<Place>());
      place = places_.back().get();
      place->upstream = upstream;
    }
    place->in_use = true;
    place->seats = std::max(1, upstream->settings.connections_max / workers_);
  }
  for (auto& place : places_) {
    if (place->in_use) continue;
    for (auto& idle : place->idle) idle->channel->Close();
    place->taken -= static_cast<int>(place->idle.size());
    place->idle.clear();
  }
  std::erase_if(places_, [](const auto& place) { return !place->in_use && place->taken == 0; });
  next_ = 0;
  Wake();
}

std::optional<UpstreamSeat> UpstreamPool::Take(const Upstream* avoid, bool fresh) {
  // First those that are well, then any; `avoid` last of all.
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < places_.size(); ++i) {
      Place& place = *places_[(next_ + i) % places_.size()];
      if (!place.in_use) continue;
      if (round == 0 && !place.upstream->healthy.load(std::memory_order_relaxed)) continue;
      if (round < 2 && place.upstream.get() == avoid) continue;
      UpstreamSeat seat{place.upstream, nullptr};
      if (!place.idle.empty()) {
        // Taken from the end: the youngest. One that is not wanted makes room for a fresh one.
        std::shared_ptr<Channel> channel = std::move(place.idle.back()->channel);
        place.idle.pop_back();
        channel->set_owner(nullptr);
        if (fresh) {
          channel->Close();
        } else {
          seat.idle = std::move(channel);
        }
      } else if (place.taken < place.seats) {
        ++place.taken;
      } else {
        continue;
      }
      next_ = (next_ + i + 1) % places_.size();
      return seat;
    }
  }
  return std::nullopt;
}

void UpstreamPool::Return(const std::shared_ptr<const Upstream>& upstream, std::shared_ptr<Channel> channel,
                          int64_t now_ns) {
  const auto found = std::find_if(places_.begin(), places_.end(),
                                  [&](const auto& place) { return place->upstream == upstream; });
  if (found == places_.end()) {
    if (channel != nullptr) channel->Close();
    return;
  }
  Place& place = **found;
  if (channel != nullptr && place.in_use && channel->open()) {
    place.idle.push_back(std::make_unique<Idle>(&place));
    Idle* idle = place.idle.back().get();
    idle->since_ns = now_ns;
    channel->set_owner(idle);
    channel->WaitRead();
    idle->channel = std::move(channel);
  } else {
    if (channel != nullptr) channel->Close();
    --place.taken;
  }
  if (!waiters_.empty()) Wake();
}

void UpstreamPool::Leave(UpstreamWaiter* waiter) {
  std::erase(waiters_, waiter);
}

void UpstreamPool::Wake() {
  if (waiters_.empty() || wake_posted_) return;
  wake_posted_ = true;
  // Later, not now: whoever gave the seat back is in the middle of something.
  boost::asio::post(context_, [this, alive = alive_] {
    if (!*alive) return;
    wake_posted_ = false;
    // Several seats may have come free meanwhile. A waiter who asks again stands at the end: once round is enough.
    for (size_t count = waiters_.size(); count > 0 && !waiters_.empty() && HasFreeSeat(); --count) {
      UpstreamWaiter* first = waiters_.front();
      waiters_.pop_front();
      first->OnUpstreamFree();
    }
  });
}

bool UpstreamPool::HasFreeSeat() const noexcept {
  return std::any_of(places_.begin(), places_.end(), [](const auto& place) {
    return place->in_use && (!place->idle.empty() || place->taken < place->seats);
  });
}

void UpstreamPool::DropIdle(int64_t before_ns) {
  for (auto& place : places_) {
    // The oldest stand in front.
    size_t count = 0;
    while (count < place->idle.size() && place->idle[count]->since_ns < before_ns) {
      place->idle[count]->channel->Close();
      ++count;
    }
    place->idle.erase(place->idle.begin(), place->idle.begin() + static_cast<std::ptrdiff_t>(count));
    place->taken -= static_cast<int>(count);
  }
}

}  // namespace stockade
