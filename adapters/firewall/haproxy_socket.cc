#include "adapters/firewall/haproxy_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "adapters/owned_file.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;

absl::Status Failed(const Endpoint& at, std::string_view what, int error) {
  return absl::UnavailableError(Concat("HAProxy's socket ", ToString(at), " ", what, ": ",
                                       std::strerror(error),
                                       ". Is HAProxy up, with `stats socket … level admin` there, and may "
                                       "this program use it?"));
}

// Waits until something of `events` can be done; DeadlineExceeded where that takes too long.
absl::Status Await(const Endpoint& at, int file, short events, SteadyTime deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    if (left <= 0) break;
    pollfd waiting{file, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Failed(at, "failed", errno);
  }
  return absl::DeadlineExceededError(Concat(
      "HAProxy's socket ", ToString(at),
      " did not answer in time. Does the process hang, or do others hold all of its connections (maxconn)?"));
}

// The system's form of where to connect to.
struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&bytes); }
};

bool Fill(const Endpoint& at, SocketAddress* address) {
  if (at.is_unix()) {
    sockaddr_un unix_address{};
    unix_address.sun_family = AF_UNIX;
    if (at.unix_path.size() >= sizeof unix_address.sun_path) return false;
    std::memcpy(unix_address.sun_path, at.unix_path.data(), at.unix_path.size());
    std::memcpy(&address->bytes, &unix_address, sizeof unix_address);
    address->size = sizeof unix_address;
    return true;
  }
  const std::string host = at.host == "localhost" ? "127.0.0.1" : at.host;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(at.port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&address->bytes, &v4, sizeof v4);
    address->size = sizeof v4;
    return true;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(at.port);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return false;
  std::memcpy(&address->bytes, &v6, sizeof v6);
  address->size = sizeof v6;
  return true;
}

}  // namespace

absl::Status CheckHaproxyEndpoint(const Endpoint& at) {
  SocketAddress address;
  if (IsSet(at) && Fill(at, &address)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "HAProxy's socket must be unix:/run/haproxy/admin.sock, or an address and a port (no name)");
}

absl::StatusOr<std::string> AskHaproxy(const Endpoint& at, std::string_view commands, SteadyTime deadline) {
  SocketAddress address;
  if (!Fill(at, &address)) return CheckHaproxyEndpoint(at);
  const OwnedFile file(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (file.get() < 0) return Failed(at, "cannot be made", errno);
  while (connect(file.get(), address.get(), address.size) != 0) {
    if (errno == EINTR || errno == EAGAIN) {
      // A unix socket whose backlog is full says so at once and has no event for when it is not.
      if (std::chrono::steady_clock::now() >= deadline) return Await(at, file.get(), 0, deadline);
      poll(nullptr, 0, 10);
      continue;
    }
    if (errno == EISCONN) break;
    if (errno != EINPROGRESS && errno != EALREADY) return Failed(at, "cannot be connected to", errno);
    RETURN_IF_ERROR(Await(at, file.get(), POLLOUT, deadline));
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(file.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return Failed(at, "cannot be connected to", error);
    break;
  }
  // An answer may come, and the connection end, before all is written: then what was said is the better message.
  int write_error = 0;
  while (!commands.empty()) {
    const ssize_t size = send(file.get(), commands.data(), commands.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      commands.remove_prefix(static_cast<size_t>(size));
    } else if (errno == EAGAIN) {
      RETURN_IF_ERROR(Await(at, file.get(), POLLOUT, deadline));
    } else if (errno != EINTR) {
      write_error = errno;
      break;
    }
  }
  std::string answer;
  std::vector<char> buffer(kReadBytes);
  while (true) {
    const ssize_t size = recv(file.get(), buffer.data(), buffer.size(), 0);
    if (size == 0) break;
    if (size > 0) {
      answer.append(buffer.data(), static_cast<size_t>(size));
      if (answer.size() > kHaproxyAnswerBytesMax) {
        return absl::ResourceExhaustedError(Concat("HAProxy's socket ", ToString(at),
                                                   " answered with more than ", kHaproxyAnswerBytesMax >> 20,
                                                   " MiB; a map beyond a million entries is not kept"));
      }
    } else if (errno == EAGAIN) {
      RETURN_IF_ERROR(Await(at, file.get(), POLLIN, deadline));
    } else if (errno != EINTR) {
      if (answer.empty()) return Failed(at, "was cut off", errno);
      break;
    }
  }
  if (answer.empty())
    return Failed(at, "closed without an answer", write_error != 0 ? write_error : ECONNRESET);
  return answer;
}

}  // namespace stockade
