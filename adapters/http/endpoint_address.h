// An address to listen on or to connect to, and its text form.
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stockade {

// "127.0.0.1:8443", "[::1]:8443", "localhost:80", or "unix:/run/x.sock".
struct Endpoint {
  std::string host;  // empty for a unix socket
  uint16_t port = 0;
  std::string unix_path;

  bool is_unix() const noexcept { return !unix_path.empty(); }
};

// "127.0.0.1:8443", "[::1]:8443", "localhost:80", "unix:/run/x.sock". Errors say what would be right.
absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text);
std::string ToString(const Endpoint& endpoint);

// Whether one was set at all.
inline bool IsSet(const Endpoint& endpoint) noexcept {
  return endpoint.port != 0 || endpoint.is_unix();
}
// Whether only this machine can reach it: a unix socket, an address of 127.0.0.0/8, ::1, or localhost.
bool IsLoopback(const Endpoint& endpoint);

}  // namespace stockade
