// Logins whose certificate is judged elsewhere, through the whole proxy: the worker goes on with others meanwhile, and
// whatever becomes of client, settings and proxy until the answer comes, each login is asked about once. And the morning on
// which somebody floods: customers' certificates over real TLS, judged through the queue.
#include <openssl/ssl.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "adapters/gateway/certificate_judge.h"
#include "engine/text.h"
#include "tests/adapters/certificate/pki.h"
#include "tests/adapters/gateway/judging_hold.h"
#include "tests/adapters/gateway/proxy_scene.h"

namespace stockade {
namespace {

using Log = std::vector<std::string>;

std::string Login(const std::string& body, const std::string& fields = "") {
  return Concat("POST /login HTTP/1.1\r\nHost: broker.example\r\nContent-Length: ", body.size(), "\r\n",
                fields, "\r\n", body);
}

// One worker: what blocks it blocks everybody.
struct HeldScene {
  explicit HeldScene(const std::function<void(GatewaySettings*)>& set = {})
      : upstream([](const std::string&) { return Ok("in", "X-Outcome: success\r\n"); }),
        scene(upstream.port(), [&](GatewaySettings* settings) {
          settings->workers = 1;
          if (set) set(settings);
        }) {
    parts = scene.parts;
    parts.check_certificate = [this](const CertificateQuestion&) { return by_hand.Find(); };
    REQUIRE(scene.proxy->SwapSettings(scene.settings, parts).ok());
    // What is posted first is done first: the swap is through when this is answered.
    Wire settled = scene.Connect();
    settled.Send(Get("/"));
    REQUIRE(settled.ReadAnswer() == Ok("in", "X-Outcome: success\r\n"));
  }

