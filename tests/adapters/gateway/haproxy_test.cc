// Real HAProxy in front of a socket of ours: the address that its PROXY headers (v1, v2, v2 with TLVs and checksum) and
// its X-Forwarded-For and Forwarded fields lead to is the one that curl came from.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "adapters/gateway/client_address.h"
#include "adapters/gateway/proxy_protocol.h"
#include "engine/text.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kDeadline = std::chrono::seconds(20);

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

// A listening socket on a free port of 127.0.0.1.
struct Listener {
  Socket socket;
  uint16_t port;
};
Listener Listen() {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(socket.fd(), 64) == 0);
  socklen_t size = sizeof address;
  REQUIRE(getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return {std::move(socket), ntohs(address.sin_port)};
}

bool Readable(int fd, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd waiting{fd, POLLIN, 0};
  return left > 0 && poll(&waiting, 1, static_cast<int>(left)) == 1;
}

// What one connection through HAProxy brought: its PROXY header (where one is expected), and the head of its request.
struct Arrival {
  Address socket_peer;
  ProxyHeaderRead header;
  std::string head;
  std::vector<HeaderField> fields;  // of head
};

std::unique_ptr<Arrival> Serve(const Listener& listener, bool proxy_header) {
  const auto deadline = Clock::now() + kDeadline;
  auto arrival = std::make_unique<Arrival>();
  REQUIRE(Readable(listener.socket.fd(), deadline));
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const Socket connection(
      accept4(listener.socket.fd(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC));
  REQUIRE(connection.fd() >= 0);
  arrival->socket_peer = Address::V4(ntohl(from.sin_addr.s_addr));

  // One byte at a time: every cut of what HAProxy really sends is met.
  std::string bytes;
  while (bytes.find("\r\n\r\n", arrival->header.bytes) == std::string::npos ||
         (proxy_header && bytes.size() < 16)) {
    char byte;
    REQUIRE(Readable(connection.fd(), deadline));
    REQUIRE(read(connection.fd(), &byte, 1) == 1);
    bytes.push_back(byte);
    if (!proxy_header || arrival->header.state == ProxyHeaderState::kDone) continue;
    arrival->header = ReadProxyHeader(bytes);
    INFO("error " << Name(arrival->header.error));
    REQUIRE(arrival->header.state != ProxyHeaderState::kBroken);
    if (arrival->header.state == ProxyHeaderState::kMore) arrival->header.bytes = bytes.size();
  }
  const std::string_view answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
  REQUIRE(write(connection.fd(), answer.data(), answer.size()) == static_cast<ssize_t>(answer.size()));
  arrival->head = bytes.substr(proxy_header ? arrival->header.bytes : 0);
  std::string_view rest = arrival->head;
  rest.remove_prefix(rest.find("\r\n") + 2);
  while (!rest.starts_with("\r\n")) {
    const size_t end = rest.find("\r\n");
    const size_t colon = rest.find(": ");
    REQUIRE(colon < end);
    arrival->fields.push_back({rest.substr(0, colon), rest.substr(colon + 2, end - colon - 2)});
    rest.remove_prefix(end + 2);
  }
  return arrival;
}

// HAProxy in front of a listener of ours.
class Front {
 public:
  Front(const std::string& frontend, const std::string& server) {
    // A port is free until somebody else takes it in between; then HAProxy ends at once, and another is tried.
    for (int attempt = 0; attempt < 10 && !program_; ++attempt) {
      port_ = Listen().port;
      const std::string config = folder_.Write(
          "haproxy.cfg",
          Concat("global\n  maxconn 64\ndefaults\n  mode http\n  timeout connect 10s\n  timeout client 10s\n",
                 "  timeout server 10s\nfrontend f\n  bind 127.0.0.1:", port_, "\n", frontend,
                 "  default_backend b\nbackend b\n  server s 127.0.0.1:", behind_.port, " ", server, "\n"));
      auto started =
          std::make_unique<StartedProgram>(std::vector<std::string>{"haproxy", "-db", "-f", config});
      if (Answers()) program_ = std::move(started);
    }
    REQUIRE(program_ != nullptr);
  }

  // A request by curl from this loopback address.
  std::unique_ptr<Arrival> Ask(const std::string& from, bool proxy_header,
                               const std::vector<std::string>& fields = {}) {
    std::vector<std::string> curl = {"curl",       "-s", "-S",          "--noproxy", "*",
                                     "--max-time", "20", "--interface", from};
    for (const std::string& field : fields) curl.insert(curl.end(), {"-H", field});
    curl.push_back(Concat("http://127.0.0.1:", port_, "/"));
    StartedProgram asking(curl);
    auto arrival = Serve(behind_, proxy_header);
    const auto [code, text] = asking.Finish();
    INFO(text);
    REQUIRE(code == 0);
    return arrival;
  }

 private:
  bool Answers() const {
    for (const auto deadline = Clock::now() + kDeadline; Clock::now() < deadline; poll(nullptr, 0, 10)) {
      const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(port_);
      if (connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
    }
    return false;
  }

  TemporaryFolder folder_;
  Listener behind_ = Listen();
  uint16_t port_ = 0;
  std::unique_ptr<StartedProgram> program_;
};

const std::vector<Prefix> kListed = {*Prefix::Parse("127.0.0.1")};

TEST_CASE("HAProxy's PROXY headers name the address that curl came from", "[gateway]") {
  RequireProgram("haproxy");
  RequireProgram("curl");
  const ClientAddressReader reader(kListed, ForwardingField::kNone);
  for (const char* how :
       {"send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority",
        "send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,crc32c"}) {
    INFO(how);
    // A unique id goes into a TLV of its own.
    Front front("  unique-id-format %{+X}o%pid-%rt\n", how);
    for (const char* from : {"127.0.0.2", "127.0.0.77", "127.1.2.3", "127.0.0.1"}) {
      const auto arrival = front.Ask(from, true);
      CHECK(arrival->socket_peer.ToString() == "127.0.0.1");
      CHECK(arrival->header.header.peer.ToString() == from);
      CHECK(arrival->header.header.peer_port != 0);
      CHECK_FALSE(arrival->header.header.tls);
      CHECK(arrival->head.starts_with("GET / HTTP/1.1\r\n"));
      CHECK(reader.ConnectionPeer(arrival->socket_peer, arrival->header.header).ToString() == from);
    }
  }
}

TEST_CASE("behind HAProxy's X-Forwarded-For a client cannot choose its address", "[gateway]") {
  RequireProgram("haproxy");
  RequireProgram("curl");
  Front front("  option forwardfor\n", "");
  const ClientAddressReader reader(kListed, ForwardingField::kXForwardedFor);
  for (const char* from : {"127.0.0.2", "127.9.9.9"}) {
    for (const char* lie :
         {"203.0.113.1", "127.0.0.1", "unknown", "\"", "1.2.3.4,", "127.0.0.1, 127.0.0.1"}) {
      INFO(from << " says " << lie);
      const auto arrival = front.Ask(from, false, {Concat("X-Forwarded-For: ", std::string_view(lie))});
      const ClientAddress client = reader.Read(arrival->socket_peer, arrival->fields);
      CHECK(client.address.ToString() == from);
      CHECK(client.stop == ClientAddress::Stop::kFound);
    }
  }
}

TEST_CASE("behind a Forwarded that HAProxy appends a client cannot choose its address", "[gateway]") {
  RequireProgram("haproxy");
  RequireProgram("curl");
  // HAProxy 2.6 has no option of its own for it (2.8 has).
  Front front("  http-request add-header Forwarded \"for=%[src];proto=http;host=\\\"a,b\\\"\"\n", "");
  const ClientAddressReader reader(kListed, ForwardingField::kForwarded);
  for (const char* lie : {"for=203.0.113.1", "for=\"", "for=127.0.0.1", "for=\"a\\"}) {
    INFO(lie);
    const auto arrival = front.Ask("127.0.0.9", false, {Concat("Forwarded: ", std::string_view(lie))});
    const ClientAddress client = reader.Read(arrival->socket_peer, arrival->fields);
    CHECK(client.address.ToString() == "127.0.0.9");
    CHECK(client.stop == ClientAddress::Stop::kFound);
  }
}

}  // namespace
}  // namespace stockade
