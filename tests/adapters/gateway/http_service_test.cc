// Proves that the small listener answers whole requests in order, over TCP and unix sockets, holds its limits, and stops
// without leaving anybody half answered.
#include "adapters/http/http_service.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "adapters/http/service_replies.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"

namespace stockade {
namespace {

ServiceReply Echo(const ServiceRequest& request) {
  std::string text = std::string(request.head.method) + " " + std::string(request.head.target) + " " +
                     std::string(request.body_text()) + " " + (request.is_local ? "local" : "remote");
  return {200, {{"X-Twice", "1"}, {"X-Twice", "2"}}, text};
}

std::unique_ptr<HttpService> StartEcho(HttpServiceOptions options = {}) {
  if (!options.at.is_unix()) options.at.host = "127.0.0.1";
  auto service = HttpService::Start(options, Echo);
  INFO(service.status());
  REQUIRE(service.ok());
  return std::move(*service);
}

TEST_CASE("requests of one connection are answered in order, pipelined or not", "[gateway][service]") {
  const auto service = StartEcho();
  TestClient client(service->port());
  client.Send(
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
      "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
  const std::string both = client.ReadUntil("two local");
  CHECK(both.find("POST /a one local") < both.find("POST /b two local"));
  CHECK(both.find("X-Twice: 1\r\nX-Twice: 2\r\n") != std::string::npos);
  client.Send("HEAD /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = client.ReadAll();
  CHECK(head.find("Content-Length: 14\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("what is too large, broken or of two lengths is refused and the connection closed",
          "[gateway][service]") {
  HttpServiceOptions options;
  options.header_bytes_max = 2048;
  options.body_bytes_max = 100;
  const auto service = StartEcho(options);
  const auto status_of = [&](const std::string& request) {
    TestClient client(service->port());
    client.Send(request);
    return client.ReadAll().substr(0, 12);
  };
  CHECK(status_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n") == "HTTP/1.1 413");
  CHECK(status_of("GET / HTTP/1.1\r\nX: " + std::string(4000, 'a') + "\r\n\r\n") == "HTTP/1.1 431");
  CHECK(status_of("GET  / HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
  CHECK(status_of("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
        "HTTP/1.1 400");
  CHECK(status_of("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n") == "HTTP/1.1 400");
}

TEST_CASE("a slow client and an idle one are cut off by their times", "[gateway][service]") {
  HttpServiceOptions options;
  options.request_time = absl::Milliseconds(200);
  options.idle_time = absl::Milliseconds(200);
  const auto service = StartEcho(options);
  TestClient idle(service->port());
  CHECK(idle.ReadAll().empty());
  TestClient slow(service->port());
  slow.Send("GET / HTTP/1.1\r\nHost");
  CHECK(slow.ReadAll().empty());
}

TEST_CASE("no more connections than the limit are open", "[gateway][service]") {
  HttpServiceOptions options;
  options.connections_max = 2;
  const auto service = StartEcho(options);
  TestClient first(service->port());
  TestClient second(service->port());
  first.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  second.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  first.ReadUntil("local");
  second.ReadUntil("local");
  TestClient third(service->port());
  CHECK(third.ReadAll().empty());
}

TEST_CASE("who holds connections and is never answered with a success shuts nobody out",
          "[gateway][service]") {
  HttpServiceOptions options;
  options.connections_max = 3;
  auto made = HttpService::Start(options, [](const ServiceRequest& request) {
    return request.head.path() == "/known" ? Plain(200, "welcome") : Plain(403, "who are you?");
  });
  REQUIRE(made.ok());
  const uint16_t port = (*made)->port();
  TestClient known(port);
  known.Send("GET /known HTTP/1.1\r\nHost: x\r\n\r\n");
  known.ReadUntil("welcome");
  TestClient silent(port);
  TestClient stranger(port);
  stranger.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  stranger.ReadUntil("who are you?");
  for (int i = 0; i < 5; ++i) {
    TestClient newcomer(port);
    newcomer.Send("GET /known HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(newcomer.ReadAll().find("welcome") != std::string::npos);
  }
  CHECK(silent.ReadAll().empty());  // the oldest of them
  known.Send("GET /known HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(known.ReadUntil("welcome").find("welcome") != std::string::npos);
}

TEST_CASE("clients who do not read what they asked for hold a bounded part of memory", "[gateway][service]") {
  HttpServiceOptions options;
  options.at.host = "127.0.0.1";
  options.reply_bytes_max = 1000;
  // More than sockets hold.
  const std::string large(size_t{32} << 20, 'x');
  auto service = HttpService::Start(options, [&large](const ServiceRequest& request) {
    return ServiceReply{200, {}, request.head.target == "/large" ? large : "small"};
  });
  REQUIRE(service.ok());
  const auto ask = [&](TestClient* client) {
    client->Send("GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client->ReadAll();
  };
  {
    TestClient stalled((*service)->port());
    stalled.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    stalled.ReadUntil("200 OK");
    TestClient other((*service)->port());
    const std::string told = ask(&other);
    CHECK(told.starts_with("HTTP/1.1 503"));
    CHECK(told.find("Retry-After: ") != std::string::npos);
  }
  // Gone, it holds nothing.
  CHECK(WaitUntil([&] {
    TestClient other((*service)->port());
    return ask(&other).ends_with("small");
  }));
}

TEST_CASE("a request that is too large is told how large one may be", "[gateway][service]") {
  HttpServiceOptions options;
  options.body_bytes_max = 10;
  const auto service = StartEcho(options);
  TestClient client(service->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890");
  const std::string answer = client.ReadAll();
  CHECK(answer.starts_with("HTTP/1.1 413"));
  CHECK(answer.find("10 bytes; send it in parts") != std::string::npos);
}

TEST_CASE("a unix socket serves, replaces a dead one, and goes with its service", "[gateway][service]") {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("stockade_service_" + std::to_string(getpid()))).string();
  HttpServiceOptions options;
  options.at.unix_path = path;
  {
    const auto service = StartEcho(options);
    TestClient client(path);
    client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.ReadUntil("local").find(" local") != std::string::npos);
    const auto second = HttpService::Start(options, Echo);
    CHECK_FALSE(second.ok());
    CHECK(second.status().message().find(path) != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(path));
  {
    // A socket that nobody listens on any more.
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(bind(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    close(file);
  }
  const auto service = StartEcho(options);
  TestClient client(path);
  client.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(client.ReadAll().find(" local") != std::string::npos);
}

TEST_CASE("a port that is taken is an error that names it", "[gateway][service]") {
  const auto service = StartEcho();
  HttpServiceOptions options;
  options.at.host = "127.0.0.1";
  options.at.port = service->port();
  const auto second = HttpService::Start(options, Echo);
  REQUIRE_FALSE(second.ok());
  CHECK(second.status().message().find(std::to_string(service->port())) != std::string::npos);
}

TEST_CASE("a stop closes idle connections and finishes requests that are under way", "[gateway][service]") {
  auto service = StartEcho();
  TestClient idle(service->port());
  idle.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.ReadUntil("local");
  // One request, and in the same breath the begin of another: when the first is answered, the second is under way.
  TestClient busy(service->port());
  busy.Send(
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
  busy.ReadUntil("local");
  std::thread stopping([&service] { service->Stop(); });
  CHECK(idle.ReadAll().empty());
  busy.Send("cd");
  const std::string answer = busy.ReadAll();
  CHECK(answer.find("POST / abcd local") != std::string::npos);
  CHECK(answer.find("Connection: close") != std::string::npos);
  stopping.join();
}

// Replies that the test gives later, from its own thread.
class LateReplies {
 public:
  std::optional<ServiceReply> Answer(const ServiceRequest& request, const ServiceLater& later) {
    if (!request.head.target.starts_with("/late")) return Echo(request);
    const std::lock_guard lock(mutex_);
    held_.emplace_back(std::string(request.head.target), later());
    changed_.notify_all();
    return std::nullopt;
  }
  ServiceReplyTo Await(size_t n) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::system_clock::now() + std::chrono::seconds(60);
    while (held_.size() <= n)
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
    REQUIRE(held_.size() > n);
    return held_[n].second;
  }
  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  std::unique_ptr<HttpService> Start(HttpServiceOptions options = {}) {
    options.at.host = "127.0.0.1";
    auto service = HttpService::Start(
        options,
        [this](const ServiceRequest& request, const ServiceLater& later) { return Answer(request, later); });
    REQUIRE(service.ok());
    return std::move(*service);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::string, ServiceReplyTo>> held_;
};

TEST_CASE("a reply may come later, in its place among pipelined ones, and others do not wait for it",
          "[gateway][service]") {
  LateReplies late;
  const auto service = late.Start();
  TestClient client(service->port());
  client.Send(
      "POST /late/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
      "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
      "HEAD /late/2 HTTP/1.1\r\nHost: x\r\n\r\n");
  const ServiceReplyTo first = late.Await(0);
  TestClient other(service->port());
  other.Send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(other.ReadUntil("local"), Catch::Contains("GET /other"));
  CHECK(late.held() == 1);  // what comes behind is not even asked about
  first({200, {}, "the first"});
  first({200, {}, "twice"});
  const std::string both = client.ReadUntil("local");
  CHECK(both.find("the first") < both.find("GET /now"));
  CHECK(both.find("twice") == std::string::npos);
  late.Await(1)({200, {}, "unseen"});
  first({200, {}, "for another request"});
  const std::string head = client.ReadUntil("\r\n\r\n");
  CHECK_THAT(head, Catch::Contains("Content-Length: 6\r\n"));
  client.Send("GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK_THAT(client.ReadAll(), Catch::Contains("GET /end") && !Catch::Contains("another"));
}

TEST_CASE("a reply that does not come in time is cut off, and is for nobody when it comes",
          "[gateway][service]") {
  LateReplies late;
  HttpServiceOptions options;
  options.request_time = absl::Milliseconds(200);
  auto service = late.Start(options);
  {
    TestClient client(service->port());
    client.Send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.ReadAll().empty());
  }
  const ServiceReplyTo reply = late.Await(0);
  reply({200, {}, "late"});
  TestClient leaving(service->port());
  leaving.Send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  const ServiceReplyTo second = late.Await(1);
  service->Stop();
  second({200, {}, "stopped"});
  service.reset();
  reply({200, {}, "gone"});
}

TEST_CASE("a stop waits for a reply that is under way", "[gateway][service]") {
  LateReplies late;
  auto service = late.Start();
  TestClient client(service->port());
  client.Send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  const ServiceReplyTo reply = late.Await(0);
  std::thread stopping([&service] { service->Stop(); });
  reply({200, {}, "in time"});
  const std::string answer = client.ReadUntil("in time");
  CHECK_THAT(answer, Catch::Contains("200"));
  stopping.join();
}

TEST_CASE("secrets are equal only if all their bytes are", "[gateway][service]") {
  CHECK(EqualSecrets("abc", "abc"));
  CHECK_FALSE(EqualSecrets("abc", "abd"));
  CHECK_FALSE(EqualSecrets("abc", "ab"));
  CHECK(EqualSecrets("", ""));
}

}  // namespace
}  // namespace stockade
