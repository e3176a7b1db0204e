// Connections and datagrams become logins: what is told of each, with which outcome, from whom; and which TLS stack is
// joined to it. What is told of a login is what the sidecar would have asked about (login_exchange.h reads both).
#include "adapters/capture/login_capture.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "adapters/capture/capture_source.h"
#include "adapters/capture/tls_sightings.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class Kept final : public LoginSink {
 public:
  void Take(const CapturedLogin& login) override {
    events.emplace_back(login.event);
    methods.emplace_back(login.method);
    statuses.push_back(login.status);
  }
  std::vector<OwnedEvent> events;
  std::vector<std::string> methods;
  std::vector<int> statuses;
};

EndpointSettings Portal() {
  EndpointSettings endpoint;
  endpoint.name = "portal";
  endpoint.path = "/login";
  endpoint.account = {{ValueSource::From::kBody, "user"}};
  endpoint.password = {{ValueSource::From::kBody, "pass"}};
  endpoint.body_bytes = 1024;
  endpoint.answer_bytes = 256;
  OutcomeRule in;
  in.status = "302";
  in.outcome = Outcome::kSuccess;
  OutcomeRule wrong;
  wrong.status = "200";
  wrong.body_matches = "wrong password";
  wrong.outcome = Outcome::kBadPassword;
  OutcomeRule page;
  page.status = "200";
  page.outcome = Outcome::kUnknownAccount;
  endpoint.outcomes = {in, wrong, page};
  return endpoint;
}

struct Scene {
  explicit Scene(EndpointSettings endpoint = Portal(), const LoginCaptureOptions& options = {}) {
    reading.logins = *LoginExchange::Create({std::move(endpoint)}, HashKey{1, 2});
    const Prefix listed = *Prefix::Parse("10.0.0.0/8");
    reading.client_addresses =
        std::make_shared<ClientAddressReader>(std::span(&listed, 1), ForwardingField::kXForwardedFor);
    reading.sink = &kept;
    capture.emplace(options, &reading);
  }

  Connection Open(std::string_view client, bool from_begin = true) {
    Connection connection;
    connection.id = ++ids;
    connection.client = {*Address::Parse(client), 40000};
    connection.server = {*Address::Parse("192.0.2.80"), 80};
    connection.start_seen = from_begin;
    capture->Opened(connection);
    return connection;
  }
  bool Client(const Connection& connection, std::string_view bytes, int64_t time_ns = kSecond) {
    return capture->Bytes(connection, Direction::kFromClient, bytes, time_ns);
  }
  bool Server(const Connection& connection, std::string_view bytes, int64_t time_ns = kSecond) {
    return capture->Bytes(connection, Direction::kFromServer, bytes, time_ns);
  }
  const Attempt& attempt(size_t index) { return kept.events.at(index).event().attempt; }
  Outcome outcome(size_t index) { return kept.events.at(index).event().aftermath.outcome; }

  Kept kept;
  LoginReading reading;
  std::optional<LoginCapture> capture;
  uint64_t ids = 0;
};

