// Real HAProxy in front of a socket of ours: the address that its PROXY headers (v1, v2, v2 with TLVs and checksum) and
// its X-Forwarded-For and Forwarded fields lead to is the one that curl came from.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapters/gateway/client_address.h"
#include "adapters/gateway/proxy_protocol.h"
#include "engine/text.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

// What one connection through HAProxy brought: its PROXY header (where one is expected), and the head of its request.
struct Arrival {
  Address socket_peer;
  ProxyHeaderRead header;
  std::string head;
  std::vector<HeaderField> fields;  // of head
};

std::unique_ptr<Arrival> Serve(Listener* listener, bool proxy_header) {
  const auto deadline = TestClock::now() + kTestDeadline;
  auto arrival = std::make_unique<Arrival>();
  sockaddr_in from{};
  const Socket connection = listener->Accept(deadline, &from);
  arrival->socket_peer = Address::V4(ntohl(from.sin_addr.s_addr));

  // One byte at a time: every cut of what HAProxy really sends is met.
  std::string bytes;
  while (bytes.find("\r\n\r\n", arrival->header.bytes) == std::string::npos ||
         (proxy_header && bytes.size() < 16)) {
    char byte;
    REQUIRE(IsReadable(connection.fd(), deadline));
    REQUIRE(read(connection.fd(), &byte, 1) == 1);
    bytes.push_back(byte);
    if (!proxy_header || arrival->header.state == ProxyHeaderState::kDone) continue;
    arrival->header = ReadProxyHeader(bytes);
    INFO("error " << Name(arrival->header.error));
    REQUIRE(arrival->header.state != ProxyHeaderState::kBroken);
    if (arrival->header.state == ProxyHeaderState::kMore) arrival->header.bytes = bytes.size();
  }
  WriteAll(connection, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  arrival->head = bytes.substr(proxy_header ? arrival->header.bytes : 0);
  VisitFields(arrival->head, [&](std::string_view name, std::string_view value) {
    arrival->fields.push_back({name, value});
  });
  return arrival;
}

// HAProxy in front of a listener of ours.
class Front {
 public:
  Front(const std::string& frontend, const std::string& server) {
    // A port is free until somebody else takes it in between; then HAProxy ends at once, and another is tried.
    for (int attempt = 0; attempt < 10 && !program_; ++attempt) {
      port_ = FreePort();
      const std::string config = folder_.Write(
          "haproxy.cfg",
          Concat("global\n  maxconn 64\ndefaults\n  mode http\n  timeout connect 10s\n  timeout client 10s\n",
                 "  timeout server 10s\nfrontend f\n  bind 127.0.0.1:", port_, "\n", frontend,
                 "  default_backend b\nbackend b\n  server s 127.0.0.1:", behind_.port(), " ", server, "\n"));
      auto started =
          std::make_unique<StartedProgram>(std::vector<std::string>{"haproxy", "-db", "-f", config});
      if (ComesToAnswer(port_)) program_ = std::move(started);
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
    auto arrival = Serve(&behind_, proxy_header);
    const auto [code, text] = asking.Finish();
    INFO(text);
    REQUIRE(code == 0);
    return arrival;
  }

 private:
  TemporaryFolder folder_;
  Listener behind_;
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
