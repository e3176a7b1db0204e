#include "adapters/gateway/proxy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "adapters/gateway/proxy_worker.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int kBacklog = 4096;
// How often Drain looks whether everybody has gone.
constexpr absl::Duration kDrainLook = absl::Milliseconds(10);

absl::Status ListenError(const Endpoint& at, std::string_view what) {
  return absl::UnavailableError(
      Concat("gateway.listen.address: ", EndpointText(at), ": ", what, ": ", std::strerror(errno)));
}

absl::StatusOr<int> Listen(const Endpoint& at) {
  auto addresses = ResolveEndpoint(at, true);
  if (!addresses.ok())
    return absl::InvalidArgumentError(
        Concat("gateway.listen.address: ", FromAbsl(addresses.status().message())));
  const SocketAddress& address = addresses->front();
  // A socket that a process which is gone has left; one that answers is somebody's, and bind will say so.
  if (at.is_unix()) {
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat found {};
    if (probe >= 0 &&
        connect(probe, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 &&
        errno == ECONNREFUSED && stat(at.unix_path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode))
      unlink(at.unix_path.c_str());
    if (probe >= 0) close(probe);
  }
  const int descriptor = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return ListenError(at, "socket");
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      listen(descriptor, kBacklog) != 0) {
    const absl::Status status = ListenError(at, "cannot listen");
    close(descriptor);
    return status;
  }
  return descriptor;
}

uint16_t PortOf(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size);
  if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

absl::Status CheckUnchanged(const GatewaySettings& before, const GatewaySettings& after) {
  if (before.workers != after.workers)
    return absl::FailedPreconditionError("gateway.workers: cannot change while running; restart");
  if (before.listeners.size() != after.listeners.size())
    return absl::FailedPreconditionError(
        "gateway.listen: listeners cannot come or go while running; restart");
  for (size_t i = 0; i < before.listeners.size(); ++i) {
    const ListenerSettings& old = before.listeners[i];
    const ListenerSettings& now = after.listeners[i];
    const std::string key = Concat("gateway.listen[", i, "]");
    if (EndpointText(old.at) != EndpointText(now.at))
      return absl::FailedPreconditionError(Concat(key, ".address: cannot change while running; restart"));
    if (old.proxy_protocol != now.proxy_protocol)
      return absl::FailedPreconditionError(
          Concat(key, ".proxy_protocol: cannot change while running; restart"));
    if (old.tls.has_value() != now.tls.has_value())
      return absl::FailedPreconditionError(Concat(key, ".tls: cannot come or go while running; restart"));
  }
  return absl::OkStatus();
}

}  // namespace

Proxy::Proxy() : limits_(std::make_unique<ConnectionLimits>()) {}

Proxy::~Proxy() {
  Stop();
}

absl::StatusOr<std::unique_ptr<Proxy>> Proxy::Start(GatewaySettings settings, ProxyParts parts) {
  if (settings.workers < 1) return absl::InvalidArgumentError("gateway.workers: below 1");
  ASSIGN_OR_RETURN(auto state, ProxyState::Make(std::move(settings), std::move(parts), nullptr));
  std::vector<int> listening;
  const auto close_all = [&listening] {
    for (const int descriptor : listening) close(descriptor);
  };
  auto proxy = std::unique_ptr<Proxy>(new Proxy());
  for (const ListenerSettings& listener : state->settings.listeners) {
    absl::StatusOr<int> descriptor = Listen(listener.at);
    if (!descriptor.ok()) {
      close_all();
      return descriptor.status();
    }
    listening.push_back(*descriptor);
    proxy->ports_.push_back(PortOf(*descriptor));
    if (listener.at.is_unix()) proxy->unix_paths_.push_back(listener.at.unix_path);
  }
  for (int i = 0; i < state->settings.workers; ++i) {
    // Every worker accepts from the same queue, through a descriptor of its own.
    std::vector<int> own;
    for (const int descriptor : listening) {
      own.push_back(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
      if (own.back() < 0) {
        close_all();
        for (const int made : own)
          if (made >= 0) close(made);
        return absl::ResourceExhaustedError("gateway.listen: no file descriptor left");
      }
    }
    proxy->workers_.push_back(
        std::make_unique<ProxyWorker>(state, own, state->settings.workers, i == 0, proxy->limits_.get()));
  }
  close_all();
  {
    const std::lock_guard lock(proxy->mutex_);
    proxy->state_ = std::move(state);
  }
  for (auto& worker : proxy->workers_) proxy->threads_.emplace_back([raw = worker.get()] { raw->Run(); });
  return proxy;
}

absl::Status Proxy::SwapSettings(GatewaySettings settings, ProxyParts parts) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckUnchanged(state_->settings, settings));
  ASSIGN_OR_RETURN(auto state, ProxyState::Make(std::move(settings), std::move(parts), state_.get()));
  for (auto& worker : workers_) worker->Use(state);
  state_ = std::move(state);
  return absl::OkStatus();
}

int Proxy::Drain(absl::Duration deadline) {
  for (auto& worker : workers_) worker->Drain();
  const absl::Time until = absl::Now() + deadline;
  while (limits_->open() > 0 && absl::Now() < until) absl::SleepFor(kDrainLook);
  const int left = limits_->open();
  Stop();
  return left;
}

void Proxy::Stop() {
  for (auto& worker : workers_) worker->Stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const std::string& path : unix_paths_) unlink(path.c_str());
  unix_paths_.clear();
}

ProxyCounts Proxy::counts() const {
  ProxyCounts sum;
  for (const auto& worker : workers_) worker->counts().AddTo(&sum);
  return sum;
}

std::vector<Proxy::UpstreamHealth> Proxy::health() const {
  const std::lock_guard lock(mutex_);
  std::vector<UpstreamHealth> all;
  for (const auto& upstream : state_->upstreams)
    all.push_back({upstream->name, upstream->healthy.load(std::memory_order_relaxed)});
  return all;
}

}  // namespace stockade
