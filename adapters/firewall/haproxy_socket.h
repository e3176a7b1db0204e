// One exchange with HAProxy's runtime API over its stats socket: commands out, all it answers in. A connection each, as its
// manual means it for programs (non-interactive mode): HAProxy answers one line of commands and closes, so that the end of
// an answer needs no guessing.
//
// Blocks until the answer is whole or the deadline has come. Errors: Unavailable (no socket there, refused, cut off),
// DeadlineExceeded, ResourceExhausted (an answer beyond kHaproxyAnswerBytesMax); each names the socket and what to do. Any
// thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/http/endpoint_address.h"

namespace stockade {

using SteadyTime = std::chrono::steady_clock::time_point;

// A map of a million entries of 60 bytes, and twice that.
inline constexpr size_t kHaproxyAnswerBytesMax = size_t{128} << 20;

// Whether `at` can be connected to without asking a name server, which could hang for longer than a call may.
absl::Status CheckHaproxyEndpoint(const Endpoint& at);

// Sends `commands` (which end with a line end) and reads to the end. Answers hold no zero bytes and are at least "\n" here.
absl::StatusOr<std::string> AskHaproxy(const Endpoint& at, std::string_view commands, SteadyTime deadline);

}  // namespace stockade
