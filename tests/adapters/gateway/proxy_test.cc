// The proxy end to end, between a raw client and a raw upstream of the test's own: what passes, byte for byte; what the
// client sees when the upstream fails; what limits do; and what becomes of logins.
#include "adapters/gateway/proxy.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "engine/text.h"
#include "tests/adapters/gateway/proxy_scene.h"

namespace stockade {
namespace {

const std::string kWhence =
    "Via: 1.1 stockade\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
    "Forwarded: for=127.0.0.1;proto=http\r\n";

std::string Body(const std::string& message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}
std::string StatusOf(const std::string& answer) {
  return answer.substr(0, 12);
}

size_t ResidentKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  return 0;
}

TEST_CASE("requests of a kept connection reach the upstream as they came and are answered in order",
          "[proxy]") {
  RawUpstream upstream([](const std::string& request) { return Ok(request.substr(0, request.find('\r'))); });
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  // Pipelined: three at once.
  const std::string post =
      "POST /b HTTP/1.1\r\nHost: broker.example\r\nContent-Length: 5\r\nX-Odd:  two  words \r\n\r\nhello";
  REQUIRE(client.Send(Get("/a?x=%20") + post + Get("http://broker.example/c")));
  CHECK(Body(client.ReadAnswer()) == "GET /a?x=%20 HTTP/1.1");
  CHECK(Body(client.ReadAnswer()) == "POST /b HTTP/1.1");
  CHECK(Body(client.ReadAnswer()) == "GET /c HTTP/1.1");
  const auto requests = upstream.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0] == "GET /a?x=%20 HTTP/1.1\r\nHost: broker.example\r\n" + kWhence + "\r\n");
  CHECK(requests[1] ==
        "POST /b HTTP/1.1\r\nHost: broker.example\r\nContent-Length: 5\r\nX-Odd: two  words\r\n" + kWhence +
            "\r\nhello");
  // The health check's and one for all requests.
  CHECK(upstream.connections() <= 2);
  CHECK(scene.proxy->counts()[Count::kRequests] == 3);
}

