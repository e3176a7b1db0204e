// Sockets of 127.0.0.1 for tests that stand behind or in front of real programs.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace stockade {

using TestClock = std::chrono::steady_clock;
// Long enough for a loaded machine; nothing waits for it where all is well.
inline constexpr auto kTestDeadline = std::chrono::seconds(20);

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  static Socket Tcp() { return Socket(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
  int fd() const { return fd_; }

 private:
  int fd_;
};

inline sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

inline bool IsReadable(int fd, TestClock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - TestClock::now()).count();
  pollfd waiting{fd, POLLIN, 0};
  return left > 0 && poll(&waiting, 1, static_cast<int>(left)) == 1;
}

// Listens on a free port.
class Listener {
 public:
  Listener() {
    sockaddr_in address = Loopback(0);
    REQUIRE(bind(socket_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(socket_.fd(), 64) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  int fd() const { return socket_.fd(); }
  uint16_t port() const { return port_; }
  // The next connection; `from`: who it is.
  Socket Accept(TestClock::time_point deadline, sockaddr_in* from = nullptr) {
    REQUIRE(IsReadable(socket_.fd(), deadline));
    sockaddr_in address{};
    socklen_t size = sizeof address;
    Socket connection(accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC));
    REQUIRE(connection.fd() >= 0);
    if (from != nullptr) *from = address;
    return connection;
  }

 private:
  Socket socket_ = Socket::Tcp();
  uint16_t port_ = 0;
};

// A port that is free now; somebody else may take it, so whoever starts a server on it tries again.
inline uint16_t FreePort() {
  return Listener().port();
}

// Whether somebody takes connections on this port, at the latest by the deadline.
inline bool ComesToAnswer(uint16_t port) {
  for (const auto deadline = TestClock::now() + kTestDeadline; TestClock::now() < deadline;
       poll(nullptr, 0, 10)) {
    const Socket socket = Socket::Tcp();
    const sockaddr_in address = Loopback(port);
    if (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  }
  return false;
}

inline void WriteAll(const Socket& socket, std::string_view bytes) {
  REQUIRE(write(socket.fd(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

// Calls `visit(name, value)` for each field line of a well-formed head.
template <typename Visit>
void VisitFields(std::string_view head, Visit&& visit) {
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.starts_with("\r\n")) {
    const size_t end = head.find("\r\n");
    const size_t colon = head.find(": ");
    REQUIRE(end != std::string_view::npos);
    // An empty value may stand without its space.
    if (colon < end) {
      visit(head.substr(0, colon), head.substr(colon + 2, end - colon - 2));
    } else {
      visit(head.substr(0, head.find(':')), std::string_view());
    }
    head.remove_prefix(end + 2);
  }
}

}  // namespace stockade
