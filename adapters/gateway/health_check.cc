#include "adapters/gateway/health_check.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/text.h"

namespace stockade {

HealthProbe::HealthProbe(boost::asio::io_context* context, DeadlineWheel* wheel,
                         std::function<int64_t()> clock, std::shared_ptr<const Upstream> upstream,
                         const HealthCheckSettings& settings)
    : context_(context),
      wheel_(wheel),
      clock_(std::move(clock)),
      upstream_(std::move(upstream)),
      settings_(settings),
      reader_(HeadReader::Kind::kResponse, {}) {}

HealthProbe::~HealthProbe() {
  if (channel_ != nullptr) channel_->Close();
}

void HealthProbe::Begin() {
  wheel_->Set(this, clock_() + absl::ToInt64Nanoseconds(settings_.timeout));
  const SocketAddress& to = upstream_->addresses.front();
  const int descriptor = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Finish(false);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0 &&
      errno != EINPROGRESS) {
    close(descriptor);
    return Finish(false);
  }
  channel_ = std::make_shared<Channel>(*context_, descriptor, this);
  question_.Clear();
  answer_.Clear();
  reader_.ResetForAnswer(false);
  if (!settings_.path.empty())
    question_.Append(Concat("GET ", settings_.path, " HTTP/1.1\r\nHost: ", upstream_->name,
                            "\r\nUser-Agent: stockade-health\r\nConnection: close\r\n\r\n"));
  state_ = State::kConnect;
  channel_->WaitWrite();
}

void HealthProbe::OnReady(Channel*) {
  Go();
}

void HealthProbe::OnDeadline() {
  if (state_ == State::kResting) {
    Begin();
  } else {
    Finish(false);
  }
}

void HealthProbe::Go() {
  if (state_ == State::kConnect) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(channel_->descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
      return Finish(false);
    state_ = State::kAsk;
    if (upstream_->tls != nullptr) {
      SSL* tls = NewUpstreamConnection(upstream_->tls, *upstream_->settings.tls, upstream_->settings.at.host);
      if (tls == nullptr || channel_->StartTls(tls) != IoStatus::kOk) return Finish(false);
      state_ = State::kHandshake;
    }
  }
  if (state_ == State::kHandshake) {
    const IoStatus status = channel_->Handshake();
    if (status == IoStatus::kWantRead) return channel_->WaitRead();
    if (status == IoStatus::kWantWrite) return channel_->WaitWrite();
    if (status != IoStatus::kOk) return Finish(false);
    state_ = State::kAsk;
  }
  while (state_ == State::kAsk) {
    if (settings_.path.empty()) return Finish(true);
    if (question_.empty()) {
      state_ = State::kRead;
      break;
    }
    const IoResult sent = channel_->Write(question_.view());
    if (sent.status == IoStatus::kWantRead || sent.status == IoStatus::kWantWrite)
      return channel_->WaitWrite();
    if (sent.status != IoStatus::kOk) return Finish(false);
    question_.Consume(sent.bytes);
  }
  while (state_ == State::kRead) {
    const IoResult got = channel_->Read(answer_.ReadRoom());
    if (got.status == IoStatus::kWantRead) return channel_->WaitRead();
    if (got.status == IoStatus::kWantWrite) return channel_->WaitWrite();
    if (got.status != IoStatus::kOk) return Finish(false);
    answer_.Commit(got.bytes);
    const HeadProgress progress = reader_.Read(answer_.view());
    if (progress == HeadProgress::kMore) continue;
    const int status = reader_.response().view.status;
    return Finish(progress == HeadProgress::kDone && status >= 200 && status < 400);
  }
}

void HealthProbe::Finish(bool well) {
  if (channel_ != nullptr) channel_->Close();
  channel_ = nullptr;
  answer_.Clear();
  answer_.ReleaseIfEmpty();
  state_ = State::kResting;
  in_a_row_ = well ? std::max(in_a_row_, 0) + 1 : std::min(in_a_row_, 0) - 1;
  if (in_a_row_ >= settings_.successes_to_up) upstream_->healthy.store(true, std::memory_order_relaxed);
  if (-in_a_row_ >= settings_.failures_to_down) upstream_->healthy.store(false, std::memory_order_relaxed);
  wheel_->Set(this, clock_() + absl::ToInt64Nanoseconds(settings_.interval));
}

}  // namespace stockade