std::string Post(std::string_view body, std::string_view fields = "") {
  return "POST /login HTTP/1.1\r\nHost: h\r\nUser-Agent: curl/8\r\nContent-Type: "
         "application/x-www-form-urlencoded\r\n" +
         std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
std::string Answer(std::string_view line, std::string_view body = "") {
  return "HTTP/1.1 " + std::string(line) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

TEST_CASE("a login is told with its time, source, account, hashed password and outcome", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  const std::string request = Post("user=alice&pass=secret");
  CHECK(scene.Client(connection, request.substr(0, 30), 5 * kSecond));
  CHECK(scene.Client(connection, request.substr(30), 6 * kSecond));
  CHECK(scene.kept.events.empty());
  CHECK(scene.Server(connection, Answer("302 Found"), 7 * kSecond));
  REQUIRE(scene.kept.events.size() == 1);
  const Attempt& attempt = scene.attempt(0);
  CHECK(attempt.time_ns == 6 * kSecond);  // however slowly it was sent
  CHECK(attempt.source.ToString() == "203.0.113.9");
  CHECK(attempt.account == "alice");
  CHECK(attempt.user_agent == "curl/8");
  CHECK(attempt.path == "/login");
  CHECK(attempt.password_id == ToHex(SipHash128(HashKey{1, 2}, "secret")));
  CHECK(attempt.header_order.size() > 0);
  CHECK(scene.outcome(0) == Outcome::kSuccess);
  CHECK(scene.kept.statuses.at(0) == 302);
  // Other requests are none.
  CHECK(scene.Client(connection, "GET /login HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK(scene.Server(connection, Answer("200 OK", "the form")));
  CHECK(scene.kept.events.size() == 1);
  scene.capture->Closed(connection, ConnectionClose::kFin, 8 * kSecond);
  CHECK(scene.capture->memory_bytes() == 0);
}

TEST_CASE("a row that asks for the body is answered by the body", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, Post("user=a&pass=b") + Post("user=c&pass=d"));
  scene.Server(connection, Answer("200 OK", "sorry, wrong password") + Answer("200 OK", "who are you?"));
  REQUIRE(scene.kept.events.size() == 2);
  CHECK(scene.outcome(0) == Outcome::kBadPassword);
  CHECK(scene.outcome(1) == Outcome::kUnknownAccount);
}

TEST_CASE("a login is told when its outcome stands, however slowly the answer goes on", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, Post("user=a&pass=b"));
  scene.Server(connection, "HTTP/1.1 302 Found\r\nContent-Length: 1000\r\n\r\na");
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.outcome(0) == Outcome::kSuccess);
  scene.Server(connection, std::string(999, 'a'));
  scene.Client(connection, Post("user=a&pass=b"));
  scene.Server(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsorry, wrong pass");
  CHECK(scene.kept.events.size() == 1);
  scene.Server(connection, "word" + std::string(300, ' '));  // as much as the endpoint looks at
  REQUIRE(scene.kept.events.size() == 2);
  CHECK(scene.outcome(1) == Outcome::kBadPassword);
}

TEST_CASE("an answer with holes where a row would look is no outcome", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, Post("user=a&pass=b"));
  scene.Server(connection, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nsorry, ");
  scene.capture->Gap(connection, Direction::kFromServer, 23, kSecond);
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.outcome(0) == Outcome::kUnknown);
  CHECK(scene.reading.counts.unseen == 1);
}

TEST_CASE("a login without an answer is an attempt whose outcome is unknown", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, Post("user=a&pass=b"));
  scene.capture->Ended(connection, Direction::kFromServer, kSecond);
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.outcome(0) == Outcome::kUnknown);
  CHECK(scene.reading.counts.unseen == 1);
  CHECK(scene.reading.counts.unanswered == 0);

  const Connection broken = scene.Open("203.0.113.9");
  scene.Client(broken, Post("user=a&pass=b").substr(0, Post("user=a&pass=b").size() - 3));
  scene.capture->Closed(broken, ConnectionClose::kFin, kSecond);
  CHECK(scene.kept.events.size() == 1);
  CHECK(scene.reading.counts.broken_off == 1);
}

TEST_CASE("what no server has heard is no login", "[capture]") {
  // Anybody can send this in another's name: the server's SYN-ACK or RST is all that comes of it.
  for (const bool from_begin : {true, false}) {
    for (const ConnectionClose why :
         {ConnectionClose::kReset, ConnectionClose::kIdle, ConnectionClose::kReplaced}) {
      Scene scene;
      const Connection forged = scene.Open("203.0.113.9", from_begin);
      CHECK(scene.Client(forged, Post("user=a&pass=b")));
      scene.capture->Gap(forged, Direction::kFromServer, 100, kSecond);  // a forged acknowledgement
      scene.Client(forged, Post("user=a&pass=b"));
      scene.capture->Closed(forged, why, kSecond);
      CHECK(scene.kept.events.empty());
      CHECK(scene.reading.counts.unanswered == 2);
      CHECK(scene.reading.counts.logins == 0);
      CHECK(scene.capture->memory_bytes() == 0);
    }
  }
  // An answer that was lost, and a word of the server behind it.
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, Post("user=a&pass=b"));
  scene.capture->Gap(connection, Direction::kFromServer, 100, kSecond);
  CHECK(scene.kept.events.empty());
  scene.Server(connection, "rest of a page");
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.outcome(0) == Outcome::kUnknown);
  CHECK(scene.reading.counts.unanswered == 0);
  // Two at once whose answers were lost: nothing is paired any more, and both were asked.
  const Connection pipelined = scene.Open("203.0.113.9");
  scene.Client(pipelined, Post("user=a&pass=b") + Post("user=c&pass=d"));
  scene.capture->Gap(pipelined, Direction::kFromServer, 100, kSecond);
  CHECK(scene.kept.events.size() == 1);
  CHECK_FALSE(scene.Server(pipelined, "rest of a page"));
  CHECK(scene.kept.events.size() == 3);
}

