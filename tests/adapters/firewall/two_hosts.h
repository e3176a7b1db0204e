// Two hosts that the test makes of two network namespaces and a cable (veth): the process itself becomes the server and never
// sees the machine's own network again; a child of its own holds the client's. Everything goes with the process.
//
//   const TwoHosts hosts;             skips the test program where it may not make them
//   hosts.Arrives("10.9.1.7")         a TCP connection from there to the server's port comes about
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>

#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {

[[noreturn]] inline void SkipTest(const std::string& why) {
  std::cout << "skipped: " << why << "\n" << std::flush;
  std::_Exit(77);
}

inline sockaddr_storage AddressOf(const std::string& text, uint16_t port, socklen_t* bytes) {
  sockaddr_storage storage{};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *bytes = sizeof *v4;
  } else {
    REQUIRE(inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *bytes = sizeof *v6;
  }
  return storage;
}

class TwoHosts {
 public:
  static constexpr uint16_t kPort = 8443;
  static constexpr uint16_t kOtherPort = 22;
  static constexpr const char* kServerV4 = "10.9.0.1";
  static constexpr const char* kServerV6 = "fd09::1";

  TwoHosts() {
    for (const char* program : {"ip", "nsenter", "nft"}) RequireProgram(program);
    if (geteuid() != 0) SkipTest("network namespaces need root");
    if (unshare(CLONE_NEWNET) != 0) SkipTest(std::string("no network namespace: ") + std::strerror(errno));
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const char ok = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      if (write(ready[1], &ok, 1) != 1) _exit(1);
      while (true) pause();
    }
    char ok = 'n';
    REQUIRE(read(ready[0], &ok, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    REQUIRE(ok == 'y');
    const std::string pid = std::to_string(child_);
    // No address is looked for twice in the neighbourhood, which would take seconds.
    Run("ip link set lo up && ip link add left type veth peer name right && ip link set right netns " + pid);
    Run("ip addr add 10.9.0.1/32 dev left && ip -6 addr add fd09::1/128 dev left nodad && ip link set left "
        "up");
    Run("ip route add 10.9.0.0/16 dev left && ip -6 route add fd09::/16 dev left");
    RunAsClient("ip link set lo up && ip link set right up");
    RunAsClient("ip route add 10.9.0.1/32 dev right && ip -6 route add fd09::1/128 dev right");
    for (const uint16_t port : {kPort, kOtherPort}) {
      Listen(AF_INET, port);
      Listen(AF_INET6, port);
    }
  }
  TwoHosts(const TwoHosts&) = delete;
  TwoHosts& operator=(const TwoHosts&) = delete;
  ~TwoHosts() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    for (const int fd : listeners_) close(fd);
  }

  static void Run(const std::string& command) {
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0);
  }
  void RunAsClient(const std::string& command) const {
    Run("nsenter -t " + std::to_string(child_) + " -n sh -c '" + command + "'");
  }
  static std::string Output(const std::string& command) {
    std::string all;
    FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, n);
    pclose(pipe);
    return all;
  }
  std::string client_namespace() const { return "/proc/" + std::to_string(child_) + "/ns/net"; }

  // Gives the client an address; once each.
  void Own(const std::string& source) const {
    const bool v6 = source.find(':') != std::string::npos;
    RunAsClient((v6 ? "ip -6 addr add " : "ip addr add ") + source +
                (v6 ? "/128 dev right nodad" : "/32 dev right"));
  }

  // A connection under way from `source` to the server.
  Socket Connect(const std::string& source, uint16_t port = kPort) const {
    const bool v6 = source.find(':') != std::string::npos;
    int fd = -1;
    std::thread([&] {  // a socket is of the namespace its thread was in when it was made
      const int file = open(client_namespace().c_str(), O_RDONLY | O_CLOEXEC);
      if (file >= 0 && setns(file, CLONE_NEWNET) == 0)
        fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      close(file);
    })
        .join();
    REQUIRE(fd >= 0);
    Socket client(fd);
    socklen_t bytes = 0;
    const sockaddr_storage from = AddressOf(source, 0, &bytes);
    INFO(source);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&from), bytes) == 0);
    const sockaddr_storage to = AddressOf(v6 ? kServerV6 : kServerV4, port, &bytes);
    const int failed = connect(fd, reinterpret_cast<const sockaddr*>(&to), bytes);
    REQUIRE((failed == 0 || errno == EINPROGRESS));
    return client;
  }
  // 0: the connection stands; else why not, ETIMEDOUT if neither until the deadline.
  static int Outcome(const Socket& client, TestClock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - TestClock::now()).count();
    pollfd waiting{client.fd(), POLLOUT, 0};
    if (poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0))) != 1) return ETIMEDOUT;
    int error = 0;
    socklen_t bytes = sizeof error;
    REQUIRE(getsockopt(client.fd(), SOL_SOCKET, SO_ERROR, &error, &bytes) == 0);
    return error;
  }
  bool Arrives(const std::string& source, uint16_t port = kPort) const {
    return Outcome(Connect(source, port), TestClock::now() + kTestDeadline) == 0;
  }

 private:
  void Listen(int family, uint16_t port) {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = 0;
    const sockaddr_storage at = AddressOf(family == AF_INET ? kServerV4 : kServerV6, port, &bytes);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&at), bytes) == 0);
    REQUIRE(listen(fd, 1024) == 0);  // the kernel accepts; nobody need
    listeners_.push_back(fd);
  }

  pid_t child_ = -1;
  std::vector<int> listeners_;
};

}  // namespace stockade
