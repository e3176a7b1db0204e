// One call's exchanges with one HAProxy: each has its time, all of them together have theirs; and what its error texts mean.
//
// One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/firewall/haproxy_socket.h"

namespace stockade {

// One line of commands, or one command with its payload: half of HAProxy's default tune.bufsize, which some lower.
inline constexpr size_t kHaproxyLineBytesMax = size_t{8} << 10;

class HaproxyCall {
 public:
  // `at` outlives the call.
  HaproxyCall(const Endpoint& at, absl::Duration answer_time, absl::Duration call_time)
      : at_(at),
        answer_time_(absl::ToChronoMilliseconds(answer_time)),
        deadline_(std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(call_time)) {}

  // The whole answer to a line of commands, or to one with a payload.
  absl::StatusOr<std::string> Ask(std::string_view commands) const {
    return AskHaproxy(at_, commands, std::min(deadline_, std::chrono::steady_clock::now() + answer_time_));
  }
  // Runs commands that say nothing when they are carried out, many a line. `complained(i, text)` is called where the i-th
  // said something, and gives the status that means; the first that is not OK ends it.
  absl::Status Run(const std::vector<std::string>& commands,
                   const std::function<absl::Status(size_t, std::string_view)>& complained) const;

 private:
  const Endpoint& at_;
  std::chrono::milliseconds answer_time_;
  SteadyTime deadline_;
};

// What HAProxy's complaint about `name` (a map or a table) means to who runs it.
absl::Status HaproxyError(std::string_view complaint, std::string_view name);

}  // namespace stockade
