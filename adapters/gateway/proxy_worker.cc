#include "adapters/gateway/proxy_worker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>

#include "adapters/gateway/proxy_session.h"

namespace stockade {
namespace {

// Connections taken at one go, before others are looked after.
constexpr int kAcceptBatch = 64;

int64_t SteadyNs() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Prefix SourceOf(const Address& address) noexcept {
  return Prefix::Around(address, address.is_v4() ? 32 : 64);
}

}  // namespace

bool ConnectionLimits::Enter(int limit) noexcept {
  if (open_.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  Leave();
  return false;
}

bool ConnectionLimits::EnterSource(const Address& source, int limit) {
  const std::lock_guard lock(mutex_);
  int& count = by_source_[SourceOf(source)];
  if (count >= limit) return false;
  ++count;
  return true;
}

void ConnectionLimits::LeaveSource(const Address& source) {
  const std::lock_guard lock(mutex_);
  const auto found = by_source_.find(SourceOf(source));
  if (found != by_source_.end() && --found->second <= 0) by_source_.erase(found);
}

ProxyWorker::ProxyWorker(std::shared_ptr<const ProxyState> state, const std::vector<int>& listeners,
                         int workers, bool checks_health, ConnectionLimits* limits)
    : state_(std::move(state)),
      limits_(limits),
      now_ns_(SteadyNs()),
      wheel_(now_ns_),
      pool_(context_, workers),
      checks_health_(checks_health),
      timer_(context_),
      door_(std::make_shared<LoopDoor>(&context_)) {
  pool_.Use(state_->upstreams);
  for (size_t i = 0; i < listeners.size(); ++i) {
    listeners_.push_back(std::make_unique<Listener>(context_, listeners[i], i));
    WaitAccept(listeners_.back().get());
  }
  CheckHealth();
  Tick();
}

ProxyWorker::~ProxyWorker() {
  door_->Close();
  sessions_.clear();
  probes_.clear();
}

void ProxyWorker::CheckHealth() {
  if (!checks_health_) return;
  probes_.clear();
  for (const auto& upstream : state_->upstreams) {
    probes_.push_back(std::make_unique<HealthProbe>(
        &context_, &wheel_, [this] { return now_ns_; }, upstream, state_->settings.health_check));
    probes_.back()->Begin();
  }
}

void ProxyWorker::ReadClock() noexcept {
  now_ns_ = SteadyNs();
}

void ProxyWorker::Run() {
  context_.run();
}

void ProxyWorker::Use(std::shared_ptr<const ProxyState> state) {
  boost::asio::post(context_, [this, state = std::move(state)]() mutable {
    state_ = std::move(state);
    pool_.Use(state_->upstreams);
    ReadClock();
    CheckHealth();
  });
}

void ProxyWorker::Drain() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    boost::system::error_code ignored;
    for (auto& listener : listeners_) listener->socket.close(ignored);
    std::vector<Session*> all;
    for (auto& [session, owned] : sessions_) all.push_back(session);
    for (Session* session : all) session->OnDrain();
  });
}

void ProxyWorker::Stop() {
  boost::asio::post(context_, [this] {
    sessions_.clear();
    probes_.clear();
    pool_.DropIdle(INT64_MAX);
    boost::system::error_code ignored;
    for (auto& listener : listeners_) listener->socket.close(ignored);
    context_.stop();
  });
}

void ProxyWorker::Remove(Session* session) {
  sessions_.erase(session);
}

uint64_t ProxyWorker::AwaitCertificate(Session* session) {
  awaiting_certificates_.emplace(++last_ticket_, session);
  return last_ticket_;
}

CertificateDone ProxyWorker::CertificateAnswer(uint64_t ticket) {
  // `this` is not touched but in the loop's thread, and the door is closed before `this` goes.
  return [this, door = door_, ticket](CertificateStatus status) {
    door->Post([this, ticket, status] {
      const auto found = awaiting_certificates_.find(ticket);
      if (found == awaiting_certificates_.end()) return;
      Session* const session = found->second;
      awaiting_certificates_.erase(found);
      ReadClock();
      session->OnCertificate(status);
    });
  };
}

void ProxyWorker::WaitAccept(Listener* listener) {
  listener->socket.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [this, listener](const boost::system::error_code& error) {
                                if (error || draining_) return;
                                ReadClock();
                                Accept(listener);
                              });
}

void ProxyWorker::Accept(Listener* listener) {
  const LimitSettings& limits = state_->settings.limits;
  for (int i = 0; i < kAcceptBatch; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    const int descriptor = accept4(listener->socket.native_handle(), reinterpret_cast<sockaddr*>(&storage),
                                   &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      // Out of descriptors or memory: asking again at once would spin. The next tick asks.
      counts_.Add(Count::kAcceptErrors);
      listener->paused = true;
      return;
    }
    counts_.Add(Count::kConnections);
    if (!limits_->Enter(limits.connections)) {
      counts_.Add(Count::kConnectionsOverLimit);
      close(descriptor);
      continue;
    }
    const Address peer = AddressOf(storage);
    if (peer.present()) {
      const int on = 1;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    auto session = std::make_unique<Session>(this, listener->index, descriptor, peer);
    Session* raw = session.get();
    sessions_.emplace(raw, std::move(session));
    raw->Start();
  }
  WaitAccept(listener);
}

void ProxyWorker::Tick() {
  timer_.expires_after(std::chrono::nanoseconds(DeadlineWheel::kTickNs));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    ReadClock();
    wheel_.Advance(now_ns_);
    pool_.DropIdle(now_ns_ - absl::ToInt64Nanoseconds(state_->settings.limits.idle_time));
    for (auto& listener : listeners_) {
      if (!listener->paused || draining_) continue;
      listener->paused = false;
      WaitAccept(listener.get());
    }
    Tick();
  });
}

}  // namespace stockade