TEST_CASE("a login that cannot be read counts for its source, without an account", "[capture]") {
  Scene scene;
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, Post("user=a&user=b&pass=c"));  // which of them?
  scene.Server(connection, Answer("200 OK", "wrong password"));
  scene.Client(connection, Post("user=a&pass=" + std::string(2000, 'x')));
  scene.Server(connection, Answer("302 Found"));
  scene.Client(connection, Post("user=alice&pass=secret").substr(0, 135));
  scene.capture->Gap(connection, Direction::kFromClient, 3, kSecond);
  REQUIRE(scene.kept.events.size() == 2);
  CHECK_FALSE(scene.attempt(0).has_account());
  CHECK(scene.outcome(0) == Outcome::kBadPassword);
  CHECK_FALSE(scene.attempt(1).has_account());
  CHECK(scene.outcome(1) == Outcome::kSuccess);
  CHECK(scene.reading.counts.too_large == 1);
  CHECK(scene.reading.counts.unreadable == 2);
}

TEST_CASE("who asks is whom a listed proxy names, and nobody else's word counts", "[capture]") {
  Scene scene;
  const Connection proxy = scene.Open("10.1.1.1");
  scene.Client(proxy, Post("user=a&pass=b", "X-Forwarded-For: 1.2.3.4, 198.51.100.7\r\n"));
  scene.Server(proxy, Answer("302 Found"));
  const Connection stranger = scene.Open("203.0.113.9");
  scene.Client(stranger, Post("user=a&pass=b", "X-Forwarded-For: 1.2.3.4\r\n"));
  scene.Server(stranger, Answer("302 Found"));
  const Connection header = scene.Open("10.1.1.2");
  const std::string line = "PROXY TCP4 198.51.100.8 192.0.2.80 5000 80\r\n";
  for (const char c : line) CHECK(scene.Client(header, {&c, 1}));
  scene.Client(header, Post("user=a&pass=b"));
  scene.Server(header, Answer("302 Found"));
  const Connection forged = scene.Open("203.0.113.10");
  scene.Client(forged, line + Post("user=a&pass=b"));
  scene.Server(forged, Answer("302 Found"));
  // Behind the proxy's header another one is the client's own word, and no request.
  const Connection second = scene.Open("10.1.1.2");
  scene.Client(second, line);
  CHECK_FALSE(scene.Client(second, "PROXY TCP4 9.9.9.9 192.0.2.80 5000 80\r\n" + Post("user=a&pass=b")));
  REQUIRE(scene.kept.events.size() == 4);
  CHECK(scene.attempt(0).source.ToString() == "198.51.100.7");
  CHECK(scene.attempt(1).source.ToString() == "203.0.113.9");
  CHECK(scene.attempt(2).source.ToString() == "198.51.100.8");
  CHECK(scene.attempt(3).source.ToString() == "203.0.113.10");
  CHECK(scene.capture->talk().proxy_headers == 3);
}

