// The webhook against receivers on loopback: what it signs another program verifies; one that is down, slow or lies costs its
// own delivery and no order.
#include "adapters/firewall/webhook.h"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/adapters/firewall/orders.h"
#include "tests/adapters/firewall/receiver.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

constexpr std::string_view kSecret = "00112233445566778899aabbccddeeff";

WebhookOptions Options(const TemporaryFolder& folder, const std::string& url) {
  WebhookOptions options;
  options.url = url;
  options.post.secret_file = folder.Write("secret", std::string(kSecret) + "\n");
  options.post.connect_time = absl::Milliseconds(300);
  options.post.answer_time = absl::Milliseconds(600);
  return options;
}

std::string Id(const ReceivedPost& post) {
  simdjson::dom::parser parser;
  return std::string(std::string_view(parser.parse(post.body).at_pointer("/stockade/id")));
}

TEST_CASE("what is posted is signed, and OpenSSL finds the same signature", "[webhook]") {
  RequireProgram("openssl");
  const TemporaryFolder folder;
  const Receiver receiver;
  const WebhookOptions options = Options(folder, receiver.url());
  REQUIRE(CheckWebhookOptions(options).ok());
  Webhook webhook(options);
  const absl::Status status =
      webhook.Apply(Orders()
                        .Enforce(Block("203.0.113.9"))
                        .Release(MadeDecision(Action::kLock, Scope::kAccount, "J\xc3\xbcrgen \"x\"")),
                    kOrdersNowMs);
  INFO(status.ToString());
  REQUIRE(status.ok());
  REQUIRE(receiver.posts().size() == 1);
  const ReceivedPost post = receiver.posts()[0];
  CHECK(post.method == "POST");
  CHECK(post.target == "/hook");
  CHECK(post.fields.at("content-type") == "application/json");
  CHECK(post.fields.at("idempotency-key") == Id(post));
  const std::string signature = post.fields.at("stockade-signature");
  REQUIRE(signature.starts_with("t="));
  const std::string time = signature.substr(2, signature.find(',') - 2);
  CHECK(std::abs(std::stoll(time) - std::time(nullptr)) < 600);
  const std::string file = folder.Write("signed", time + "." + post.body);
  const auto [code, said] = RunProgram({"openssl", "dgst", "-sha256", "-hmac", std::string(kSecret), file});
  REQUIRE(code == 0);
  const std::string hex = said.substr(said.rfind(' ') + 1, 64);
  CHECK(signature == "t=" + time + ",v1=" + hex);
}

TEST_CASE("a message that failed comes again as it was, and a new one has another name", "[webhook]") {
  const TemporaryFolder folder;
  const Receiver receiver([](size_t n) { return ServiceReply{n == 0 ? 503 : n == 1 ? 429 : 204, {}, ""}; });
  Webhook webhook(Options(folder, receiver.url()));
  const Orders orders = std::move(Orders().Enforce(Block("203.0.113.9")));
  const absl::Status down = webhook.Apply(orders, kOrdersNowMs);
  CHECK(down.code() == absl::StatusCode::kUnavailable);
  CHECK(FromAbsl(down.message()).find("503") != std::string_view::npos);
  CHECK_FALSE(webhook.Apply(orders, kOrdersNowMs + 1000).ok());
  CHECK(webhook.Apply(orders, kOrdersNowMs + 2000).ok());
  CHECK(webhook.Apply(orders, kOrdersNowMs + 3000).ok());
  const auto posts = receiver.posts();
  REQUIRE(posts.size() == 4);
  CHECK(posts[1].body == posts[0].body);
  CHECK(posts[2].body == posts[0].body);
  CHECK(Id(posts[3]) != Id(posts[0]));
}

TEST_CASE("what a receiver can never take is told apart from what it cannot take now", "[webhook]") {
  const TemporaryFolder folder;
  for (const auto& [status, code] : {std::pair{413, absl::StatusCode::kInvalidArgument},
                                     {422, absl::StatusCode::kInvalidArgument},
                                     {400, absl::StatusCode::kUnavailable},
                                     {401, absl::StatusCode::kUnavailable},
                                     {404, absl::StatusCode::kUnavailable},
                                     {500, absl::StatusCode::kUnavailable}}) {
    const Receiver receiver([status = status](size_t) { return ServiceReply{status, {}, "no\x1b[2J\n"}; });
    Webhook webhook(Options(folder, receiver.url()));
    const absl::Status got = webhook.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
    INFO(got.ToString());
    CHECK(got.code() == code);
    CHECK(FromAbsl(got.message()).find('\x1b') == std::string_view::npos);
    // The path may be a secret.
    CHECK(FromAbsl(got.message()).find("/hook") == std::string_view::npos);
  }
}

