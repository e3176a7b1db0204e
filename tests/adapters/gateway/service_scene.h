// What tests of our own HTTP services share: a desk that answers as it is told, requests built by hand, and one exchange
// over a real socket with a deadline.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/gateway/gate_desk.h"
#include "adapters/http/http_service.h"
#include "engine/event/login_event.h"

namespace stockade {

// Says what it is told to say, and remembers what it was asked and told.
class FakeDesk final : public GateDesk {
 public:
  GateAnswer Assess(const Attempt& attempt) override {
    const std::lock_guard lock(mutex);
    LoginEvent event;
    event.attempt = attempt;
    asked.emplace_back(event);
    return answer;
  }
  void Observe(uint64_t ticket, Outcome outcome) override {
    const std::lock_guard lock(mutex);
    told.emplace_back(ticket, outcome);
  }
  void Abandon(uint64_t) override {}
  void NoteChallengePassed(ChallengeKind kind, std::string_view account, const Address& source,
                           std::string_view device) override {
    passed.push_back(std::string(Name(kind)) + " " + std::string(account) + " " + source.ToString() + " " +
                     std::string(device));
  }

  std::mutex mutex;
  GateAnswer answer{VerdictKind::kAllow, ChallengeKind::kHuman, true, false, "", "", 17};
  std::vector<OwnedEvent> asked;
  std::vector<std::pair<uint64_t, Outcome>> told;
  std::vector<std::string> passed;
};

// A request and what its views point into.
struct HandMade {
  HandMade(std::string method_in, std::string target_in,
           std::vector<std::pair<std::string, std::string>> fields_in = {}, std::string body_in = "")
      : method(std::move(method_in)),
        target(std::move(target_in)),
        fields(std::move(fields_in)),
        body(std::move(body_in)) {}

  ServiceRequest Request() {
    views.clear();
    for (const auto& [name, value] : fields) views.push_back({name, value});
    ServiceRequest request;
    request.head = {method, target, views};
    request.body = std::span<char>(body.data(), body.size());
    request.peer = peer;
    request.is_local = is_local;
    return request;
  }

  std::string method, target;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  Address peer = *Address::Parse("127.0.0.1");
  bool is_local = true;
  std::vector<HeaderField> views;
};

// A reply as text: status, fields in their order, body.
inline std::string TextOf(const ServiceReply& reply) {
  std::string text = std::to_string(reply.status) + "\n";
  for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\n";
  return text + "\n" + reply.body;
}

// A connection that fails the test when nothing comes for ten seconds.
class TestClient {
 public:
  explicit TestClient(uint16_t port) : file_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  explicit TestClient(const std::string& path) : file_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~TestClient() { close(file_); }
  TestClient(const TestClient&) = delete;

  void Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(file_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the other side has had enough: the answer says why
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // What comes until `end` has, or the connection ends.
  std::string ReadUntil(std::string_view end) {
    std::string text;
    while (end.empty() || text.find(end) == std::string::npos) {
      pollfd waiting = {file_, POLLIN, 0};
      REQUIRE(poll(&waiting, 1, 10'000) == 1);
      char bytes[4096];
      const ssize_t got = recv(file_, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      text.append(bytes, static_cast<size_t>(got));
    }
    return text;
  }
  std::string ReadAll() { return ReadUntil(""); }

 private:
  int file_;
};

}  // namespace stockade