TEST_CASE("what belongs to one hop is taken off, and what strangers say about who they are", "[proxy]") {
  RawUpstream upstream([](const std::string&) {
    return Ok("x", "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 2\r\nUpgrade: h2c\r\n");
  });
  const std::string fields =
      "Connection: keep-alive, X-Mine, Host, Upgrade\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
      "Proxy-Authorization: x\r\nUpgrade: h2c\r\nX-Forwarded-For: 6.6.6.6\r\nx_forwarded_for: 6.6.6.6\r\n"
      "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nVia: 1.0 before\r\n"
      "Client-Cert: :AA==:\r\nX_SSL_Client_Verify: SUCCESS\r\nX_Auth_User: root\r\nAuthorization: kept\r\n";
  {
    Scene scene(upstream.port(), [](GatewaySettings* s) { s->identity_headers = {"x-auth-*"}; });
    Wire client = scene.Connect();
    REQUIRE(client.Send(Get("/", fields)));
    CHECK(client.ReadAnswer() == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-End: 2\r\n\r\nx");
    CHECK(upstream.requests().back() ==
          "GET / HTTP/1.1\r\nHost: broker.example\r\nAuthorization: kept\r\nVia: 1.0 before, 1.1 stockade\r\n"
          "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nForwarded: "
          "for=127.0.0.1;proto=http\r\n\r\n");
  }
  Scene trusting(upstream.port(), [](GatewaySettings* s) {
    s->trusted_proxies = {*Prefix::Parse("127.0.0.0/8")};
    s->certificates.from_header = "rfc9440";
  });
  Wire client = trusting.Connect();
  REQUIRE(client.Send(
      Get("/", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nClient-Cert: :AA==:\r\n")));
  client.ReadAnswer();
  CHECK(upstream.requests().back() ==
        "GET / HTTP/1.1\r\nHost: broker.example\r\nX-Forwarded-Proto: https\r\nClient-Cert: :AA==:\r\n"
        "Via: 1.1 stockade\r\nX-Forwarded-For: 192.0.2.1, 127.0.0.1\r\nForwarded: "
        "for=192.0.2.1, for=127.0.0.1;proto=http\r\n\r\n");

  // A front maintains one field; what stands in another one, or in another spelling, is the client's own.
  REQUIRE(client.Send(Get("/",
                          "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
                          "X_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n")));
  client.ReadAnswer();
  CHECK(upstream.requests().back().find("6.6.6.6") == std::string::npos);
  CHECK(upstream.requests().back().find("X-Real-IP: 192.0.2.1\r\n") != std::string::npos);
}

TEST_CASE("no field makes the application read another message or path than the one that was judged",
          "[proxy]") {
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  REQUIRE(
      client.Send(Get("/a",
                      "Connection: Content-Type, Cookie, X-Mine\r\nContent-Type: text/a\r\nCookie: b=c\r\n"
                      "X-Mine: d\r\nX-Original-URL: /login\r\nX_Rewrite_Url: /login\r\n")));
  client.ReadAnswer();
  const std::string seen = upstream.requests().back();
  CHECK(seen.find("Content-Type: text/a\r\nCookie: b=c\r\n") != std::string::npos);
  CHECK(seen.find("X-Mine") == std::string::npos);
  CHECK(seen.find("/login") == std::string::npos);
}

TEST_CASE("chunked bodies and trailers pass unchanged in both directions", "[proxy]") {
  const std::string body = "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nDigest: abc\r\n\r\n";
  RawUpstream upstream([&](const std::string&) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n" + body;
  });
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  for (int round = 0; round < 2; ++round) {
    REQUIRE(client.Send("POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (const char byte : body) REQUIRE(client.Send(std::string_view(&byte, 1)));
    CHECK(client.ReadAnswer() ==
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n" + body);
    CHECK(Body(upstream.requests().back()) == body);
  }
  // HTTP/1.0 cannot read chunks: it gets the data and the end of the connection.
  Wire old = scene.Connect();
  REQUIRE(old.Send("GET / HTTP/1.0\r\n\r\n"));
  CHECK(old.ReadToEnd() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world");
}

TEST_CASE("a client that waits for 100-continue hears it from the upstream, and other 1xx pass", "[proxy]") {
  RawUpstream upstream(RawUpstream::Serve([&](Wire& wire) {
    const std::string head = wire.ReadUntil("\r\n\r\n");
    if (head.empty()) return;
    wire.Send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    const std::string body = wire.ReadUntil("hello");
    wire.Send(Ok(head.find("Expect: 100-continue") != std::string::npos ? body : "no Expect"));
  }));
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  REQUIRE(client.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
  CHECK(client.ReadAnswer() == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  CHECK(client.ReadAnswer() == "HTTP/1.1 100 Continue\r\n\r\n");
  REQUIRE(client.Send("hello"));
  CHECK(Body(client.ReadAnswer()) == "hello");
}

TEST_CASE("answers without a body keep the connection in step", "[proxy]") {
  RawUpstream upstream([](const std::string& request) -> std::string {
    if (request.starts_with("HEAD")) return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    if (request.starts_with("GET /204")) return "HTTP/1.1 204 No Content\r\n\r\n";
    if (request.starts_with("GET /304")) return "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n";
    return Ok("body");
  });
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  REQUIRE(client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK(client.ReadAnswer(true) == "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  REQUIRE(client.Send(Get("/204") + Get("/304") + Get("/")));
  CHECK(client.ReadAnswer() == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(client.ReadAnswer() == "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
  CHECK(Body(client.ReadAnswer()) == "body");
}

TEST_CASE("an upgrade to websocket becomes a tunnel; any other is not passed on", "[proxy]") {
  RawUpstream upstream(RawUpstream::Serve([&](Wire& wire) {
    const std::string head = wire.ReadUntil("\r\n\r\n");
    upstream.Log(head);
    if (head.find("Upgrade: websocket") == std::string::npos) {
      wire.Send(Ok("plain"));
      return;
    }
    wire.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst");
    while (true) {
      const std::string bytes = wire.ReadUntil([](std::string_view all) { return !all.empty(); });
      if (bytes.empty()) break;
      wire.Send("<" + bytes + ">");
    }
    wire.Send("end");
  }));
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  REQUIRE(client.Send(Get("/feed", "Connection: Upgrade\r\nUpgrade: websocket\r\n")));
  CHECK(client.ReadUntil("first") ==
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst");
  REQUIRE(client.Send("GET / HTTP/0.9 \x01\n"));
  CHECK(client.ReadUntil(">") == "<GET / HTTP/0.9 \x01\n>");
  client.ShutdownSend();
  CHECK(client.ReadToEnd() == "end");

  Wire other = scene.Connect();
  REQUIRE(other.Send(
      Get("/feed", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n")));
  CHECK(Body(other.ReadAnswer()) == "plain");
  CHECK(upstream.requests().back().find("h2c") == std::string::npos);
}

TEST_CASE("a body of 256 MiB passes each way in bounded memory", "[proxy]") {
  constexpr uint64_t kBytes = uint64_t{256} << 20;
  const std::string piece(size_t{1} << 20, 'x');
  RawUpstream upstream(RawUpstream::Serve([&](Wire& wire) {
    const std::string head = wire.ReadUntil([](std::string_view all) { return all.size() >= 300; });
    if (head.empty()) return;
    const size_t body = head.size() - head.find("\r\n\r\n") - 4;
    if (!wire.Discard(kBytes - body)) return;
    wire.Send(Concat("HTTP/1.1 200 OK\r\nContent-Length: ", kBytes, "\r\n\r\n"));
    for (uint64_t sent = 0; sent < kBytes; sent += piece.size())
      if (!wire.Send(piece)) return;
  }));
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  const size_t before = ResidentKib();
  REQUIRE(client.Send(Concat("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ", kBytes, "\r\n\r\n")));
  for (uint64_t sent = 0; sent < kBytes; sent += piece.size()) REQUIRE(client.Send(piece));
  const std::string head = client.ReadUntil([](std::string_view all) { return all.size() >= 100; });
  REQUIRE(StatusOf(head) == "HTTP/1.1 200");
  REQUIRE(client.Discard(kBytes - (head.size() - head.find("\r\n\r\n") - 4)));
  CHECK(ResidentKib() < before + (size_t{64} << 10));
}

TEST_CASE("when the upstream fails the client is told as much as can still be said", "[proxy]") {
  RawUpstream upstream([](const std::string& request) -> std::string {
    if (request.find("/die") != std::string::npos) return "";
    if (request.find("/half") != std::string::npos)
      return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    if (request.find("/noise") != std::string::npos) return "what?\r\n\r\n";
    if (request.find("/two") != std::string::npos)
      return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx";
    return Ok("well");
  });
  Scene scene(upstream.port(), [](GatewaySettings* s) {
    s->limits.answer_time = absl::Seconds(10);
    s->limits.body_idle_time = absl::Milliseconds(300);
  });
  const auto status = [&](std::string_view path) {
    Wire client = scene.Connect();
    client.Send(Get(path));
    return StatusOf(client.ReadAnswer());
  };
  CHECK(status("/die") == "HTTP/1.1 502");
  CHECK(status("/noise") == "HTTP/1.1 502");
  CHECK(status("/two") == "HTTP/1.1 502");
  CHECK(status("/fine") == "HTTP/1.1 200");
  // Stalls in the middle of its answer: what came came, and then the connection breaks.
  Wire half = scene.Connect();
  half.Send(Get("/half"));
  CHECK(half.ReadToEnd() == "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  CHECK(status("/fine") == "HTTP/1.1 200");

  RawUpstream stalled(RawUpstream::Serve([](Wire& wire) { wire.ReadToEnd(); }));
  Scene waiting(stalled.port(), [](GatewaySettings* s) { s->limits.answer_time = absl::Milliseconds(200); });
  Wire client = waiting.Connect();
  client.Send(Get("/"));
  CHECK(StatusOf(client.ReadAnswer()) == "HTTP/1.1 504");
  CHECK(waiting.proxy->counts()[Count::kUpstreamTimeouts] == 1);

  uint16_t gone = 0;
  {
    RawUpstream short_lived([](const std::string&) { return Ok("x"); });
    gone = short_lived.port();
  }
  Scene none(gone);
  Wire lost = none.Connect();
  lost.Send(Get("/") + "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na:b");
  CHECK(StatusOf(lost.ReadAnswer()) == "HTTP/1.1 502");
  CHECK(StatusOf(lost.ReadAnswer()) == "HTTP/1.1 503");
  CHECK(none.desk.log() == std::vector<std::string>{"assess a 127.0.0.1", "abandon"});
}

TEST_CASE("a kept connection that went stale costs an idempotent request nothing, and no other is sent twice",
          "[proxy]") {
  std::atomic<int> served{0};
  RawUpstream upstream(RawUpstream::Serve([&](Wire& wire) {
    // One answer a connection; the second request finds it closed without an answer.
    const std::string first = wire.ReadRequest();
    if (first.empty()) return;
    ++served;
    wire.Send(Ok("first"));
    const std::string second = wire.ReadRequest();
    if (!second.empty()) upstream.Log(second);
  }));
  Scene scene(upstream.port(), [](GatewaySettings* s) { s->workers = 1; });
  Wire client = scene.Connect();
  client.Send(Get("/1"));
  CHECK(Body(client.ReadAnswer()) == "first");
  client.Send(Get("/2"));
  CHECK(Body(client.ReadAnswer()) == "first");
  CHECK(scene.proxy->counts()[Count::kUpstreamRetries] == 1);
  client.Send("POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  CHECK(StatusOf(client.ReadAnswer()) == "HTTP/1.1 502");
  CHECK(scene.proxy->counts()[Count::kUpstreamRetries] == 1);
  CHECK(upstream.requests().size() == 2);
}

TEST_CASE("what two programs could read in two ways reaches no upstream", "[proxy]") {
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  Scene scene(upstream.port());
  struct Row {
    std::string bytes;
    std::string status;
  };
  const Row rows[] = {
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "501"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40000, 'x') + "\r\n\r\n", "431"},
      {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", "414"},
  };
  for (const Row& row : rows) {
    Wire client = scene.Connect();
    client.Send(row.bytes);
    const std::string answer = client.ReadAnswer();
    INFO(row.bytes.substr(0, 100));
    CHECK(StatusOf(answer) == "HTTP/1.1 " + row.status);
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK(client.AtEnd());
  }
  CHECK(upstream.requests().empty());
  // A chunked body that turns bad in the middle: the upstream's connection breaks with it.
  Wire client = scene.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
  CHECK(StatusOf(client.ReadAnswer()) == "HTTP/1.1 400");
  const ProxyCounts counts = scene.proxy->counts();
  CHECK(counts.refused_heads[static_cast<size_t>(HeadError::kLengthAndEncoding)] == 1);
  CHECK(counts.refused_heads[static_cast<size_t>(HeadError::kTooLong)] == 1);
  CHECK(counts.refused_chunks[static_cast<size_t>(ChunkError::kBadSize)] == 1);
}

TEST_CASE("limits of time end who is slow, and nobody else", "[proxy]") {
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  Scene scene(upstream.port(), [](GatewaySettings* s) {
    s->limits.header_time = absl::Milliseconds(300);
    s->limits.body_idle_time = absl::Milliseconds(300);
    s->limits.idle_time = absl::Milliseconds(300);
    s->limits.body_rate_min = 1000;
    s->limits.body_bytes = 100'000;
    s->limits.requests_per_connection = 2;
  });
  Wire silent = scene.Connect();
  CHECK(silent.AtEnd());
  Wire header = scene.Connect();
  header.Send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  CHECK(StatusOf(header.ReadAnswer()) == "HTTP/1.1 408");
  Wire body = scene.Connect();
  body.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  CHECK(StatusOf(body.ReadAnswer()) == "HTTP/1.1 408");
  Wire drip = scene.Connect();
  drip.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
  std::thread dripping([&] {
    // A byte before each deadline; the average is what ends it.
    for (int i = 0; i < 400 && drip.Send("x"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  CHECK(StatusOf(drip.ReadAnswer()) == "HTTP/1.1 408");
  dripping.join();
  Wire large = scene.Connect();
  large.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n");
  CHECK(StatusOf(large.ReadAnswer()) == "HTTP/1.1 413");
  Wire large_chunks = scene.Connect();
  large_chunks.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n30000\r\n" +
                    std::string(0x30000, 'x'));
  CHECK(StatusOf(large_chunks.ReadAnswer()) == "HTTP/1.1 413");
  Wire kept = scene.Connect();
  kept.Send(Get("/") + Get("/"));
  CHECK(kept.ReadAnswer().find("Connection: close") == std::string::npos);
  CHECK(kept.ReadAnswer().find("Connection: close") != std::string::npos);
  CHECK(kept.AtEnd());
  const ProxyCounts counts = scene.proxy->counts();
  CHECK(counts[Count::kHeaderTimeouts] == 1);
  CHECK(counts[Count::kBodyTimeouts] == 1);
  CHECK(counts[Count::kBodyTooSlow] == 1);
  CHECK(counts[Count::kBodyTooLarge] == 2);
}

TEST_CASE("connections are limited in all and by source, and counted down again", "[proxy]") {
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  {
    Scene scene(upstream.port(), [](GatewaySettings* s) { s->limits.connections_per_source = 2; });
    Wire one = scene.Connect();
    Wire two = scene.Connect();
    REQUIRE(Eventually([&] { return scene.proxy->counts()[Count::kConnectionsOpen] == 2; }));
    Wire three = scene.Connect();
    CHECK(three.AtEnd());
    CHECK(scene.proxy->counts()[Count::kConnectionsOverSource] == 1);
    one.Close();
    REQUIRE(Eventually([&] { return scene.proxy->counts()[Count::kConnectionsOpen] == 1; }));
    Wire four = scene.Connect();
    four.Send(Get("/"));
    CHECK(StatusOf(four.ReadAnswer()) == "HTTP/1.1 200");
  }
  Scene scene(upstream.port(), [](GatewaySettings* s) { s->limits.connections = 1; });
  Wire one = scene.Connect();
  REQUIRE(Eventually([&] { return scene.proxy->counts()[Count::kConnectionsOpen] == 1; }));
  CHECK(scene.Connect().AtEnd());
  CHECK(scene.proxy->counts()[Count::kConnectionsOverLimit] == 1);
}

TEST_CASE("thousands of slow clients do not keep anybody else waiting", "[proxy]") {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // Two descriptors each, ours and the proxy's, and some for the rest.
  const size_t count = std::min<size_t>(10'000, (files.rlim_cur - 200) / 2);
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  Scene scene(upstream.port(), [](GatewaySettings* s) {
    s->limits.connections_per_source = 20'000;
    s->limits.header_time = absl::Minutes(5);
  });
  const size_t before = ResidentKib();
  std::vector<Wire> slow;
  slow.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    slow.push_back(scene.Connect());
    REQUIRE(slow.back().Send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "));
  }
  REQUIRE(Eventually([&] { return scene.proxy->counts()[Count::kConnectionsOpen] == count; }));
  WARN(count << " slow clients, " << (ResidentKib() - before) / count << " KiB each");
  for (int i = 0; i < 20; ++i) {
    Wire client = scene.Connect();
    client.Send(Get("/"));
    CHECK(StatusOf(client.ReadAnswer()) == "HTTP/1.1 200");
  }
  for (size_t i = 0; i < count; i += 97) {
    REQUIRE(slow[i].Send("now\r\n\r\n"));
    CHECK(StatusOf(slow[i].ReadAnswer()) == "HTTP/1.1 200");
  }
}

TEST_CASE("a listener that expects a PROXY header takes the client from it, of a listed balancer",
          "[proxy]") {
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  Scene scene(upstream.port(), [](GatewaySettings* s) {
    s->listeners[0].proxy_protocol = true;
    s->trusted_proxies = {*Prefix::Parse("127.0.0.1")};
  });
  Wire client = scene.Connect();
  client.Send("PROXY TCP4 198.51.100.7 127.0.0.1 4000 80\r\n" + Get("/", "X-Forwarded-For: 6.6.6.6\r\n"));
  CHECK(StatusOf(client.ReadAnswer()) == "HTTP/1.1 200");
  CHECK(upstream.requests().back().find("X-Forwarded-For: 198.51.100.7\r\n") != std::string::npos);
  Wire without = scene.Connect();
  without.Send(Get("/"));
  CHECK(without.AtEnd());
  CHECK(scene.proxy->counts()[Count::kProxyHeaderBad] == 1);
}

TEST_CASE("draining serves what is under way and takes nothing new", "[proxy]") {
  std::atomic<bool> go{false};
  RawUpstream upstream([&](const std::string&) {
    Eventually([&] { return go.load(); });
    return Ok("late");
  });
  Scene scene(upstream.port());
  Wire idle = scene.Connect();
  Wire busy = scene.Connect();
  busy.Send(Get("/"));
  REQUIRE(Eventually([&] { return upstream.requests().size() == 1; }));
  int left = -1;
  std::thread draining([&] { left = scene.proxy->Drain(absl::Seconds(20)); });
  CHECK(idle.AtEnd());
  go = true;
  const std::string answer = busy.ReadAnswer();
  CHECK(Body(answer) == "late");
  CHECK(answer.find("Connection: close") != std::string::npos);
  busy.Close();
  draining.join();
  CHECK(left == 0);
}

TEST_CASE("settings that swap apply to the next request of an open connection", "[proxy]") {
  RawUpstream first([](const std::string&) { return Ok("first"); });
  RawUpstream second([](const std::string&) { return Ok("second"); });
  Scene scene(first.port());
  Wire client = scene.Connect();
  client.Send(Get("/"));
  CHECK(Body(client.ReadAnswer()) == "first");
  GatewaySettings settings = scene.settings;
  settings.upstreams[0].at.port = second.port();
  settings.listeners[0].at.port = 0;
  REQUIRE(scene.proxy->SwapSettings(settings, scene.parts).ok());
  // Workers take it up one by one; this connection's does soon.
  CHECK(Eventually([&] {
    client.Send(Get("/"));
    return Body(client.ReadAnswer()) == "second";
  }));
  settings.workers = 7;
  CHECK(scene.proxy->SwapSettings(settings, scene.parts).message() ==
        "gateway.workers: cannot change while running; restart");
}

TEST_CASE("an upstream that fails its health check gets no request until it is well again", "[proxy]") {
  std::atomic<bool> sick{false};
  RawUpstream first([&](const std::string& request) -> std::string {
    if (!request.starts_with("GET /health ")) return Ok("first");
    return sick ? "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n" : Ok("well");
  });
  RawUpstream second([](const std::string&) { return Ok("second"); });
  Scene scene(first.port(), [&](GatewaySettings* s) {
    UpstreamSettings other;
    other.at = {"127.0.0.1", second.port(), ""};
    s->upstreams.push_back(other);
    s->health_check = {"/health", absl::Milliseconds(50), absl::Seconds(5), 2, 2};
  });
  const auto served = [&] {
    std::set<std::string> by;
    Wire client = scene.Connect();
    for (int i = 0; i < 8; ++i) {
      client.Send(Get("/"));
      by.insert(Body(client.ReadAnswer()));
    }
    return by;
  };
  CHECK(served() == std::set<std::string>{"first", "second"});
  sick = true;
  REQUIRE(Eventually([&] { return !scene.proxy->health()[0].healthy; }));
  CHECK(served() == std::set<std::string>{"second"});
  CHECK(scene.proxy->health()[1].healthy);
  sick = false;
  REQUIRE(Eventually([&] { return scene.proxy->health()[0].healthy; }));
  CHECK(served() == std::set<std::string>{"first", "second"});
}

TEST_CASE("requests wait in order for a connection, and no longer than they may", "[proxy]") {
  std::atomic<bool> go{false};
  RawUpstream upstream([&](const std::string& request) {
    if (request.find("/slow") != std::string::npos) Eventually([&] { return go.load(); });
    return Ok("x");
  });
  Scene scene(upstream.port(), [](GatewaySettings* s) {
    s->workers = 1;
    s->upstreams[0].connections_max = 1;
    s->limits.connect_time = absl::Milliseconds(300);
  });
  Wire slow = scene.Connect();
  slow.Send(Get("/slow"));
  REQUIRE(Eventually([&] { return upstream.requests().size() == 1; }));
  Wire late = scene.Connect();
  late.Send(Get("/"));
  CHECK(StatusOf(late.ReadAnswer()) == "HTTP/1.1 503");
  CHECK(scene.proxy->counts()[Count::kUpstreamBusy] == 1);
  go = true;
  CHECK(StatusOf(slow.ReadAnswer()) == "HTTP/1.1 200");
  std::vector<Wire> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(scene.Connect());
    all.back().Send(Get("/"));
  }
  for (Wire& one : all) CHECK(StatusOf(one.ReadAnswer()) == "HTTP/1.1 200");
}

TEST_CASE("unix sockets serve on both sides", "[proxy]") {
  char name[] = "/tmp/stockade-unix-XXXXXX";
  const std::string folder = mkdtemp(name);
  RawUpstream upstream([](const std::string&) { return Ok("inside"); });
  {
    Scene inner(upstream.port(), [&](GatewaySettings* s) {
      s->listeners[0].at = {"", 0, folder + "/socket"};
    });
    Scene outer(1, [&](GatewaySettings* s) { s->upstreams[0].at = {"", 0, folder + "/socket"}; });
    Wire client = outer.Connect();
    client.Send(Get("/"));
    CHECK(Body(client.ReadAnswer()) == "inside");
    // Who may open the socket is trusted, so what the outer one said stands.
    CHECK(upstream.requests().back().find("X-Forwarded-For: 127.0.0.1") != std::string::npos);
  }
  CHECK(access((folder + "/socket").c_str(), F_OK) != 0);
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace stockade