TEST_CASE("redirects are not followed", "[webhook]") {
  const TemporaryFolder folder;
  const Receiver elsewhere;
  for (const int status : {301, 302, 307, 308}) {
    const Receiver receiver([&](size_t) {
      return ServiceReply{status, {{"Location", elsewhere.url()}}, ""};
    });
    Webhook webhook(Options(folder, receiver.url()));
    CHECK(webhook.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs).code() ==
          absl::StatusCode::kUnavailable);
  }
  CHECK(elsewhere.posts().empty());
}

TEST_CASE("a receiver that is down, silent, slow, endless or lies does not count as having taken anything",
          "[webhook]") {
  const TemporaryFolder folder;
  const auto fails = [&](const std::string& url) {
    Webhook webhook(Options(folder, url));
    const absl::Status status = webhook.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
    UNSCOPED_INFO(status.ToString());
    return status.code() == absl::StatusCode::kUnavailable;
  };
  using R = StrangeReceiver;
  CHECK(fails(Concat("http://127.0.0.1:", FreePort(), "/")));
  CHECK(fails(R(R::AwaitClose).url()));
  CHECK(fails(R([](int) {}).url()));
  // One byte and then, for as long as it is listened to, one more at a time.
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                R::Say(fd, "HTTP/1.1 200 OK\r\n");
                for (int i = 0; i < 400 && R::Say(fd, "X"); ++i) poll(nullptr, 0, 10);
              }).url()));
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                R::Say(fd, "HTTP/1.1 200 OK\r\n\r\n");
                while (R::Say(fd, std::string(4096, 'x'))) continue;
              }).url()));
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                R::Say(fd, "HTTP/1.1 200 OK\r\n");
                while (R::Say(fd, "X-Endless: " + std::string(4000, 'x') + "\r\n")) continue;
              }).url()));
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                while (R::Say(fd, "HTTP/1.1 100 Continue\r\n\r\n")) continue;
              }).url()));
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                R::Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort");
              }).url()));
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                R::Say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk");
              }).url()));
  CHECK(fails(R([](int fd) {
                R::ReadHead(fd);
                R::Say(fd, "220 mail.example ESMTP\r\n");
              }).url()));
}

