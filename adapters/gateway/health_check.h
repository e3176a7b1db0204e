// Asks each upstream at intervals whether it is well: a connection that opens (and its TLS handshake) or, with a path, a
// GET whose answer is 2xx or 3xx. So many failures in a row take it out of the turn, so many successes put it back.
//
// Threads: one worker's, which owns it. Never blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/gateway/channel.h"
#include "adapters/gateway/deadline_wheel.h"
#include "adapters/gateway/head_reader.h"
#include "adapters/gateway/proxy_state.h"
#include "adapters/gateway/wire_buffer.h"

namespace stockade {

class HealthProbe final : public ChannelOwner, public DeadlineWheel::Entry {
 public:
  HealthProbe(boost::asio::io_context* context, DeadlineWheel* wheel, std::function<int64_t()> clock,
              std::shared_ptr<const Upstream> upstream, const HealthCheckSettings& settings);
  ~HealthProbe() override;

  // Asks now, and then by itself.
  void Begin();

 private:
  enum class State : uint8_t { kResting, kConnect, kHandshake, kAsk, kRead };
  void OnReady(Channel* channel) override;
  void OnDeadline() override;
  void Go();
  void Finish(bool well);

  boost::asio::io_context* context_;
  DeadlineWheel* wheel_;
  std::function<int64_t()> clock_;
  std::shared_ptr<const Upstream> upstream_;
  HealthCheckSettings settings_;
  State state_ = State::kResting;
  std::shared_ptr<Channel> channel_;
  WireBuffer question_, answer_;
  HeadReader reader_;
  int in_a_row_ = 0;  // failures below zero, successes above
};

}  // namespace stockade