TEST_CASE("an endpoint of HTTP Basic knows logins by their credentials", "[capture]") {
  EndpointSettings endpoint = Portal();
  endpoint.path = "/*";
  endpoint.methods = {"GET"};
  endpoint.account = {{ValueSource::From::kBasic, "user"}};
  endpoint.password = {{ValueSource::From::kBasic, "password"}};
  Scene scene(endpoint);
  const Connection connection = scene.Open("203.0.113.9");
  scene.Client(connection, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  scene.Server(connection, Answer("401 Who"));
  scene.Client(connection, "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
  scene.Server(connection, Answer("302 Found"));
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.attempt(0).account == "alice");
  CHECK(scene.attempt(0).password_id == ToHex(SipHash128(HashKey{1, 2}, "secret")));
}

TEST_CASE("in mid-stream the client is who asks", "[capture]") {
  Scene scene;
  Connection connection = scene.Open("192.0.2.80", /*from_begin=*/false);
  connection.server.address =
      *Address::Parse("203.0.113.9");  // taken for the server, being on the lower port
  CHECK(scene.Client(connection, "the rest of a page"));
  CHECK(scene.Server(connection, Post("user=a&pass=b")));
  CHECK(scene.Client(connection, Answer("302 Found")));
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.attempt(0).source.ToString() == "203.0.113.9");
  // How many requests wait for an answer, nobody has seen.
  CHECK(scene.outcome(0) == Outcome::kUnknown);
  CHECK(scene.reading.counts.unseen == 1);
}

TEST_CASE("a body costs nothing before it comes", "[capture]") {
  std::vector<size_t> taken;
  for (const size_t size : {20u, 900u}) {
    Scene scene;
    const std::string whole = Post("user=a&pass=" + std::string(size, 'x'));
    const std::string head = whole.substr(0, whole.find("\r\n\r\n") + 4);
    scene.Client(scene.Open("203.0.113.9"), head);
    taken.push_back(scene.capture->memory_bytes() - head.size());
  }
  CHECK(taken[0] == taken[1]);
}

TEST_CASE("logins that are begun and never ended give way to others", "[capture]") {
  LoginCaptureOptions options;
  options.memory_bytes = size_t{16} << 10;
  Scene scene(Portal(), options);
  const std::string whole = Post("user=a&pass=" + std::string(900, 'x'));
  const std::string head = whole.substr(0, whole.find("\r\n\r\n") + 4);
  const Connection first = scene.Open("203.0.113.9");
  scene.Client(first, head);
  for (int i = 0; i < 100; ++i) {
    scene.Client(scene.Open("203.0.113.9"), head + "user=");
    REQUIRE(scene.capture->memory_bytes() <= options.memory_bytes);
  }
  CHECK(scene.reading.counts.no_room > 90);
  const Connection connection = scene.Open("198.51.100.1");
  for (const char c : whole) scene.Client(connection, {&c, 1});
  scene.Server(connection, Answer("302 Found"));
  REQUIRE(scene.kept.events.size() == 1);
  CHECK(scene.attempt(0).account == "a");
  CHECK(scene.attempt(0).source.ToString() == "198.51.100.1");
  CHECK(scene.reading.counts.too_large == 0);
  // The first gave way long ago: the rest of it is no login.
  CHECK_FALSE(scene.Client(first, whole.substr(head.size())));
  scene.Server(first, Answer("302 Found"));
  CHECK(scene.kept.events.size() == 1);
}