TEST_CASE("a batch is posted in messages that receivers take, and none of it is lost", "[webhook]") {
  const TemporaryFolder folder;
  const Receiver receiver;
  Webhook webhook(Options(folder, receiver.url()));
  Orders orders;
  for (int i = 0; i < 100; ++i) {
    Decision lock = MadeDecision(Action::kLock, Scope::kAccount, Concat("account", i));
    lock.reason = std::string(30'000, 'r');
    orders.Enforce(lock);
  }
  REQUIRE(webhook.Apply(orders, kOrdersNowMs).ok());
  std::string all;
  CHECK(receiver.posts().size() > 2);
  for (const ReceivedPost& post : receiver.posts()) {
    CHECK(post.body.size() <= size_t{1} << 20);
    all += post.body;
  }
  for (int i = 0; i < 100; ++i) CHECK(all.find(Concat("\"account", i, "\"")) != std::string::npos);
}

TEST_CASE("people are not told of releases unless they want to be", "[webhook]") {
  const TemporaryFolder folder;
  const Receiver receiver;
  WebhookOptions options = Options(folder, receiver.url());
  options.format = WebhookFormat::kSlack;
  {
    Webhook webhook(options);
    CHECK(webhook.Apply(Orders().Release(Block("203.0.113.9")), kOrdersNowMs).ok());
    CHECK(receiver.posts().empty());
    CHECK(webhook.Apply(Orders().Release(Block("203.0.113.9")).Enforce(Block("203.0.113.10")), kOrdersNowMs)
              .ok());
    REQUIRE(receiver.posts().size() == 1);
    CHECK(receiver.posts()[0].body.find("1 decision (1 × block ip)") != std::string::npos);
  }
  options.releases = true;
  Webhook webhook(options);
  CHECK(webhook.Apply(Orders().Release(Block("203.0.113.9")), kOrdersNowMs).ok());
  CHECK(receiver.posts().size() == 2);
}

TEST_CASE("alarms go beside decisions, from another thread", "[webhook]") {
  const TemporaryFolder folder;
  const Receiver receiver;
  WebhookOptions options = Options(folder, receiver.url());
  options.format = WebhookFormat::kPagerduty;
  options.routing_key_file = folder.Write("key", "R0UT1NG\n");
  REQUIRE(CheckWebhookOptions(options).ok());
  Webhook webhook(options);
  absl::Status alarm;
  std::thread beside([&] {
    alarm = webhook.SendAlarm({kOrdersNowMs, "outage", "", "the gateway does not answer"});
  });
  const absl::Status batch = webhook.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
  beside.join();
  CHECK(alarm.ok());
  CHECK(batch.ok());
  REQUIRE(receiver.posts().size() == 2);
  for (const ReceivedPost& post : receiver.posts())
    CHECK(post.body.find("\"routing_key\":\"R0UT1NG\"") != std::string::npos);
}

TEST_CASE("a certificate that no root of ours knows is not believed", "[webhook]") {
  RequireProgram("openssl");
  const TemporaryFolder folder;
  REQUIRE(RunProgram({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj",
                      "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"})
              .first == 0);
  std::unique_ptr<StartedProgram> server;
  uint16_t port = 0;
  for (int attempt = 0; attempt < 10 && server == nullptr; ++attempt) {
    port = FreePort();
    auto started = std::make_unique<StartedProgram>(
        std::vector<std::string>{"openssl", "s_server", "-accept", Concat("127.0.0.1:", port), "-cert",
                                 folder / "cert.pem", "-key", folder / "key.pem", "-www", "-quiet"});
    if (ComesToAnswer(port)) server = std::move(started);
  }
  REQUIRE(server != nullptr);
  WebhookOptions options = Options(folder, Concat("https://127.0.0.1:", port, "/hook"));
  options.post.connect_time = absl::Seconds(10);
  options.post.answer_time = absl::Seconds(10);
  {
    Webhook webhook(options);
    const absl::Status status = webhook.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
    INFO(status.ToString());
    CHECK(FromAbsl(status.message()).find("certificate") != std::string_view::npos);
  }
  // With it as a root, TLS holds (and this server's answer to a POST is no success, or is one).
  options.post.ca_file = folder / "cert.pem";
  Webhook webhook(options);
  const absl::Status status = webhook.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
  INFO(status.ToString());
  CHECK(FromAbsl(status.message()).find("certificate") == std::string_view::npos);
}

TEST_CASE("a secret that is missing, short or changed is read when it is needed", "[webhook]") {
  const TemporaryFolder folder;
  const Receiver receiver;
  WebhookOptions options = Options(folder, receiver.url());
  options.post.secret_file = folder / "later";
  Webhook webhook(options);
  const Orders orders = std::move(Orders().Enforce(Block("203.0.113.9")));
  CHECK(webhook.Apply(orders, kOrdersNowMs).code() == absl::StatusCode::kFailedPrecondition);
  folder.Write("later", "short");
  CHECK(webhook.Apply(orders, kOrdersNowMs).code() == absl::StatusCode::kFailedPrecondition);
  folder.Write("later", std::string(10'000, 's'));
  CHECK(webhook.Apply(orders, kOrdersNowMs).code() == absl::StatusCode::kFailedPrecondition);
  CHECK(receiver.posts().empty());
  folder.Write("later", "a secret of some length");
  CHECK(webhook.Apply(orders, kOrdersNowMs).ok());
}

TEST_CASE("settings of a webhook that could not work are refused with their key", "[webhook]") {
  const TemporaryFolder folder;
  const WebhookOptions good = Options(folder, "https://hooks.example/x");
  CHECK(CheckWebhookOptions(good).ok());
  for (const char* url : {"", "hooks.example", "ftp://x/", "file:///etc/passwd", "https://", "https://u:p@x/",
                          "https://u@x/", "https://x/\r\nHost: y", "https://x/ y", "http//x", "HTTPS//x"}) {
    WebhookOptions bad = good;
    bad.url = url;
    INFO(url);
    CHECK(CheckWebhookOptions(bad).code() == absl::StatusCode::kInvalidArgument);
  }
  WebhookOptions bad = good;
  bad.post.secret_file.clear();
  CHECK_FALSE(CheckWebhookOptions(bad).ok());
  bad = good;
  bad.format = WebhookFormat::kPagerduty;
  CHECK_FALSE(CheckWebhookOptions(bad).ok());
  bad = good;
  bad.post.answer_time = absl::Seconds(29);
  CHECK_FALSE(CheckWebhookOptions(bad).ok());
  bad = good;
  bad.batch_max = 0;
  CHECK_FALSE(CheckWebhookOptions(bad).ok());

  WebhookOptions some = good;
  some.actions = {Action::kLock};
  some.scopes = {Scope::kAccount, Scope::kIp};
  const Capabilities can = Webhook(some).capabilities();
  CHECK(can.Carries(MadeDecision(Action::kLock, Scope::kAccount, "alice")));
  CHECK_FALSE(can.Carries(Block("203.0.113.9")));
  CHECK(Webhook(good).capabilities().Carries(Block("203.0.113.0/24")));
  CHECK_FALSE(can.lists);
}

}  // namespace
}  // namespace stockade
