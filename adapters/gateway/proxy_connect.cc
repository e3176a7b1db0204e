// The part of a session that finds its way to an upstream: a seat in the pool, a connection, and a second one where the
// first has gone stale.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "adapters/gateway/proxy_session.h"

namespace stockade {
namespace {

// Upstreams tried for one request, where connections do not even open.
constexpr int kConnectTriesMax = 3;

}  // namespace

void Session::GiveSeatBack(bool keep) {
  if (seat_.upstream == nullptr) return;
  if (upstream_ != nullptr) upstream_->set_owner(nullptr);
  if (!keep && upstream_ != nullptr) {
    upstream_->Close();
    upstream_ = nullptr;
  }
  worker_->pool().Return(seat_.upstream, std::move(upstream_), worker_->now_ns());
  upstream_ = nullptr;
  seat_ = {};
}

Session::Step Session::StepSeat() {
  if (waits_for_seat_) return Step::kWait;
  while (true) {
    std::optional<UpstreamSeat> seat = worker_->pool().Take(avoided_, is_fresh_wanted_);
    if (!seat) {
      waits_for_seat_ = true;
      worker_->pool().Wait(this);
      return Step::kWait;
    }
    seat_ = *std::move(seat);
    is_reused_ = seat_.idle != nullptr;
    if (is_reused_) {
      upstream_ = std::move(seat_.idle);
      upstream_->set_owner(this);
      // A connection that was closed meanwhile is no use, and what an upstream sent unasked is not the answer to this.
      if (upstream_->HasInput()) {
        GiveSeatBack(false);
        continue;
      }
      return BeginExchange();
    }
    address_ = 0;
    SetDeadline(limits().connect_time);
    return StartConnect();
  }
}

Session::Step Session::StartConnect() {
  const SocketAddress& to = seat_.upstream->addresses[address_];
  const int descriptor = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return ConnectFailed();
  if (to.storage.ss_family != AF_UNIX) {
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0 &&
      errno != EINPROGRESS) {
    close(descriptor);
    return ConnectFailed();
  }
  upstream_ = std::make_shared<Channel>(worker_->context(), descriptor, this);
  state_ = State::kConnect;
  return Step::kAgain;
}

Session::Step Session::StepConnect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(upstream_->descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    return ConnectFailed();
  sockaddr_storage storage{};
  size = sizeof storage;
  if (getpeername(upstream_->descriptor(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    if (errno != ENOTCONN) return ConnectFailed();
    upstream_->WaitWrite();
    return Step::kWait;
  }
  counts_->Add(Count::kUpstreamConnects);
  if (seat_.upstream->tls == nullptr) return BeginExchange();
  SSL* tls = NewUpstreamConnection(seat_.upstream->tls, *seat_.upstream->settings.tls,
                                   seat_.upstream->settings.at.host);
  if (tls == nullptr || upstream_->StartTls(tls) != IoStatus::kOk) return ConnectFailed();
  state_ = State::kUpstreamHandshake;
  return Step::kAgain;
}

Session::Step Session::StepUpstreamHandshake() {
  const IoStatus status = upstream_->Handshake();
  if (upstream_->WaitFor(status)) return Step::kWait;
  return status == IoStatus::kOk ? BeginExchange() : ConnectFailed();
}

// Nothing has been sent, so anybody else may be asked.
Session::Step Session::ConnectFailed() {
  counts_->Add(Count::kUpstreamConnectErrors);
  if (upstream_ != nullptr) {
    upstream_->Close();
    upstream_ = nullptr;
  }
  if (++address_ < seat_.upstream->addresses.size()) return StartConnect();
  avoided_ = seat_.upstream.get();
  GiveSeatBack(false);
  if (++connect_tries_ < std::min<int>(kConnectTriesMax, static_cast<int>(state_ptr_->upstreams.size()))) {
    state_ = State::kSeat;
    SetDeadline(limits().connect_time);
    return Step::kAgain;
  }
  return Fail(502);
}

bool Session::MayRetry() const noexcept {
  if (!is_reused_ || is_retried_ || answer_begun_) return false;
  return head_sent_ == 0 || (is_idempotent_ && !body_sent_);
}

Session::Step Session::Retry() {
  counts_->Add(Count::kUpstreamRetries);
  GiveSeatBack(false);
  is_retried_ = is_fresh_wanted_ = true;
  request_sent_ = request_given_up_ = false;
  head_sent_ = 0;
  state_ = State::kSeat;
  SetDeadline(limits().connect_time);
  return Step::kAgain;
}

}  // namespace stockade