TEST_CASE("connections that nobody answers give way, and those whose sides both speak stay", "[capture]") {
  LoginCaptureOptions options;
  options.memory_bytes = size_t{64} << 10;
  Scene scene(Portal(), options);
  // A proxy's, that all logins come by.
  const Connection proxy = scene.Open("198.51.100.1");
  scene.Client(proxy, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  scene.Server(proxy, Answer("200 OK"));
  std::vector<Connection> begun;
  const auto flood = [&] {
    for (int i = 0; i < 3000; ++i) {
      begun.push_back(scene.Open("203.0.113.9", /*from_begin=*/i % 3 != 2));
      switch (i % 3) {
        case 0:  // a head that never ends
          scene.Client(begun.back(), "POST /login HTTP/1.1\r\nHost: h\r\nX: ");
          break;
        case 1:  // what may become a PROXY header
          scene.Client(begun.back(), "PROXY ");
          break;
        default:  // in mid-stream
          scene.Client(begun.back(), "the rest of something");
      }
      REQUIRE(scene.capture->memory_bytes() <= options.memory_bytes);
    }
  };
  flood();
  CHECK(scene.Client(proxy, Post("user=a&pass=b")));
  flood();
  CHECK(scene.Server(proxy, Answer("302 Found")));
  CHECK(scene.kept.events.size() == 1);
  CHECK(scene.capture->talk().no_room > 2000);
  CHECK(scene.capture->http().ended[static_cast<size_t>(FollowEnd::kNoRoom)] > 1900);
  // Even where all are answered one gives way: the one whose client was quiet for longest.
  std::vector<Connection> answered;
  for (int i = 0; i < 200; ++i) {
    answered.push_back(scene.Open("203.0.113.9"));
    scene.Client(answered.back(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    scene.Server(answered.back(), Answer("200 OK"));
    scene.Client(proxy, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    scene.Server(proxy, Answer("200 OK"));
  }
  CHECK(scene.capture->memory_bytes() <= options.memory_bytes);
  CHECK(scene.Client(proxy, Post("user=a&pass=b")));
  CHECK(scene.Server(proxy, Answer("302 Found")));
  CHECK(scene.kept.events.size() == 2);
  CHECK_FALSE(scene.Client(answered.front(), Post("user=a&pass=b")));
  for (const Connection& connection : begun)
    scene.capture->Closed(connection, ConnectionClose::kIdle, kSecond);
  for (const Connection& connection : answered)
    scene.capture->Closed(connection, ConnectionClose::kIdle, kSecond);
  scene.capture->Closed(proxy, ConnectionClose::kIdle, kSecond);
  CHECK(scene.capture->memory_bytes() == 0);
}

TEST_CASE("what is neither HTTP nor TLS is not followed", "[capture]") {
  Scene scene;
  CHECK_FALSE(scene.Client(scene.Open("203.0.113.9"), "SSH-2.0-x\r\n"));
  CHECK_FALSE(scene.Client(scene.Open("203.0.113.9"), std::string_view("\0\0\0\x10", 4)));
  CHECK_FALSE(scene.Server(scene.Open("203.0.113.9"), "220 mail\r\n"));
  // "POST" and "PROXY" begin alike.
  const Connection post = scene.Open("203.0.113.9");
  const std::string request = Post("user=a&pass=b");
  for (const char c : request) CHECK(scene.Client(post, {&c, 1}));
  scene.Server(post, Answer("302 Found"));
  CHECK(scene.kept.events.size() == 1);
}

TEST_CASE("a fingerprint is joined to a login by address and time, and never by guess", "[capture]") {
  const Address client = *Address::Parse("203.0.113.9");
  const ClientFingerprint chrome{"a", "t13d1516h2_8daaf6152771_d8a2da3f94cd", "h", "h2"};
  const ClientFingerprint python{"b", "t13d1812h1_85036bcba153_b26ce05bbdd6", "h", ""};
  TlsSightings sightings;
  CHECK(sightings.Find(client, 0).fingerprint == nullptr);
  sightings.Note(client, chrome, 10 * kSecond);
  REQUIRE(sightings.Find(client, 12 * kSecond).fingerprint != nullptr);
  CHECK(sightings.Find(client, 12 * kSecond).fingerprint->ja4 == chrome.ja4);
  CHECK(sightings.Find(client, 5 * kSecond).fingerprint == nullptr);
  CHECK(sightings.Find(client, 10 * kSecond + TlsSightings::kJoinNs + 1).fingerprint == nullptr);
  sightings.Note(client, chrome, 11 * kSecond);
  CHECK(sightings.Find(client, 12 * kSecond).fingerprint != nullptr);
  sightings.Note(client, python, 13 * kSecond);
  CHECK(sightings.Find(client, 12 * kSecond).fingerprint->ja4 == chrome.ja4);  // the other came later
  CHECK(sightings.Find(client, 14 * kSecond).ambiguous);
  CHECK(sightings.Find(client, 14 * kSecond).fingerprint == nullptr);
  const int64_t later = 11 * kSecond + TlsSightings::kJoinNs + 1;
  CHECK(sightings.Find(client, later).fingerprint->ja4 == python.ja4);

  for (uint32_t i = 0; i < TlsSightings::kAddressesMax + 10; ++i)
    sightings.Note(Address::V4(0x0b000000u + i), chrome, 20 * kSecond);
  CHECK(sightings.addresses() == TlsSightings::kAddressesMax);
  CHECK(sightings.Find(client, 21 * kSecond).fingerprint == nullptr);
}

TEST_CASE("hellos of one stack are one client's, and those of others are not", "[capture]") {
  const auto ambiguous = [](std::string_view first, std::string_view second) {
    TlsSightings sightings;
    const Address client = *Address::Parse("203.0.113.9");
    sightings.Note(client, {"a", std::string(first), "h", "h2"}, kSecond);
    sightings.Note(client, {"b", std::string(second), "h", "h2"}, 2 * kSecond);
    const TlsSightings::Found found = sightings.Find(client, 3 * kSecond);
    if (!found.ambiguous) CHECK(found.fingerprint->ja4 == second);
    return found.ambiguous;
  };
  const std::string chrome = "t13d1516h2_8daaf6152771_d8a2da3f94cd";
  CHECK_FALSE(ambiguous(chrome, "t13d1517h2_8daaf6152771_b1ff8ab2d16f"));  // another release
  CHECK_FALSE(ambiguous(chrome, "t13d1517h2_8daaf6152771_0123456789ab"));  // a session resumed
  CHECK(ambiguous(chrome, "t13d1513h2_8daaf6152771_748f4c70de1c"));        // Tor Browser, which is Firefox
  CHECK_FALSE(ambiguous("t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", "t13d3113h1_e8f1e7e78f70_d339722ba4af"));
  CHECK(ambiguous(chrome, "t13d1812h1_85036bcba153_b26ce05bbdd6"));  // python
  // Unknown ones.
  CHECK_FALSE(ambiguous("t13d0512h2_000000000001_000000000002", "t12i0511h1_000000000001_000000000002"));
  CHECK(ambiguous("t13d0512h2_000000000001_000000000002", "t13d0512h2_000000000001_000000000003"));
  CHECK(ambiguous("t13d0512h2_000000000001_000000000002", "t13d0512h2_000000000003_000000000002"));
}

TEST_CASE("hellos that never end take no room from logins", "[capture]") {
  Scene scene;
  const std::string begin =
      "\x16\x03\x01" + std::string("\x3f\xff\x01\x00\xff\xf0", 6) + std::string(1000, 'h');
  std::vector<Connection> connections;
  for (int i = 0; i < 20000; ++i) {
    connections.push_back(scene.Open("203.0.113.9"));
    scene.Client(connections.back(), begin);
  }
  CHECK(scene.capture->hellos().counts().no_room > 10000);
  const Connection login = scene.Open("203.0.113.10");
  CHECK(scene.Client(login, Post("user=a&pass=b")));
  CHECK(scene.Server(login, Answer("302 Found")));
  CHECK(scene.kept.events.size() == 1);
  connections.push_back(login);
  for (const Connection& connection : connections)
    scene.capture->Closed(connection, ConnectionClose::kIdle, kSecond);
  CHECK(scene.capture->memory_bytes() == 0);
}

TEST_CASE("what is lost and refused is among the figures", "[capture]") {
  Scene scene;
  CaptureCounts counts;
  counts.truncated = 1;
  counts.fragments_overlapping = 2;
  counts.strange_segments = 3;
  counts.closed_evicted = 1;
  counts.evicted_silent = 3;
  counts.gaps_for_memory = 5;
  counts.beyond_limit_bytes = 6;
  counts.after_close_bytes = 7;
  counts.unproven_bytes = 8;
  std::map<std::string, uint64_t> figures;
  for (const SourceFigure& figure : CaptureFigures(counts, *scene.capture, scene.reading))
    figures[std::string(figure.name)] = figure.count;
  CHECK(figures.at("packets_truncated") == 1);
  CHECK(figures.at("fragments_overlapping") == 2);
  CHECK(figures.at("segments_strange") == 3);
  CHECK(figures.at("connections_evicted") == 4);
  CHECK(figures.at("gaps_for_memory") == 5);
  CHECK(figures.at("bytes_beyond_limit") == 6);
  CHECK(figures.at("bytes_after_close") == 7);
  CHECK(figures.at("bytes_unproven") == 8);
}

}  // namespace
}  // namespace stockade