  JudgingByHand by_hand;
  RawUpstream upstream;
  Scene scene;
  ProxyParts parts;
};

TEST_CASE("while a certificate is judged the login waits and the worker does not", "[proxy][certificate]") {
  HeldScene held;
  Wire customer = held.scene.Connect();
  // A second request behind it, which must stay behind.
  customer.Send(Login("alice:x") + Get("/after"));
  const CertificateDone done = held.by_hand.Await(0);
  CHECK(held.scene.desk.log().empty());
  for (int i = 0; i < 3; ++i) {
    Wire other = held.scene.Connect();
    other.Send(Get("/prices"));
    CHECK(other.ReadAnswer() == Ok("in", "X-Outcome: success\r\n"));
  }
  done(CertificateStatus::kValid);
  CHECK(customer.ReadAnswer() == Ok("in", "X-Outcome: success\r\n"));
  CHECK(customer.ReadAnswer() == Ok("in", "X-Outcome: success\r\n"));
  CHECK(held.scene.desk.log() == Log{"assess alice 127.0.0.1 valid", "observe success"});
  CHECK(held.upstream.requests().back().starts_with("GET /after"));
  CHECK(held.scene.proxy->counts()[Count::kLoginsHeld] == 1);
  CHECK(held.scene.proxy->counts()[Count::kCertificatesLate] == 0);
}

TEST_CASE("what the gate stops is answered, and the connection goes on", "[proxy][certificate]") {
  HeldScene held;
  held.scene.desk.set_next({VerdictKind::kThrottle, ChallengeKind::kHuman, false, false, "", "", 0});
  Wire customer = held.scene.Connect();
  customer.Send(
      "POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nalice:x\r\n0\r\n\r\n");
  held.by_hand.Await(0)(CertificateStatus::kUnverified);
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 429"));
  customer.Send(Get("/"));
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(held.scene.desk.log() == Log{"assess alice 127.0.0.1 unverified"});
}

TEST_CASE("a client that leaves while its certificate is judged is asked about all the same",
          "[proxy][certificate]") {
  HeldScene held;
  {
    Wire customer = held.scene.Connect();
    customer.Send(Login("alice:x"));
    held.by_hand.Await(0);
  }
  held.by_hand.Await(0)(CertificateStatus::kUntrusted);
  CHECK(Eventually([&] { return held.scene.proxy->counts()[Count::kConnectionsOpen] == 0; }));
  CHECK(held.scene.desk.log().front() == "assess alice 127.0.0.1 untrusted");
}

TEST_CASE("settings that are swapped while a certificate is judged are the next login's",
          "[proxy][certificate]") {
  HeldScene held;
  Wire customer = held.scene.Connect();
  customer.Send(Login("alice:x"));
  const CertificateDone done = held.by_hand.Await(0);
  ProxyParts after = held.scene.parts;
  after.check_certificate = [](const CertificateQuestion&) { return CertificateStatus::kMissing; };
  REQUIRE(held.scene.proxy->SwapSettings(held.scene.settings, after).ok());
  done(CertificateStatus::kValid);
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 200"));
  customer.Send(Login("alice:x"));
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 200"));
  const Log log = held.scene.desk.log();
  CHECK(log[0] == "assess alice 127.0.0.1 valid");
  CHECK(log[2] == "assess alice 127.0.0.1 missing");
}

TEST_CASE("a drain waits for a login whose certificate is judged", "[proxy][certificate]") {
  HeldScene held;
  Wire customer = held.scene.Connect();
  customer.Send(Login("alice:x"));
  const CertificateDone done = held.by_hand.Await(0);
  int cut = -1;
  std::thread draining([&] { cut = held.scene.proxy->Drain(absl::Seconds(60)); });
  // It has begun when nobody is let in any more.
  CHECK(Eventually([&] { return held.scene.Connect().descriptor() < 0; }));
  done(CertificateStatus::kValid);
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 200"));
  customer.Close();
  draining.join();
  CHECK(cut == 0);
}

TEST_CASE("an answer for a proxy that has stopped, or is gone, finds nobody", "[proxy][certificate]") {
  HeldScene held;
  Wire customer = held.scene.Connect();
  customer.Send(Login("alice:x"));
  const CertificateDone done = held.by_hand.Await(0);
  held.scene.proxy->Stop();
  done(CertificateStatus::kValid);
  held.scene.proxy.reset();
  done(CertificateStatus::kValid);
  CHECK(customer.ReadToEnd().empty());
  CHECK(held.scene.desk.log().empty());
}

TEST_CASE("a login about which nobody answers goes on as unverified, and an answer after that is for nobody",
          "[proxy][certificate]") {
  HeldScene held([](GatewaySettings* s) { s->certificates.queue.wait = absl::Milliseconds(1); });
  Wire customer = held.scene.Connect();
  customer.Send(Login("alice:x"));
  const CertificateDone done = held.by_hand.Await(0);
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 200"));
  done(CertificateStatus::kValid);
  customer.Send(Get("/"));
  CHECK(customer.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(held.scene.desk.log().front() == "assess alice 127.0.0.1 unverified");
  CHECK(held.scene.desk.log().size() == 2);
  CHECK(held.scene.proxy->counts()[Count::kCertificatesLate] == 1);
}

// One connection over TLS with a certificate of its own.
class TlsClient {
 public:
  TlsClient(uint16_t port, const Pki& pki, const std::string& name) : wire_(Wire::Connect(port)) {
    context_ = SSL_CTX_new(TLS_client_method());
    REQUIRE(SSL_CTX_use_certificate_file(context_, pki.pem_file(name).c_str(), SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(context_, pki.key_file(name).c_str(), SSL_FILETYPE_PEM) == 1);
    tls_ = SSL_new(context_);
    SSL_set_fd(tls_, wire_.descriptor());
    REQUIRE(SSL_connect(tls_) == 1);
  }
  ~TlsClient() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  void Send(const std::string& text) {
    REQUIRE(SSL_write(tls_, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
  }
  // One answer of an upstream that says "in".
  std::string Read() {
    std::string all;
    char bytes[4096];
    while (!all.ends_with("\r\n\r\nin")) {
      const int got = SSL_read(tls_, bytes, sizeof bytes);
      if (got <= 0) break;
      all.append(bytes, static_cast<size_t>(got));
    }
    return all.substr(0, 12);
  }

 private:
  Wire wire_;
  SSL_CTX* context_ = nullptr;
  SSL* tls_ = nullptr;
};

TEST_CASE(
    "while one network floods with forged certificates, known customers log in at once and new ones soon",
    "[proxy][certificate][tls]") {
  RequireProgram("openssl");
  const std::string from = "20200101000000Z", until = "20990101000000Z";
  Pki pki;
  pki.Make("root", {"/CN=Root", "root", "root", from, until});
  pki.Make("alice", {"/CN=alice", "root", "client", from, until});
  pki.Make("bob", {"/CN=bob", "root", "client", from, until});
  pki.Make("stranger", {"/CN=alice", "stranger", "client", from, until});
  auto made = CertificateVerifier::Create({{pki.pem_file("root")}, "cn", ""});
  REQUIRE(made.ok());
  const std::shared_ptr<const CertificateVerifier> verifier = *std::move(made);

  CertificateQueueSettings limits;
  limits.queue = 40;  // a quarter: 10
  limits.misses = {1, 3};
  limits.wait = absl::Minutes(1);
  CertificateMemory memory;
  Turnstile gate;
  // Its clock stands: tokens come back by being good alone.
  CertificateQueue queue(limits, HashKey{1, 2}, [] { return int64_t{1'000'000'000}; });
  const CertificateJudge judge(&queue, &memory);
  RawUpstream upstream([](const std::string&) { return Ok("in", "X-Outcome: success\r\n"); });
  Scene scene(upstream.port(), [&](GatewaySettings* s) {
    s->workers = 1;
    s->certificates.queue = limits;
    s->trusted_proxies = {*Prefix::Parse("127.0.0.1/32")};
    s->certificates.anchor_files = {pki.pem_file("root")};
    s->listeners[0].tls.emplace();
    s->listeners[0].tls->certificate_file = pki.pem_file("bob");
    s->listeners[0].tls->key_file = pki.key_file("bob");
    s->listeners[0].tls->ask_client_certificate = true;
  });
  ProxyParts parts = scene.parts;
  parts.check_certificate = [&](const CertificateQuestion& question) {
    return judge.Find(verifier, question.shown, question.endpoint, question.claim, question.client);
  };
  REQUIRE(scene.proxy->SwapSettings(scene.settings, parts).ok());
  const uint16_t port = scene.proxy->port(0);
  const auto login = [](const std::string& account, const std::string& source) {
    return Login(account + ":x", Concat("X-Forwarded-For: ", source, "\r\n"));
  };

  TlsClient alice(port, pki, "alice");
  alice.Send(login("alice", "192.0.2.1"));
  CHECK(alice.Read() == "HTTP/1.1 200");
  CHECK(scene.desk.log().front() == "assess alice 192.0.2.1 valid");

  // Whoever verifies is busy, for as long as the test likes.
  queue.Judge({Address(),
               [&] {
                 gate.Pass();
                 return CertificateLook{CertificateStatus::kValid};
               },
               [](CertificateStatus) {}});
  gate.AwaitComer();
  std::vector<std::unique_ptr<TlsClient>> flood;
  for (int i = 0; i < 30; ++i) {
    flood.push_back(std::make_unique<TlsClient>(port, pki, "stranger"));
    flood.back()->Send(login("alice", Concat("203.0.113.", i)));
  }
  // Twelve have a token of the network's; the queue is no longer short then.
  CHECK(Eventually([&] {
    return queue.figures().waiting == 12 &&
           queue.figures().unverified[static_cast<size_t>(CertificateQueue::Why::kOverRate)] == 18;
  }));
  alice.Send(login("alice", "192.0.2.1"));
  CHECK(alice.Read() == "HTTP/1.1 200");
  alice.Send(Get("/prices"));
  CHECK(alice.Read() == "HTTP/1.1 200");
  TlsClient bob(port, pki, "bob");
  bob.Send(login("bob", "198.51.100.7"));
  CHECK(Eventually([&] { return queue.figures().waiting == 13; }));
  gate.Open();
  CHECK(bob.Read() == "HTTP/1.1 200");
  for (const auto& client : flood) CHECK(client->Read() == "HTTP/1.1 200");  // this desk lets everybody in
  const Log log = scene.desk.log();
  CHECK(std::count(log.begin(), log.end(), "assess alice 192.0.2.1 valid") == 2);
  CHECK(std::count(log.begin(), log.end(), "assess bob 198.51.100.7 valid") == 1);
  const auto of_flood = [&](std::string_view status) {
    return std::count_if(log.begin(), log.end(), [&](const std::string& line) {
      return line.starts_with("assess alice 203.0.113.") && line.ends_with(status);
    });
  };
  CHECK(of_flood(" untrusted") == 12);
  CHECK(of_flood(" unverified") == 18);
  CHECK(memory.cache_hits == 1);
  scene.proxy->Stop();
  queue.Stop();
}

}  // namespace
}  // namespace stockade
