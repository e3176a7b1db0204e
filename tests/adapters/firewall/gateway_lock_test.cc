// The gateway lock against a small gateway on loopback: it locks, steps up and releases what it was told, and a gateway that
// fails for one account is told the others'.
#include "adapters/firewall/gateway_lock.h"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "tests/adapters/firewall/orders.h"
#include "tests/adapters/firewall/receiver.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

GatewayLockOptions Options(const TemporaryFolder& folder, const std::string& url) {
  GatewayLockOptions options;
  options.url = url;
  options.post.secret_file = folder.Write("secret", "00112233445566778899aabbccddeeff");
  return options;
}

Decision Lock(std::string_view account, bool all_lanes = false) {
  Decision decision = MadeDecision(Action::kLock, Scope::kAccount, account);
  decision.all_lanes = all_lanes;
  return decision;
}
Decision StepUp(std::string_view account) {
  Decision decision = MadeDecision(Action::kChallenge, Scope::kAccount, account);
  decision.challenge_kind = ChallengeKind::kIdentity;
  return decision;
}

TEST_CASE("a gateway is told each account's lane, action and end", "[gateway_lock]") {
  const TemporaryFolder folder;
  const Receiver gateway;
  const GatewayLockOptions options = Options(folder, gateway.url("/accounts/{account}/{action}"));
  REQUIRE(CheckGatewayLockOptions(options).ok());
  GatewayLock lock(options);
  const absl::Status status = lock.Apply(Orders()
                                             .Enforce(Lock("alice"))
                                             .Enforce(Lock("bob", true))
                                             .Enforce(StepUp("carol"))
                                             .Release(Lock("dave", true))
                                             .Release(StepUp("erin")),
                                         kOrdersNowMs);
  INFO(status.ToString());
  REQUIRE(status.ok());
  const auto posts = gateway.posts();
  REQUIRE(posts.size() == 5);
  CHECK(posts[0].target == "/accounts/alice/lock");
  CHECK(posts[0].body ==
        "{\"account\":\"alice\",\"lane\":\"unfamiliar\",\"action\":\"lock\",\"until\":\"2025-11-26T20:15:00."
        "000Z\","
        "\"id\":\"0123456789abcdef\",\"rule\":\"password_spray\"}");
  CHECK(posts[1].body.find("\"lane\":\"all\",\"action\":\"lock\"") != std::string::npos);
  CHECK(posts[1].body.find("\"end_sessions\":true") != std::string::npos);
  CHECK(posts[3].body.find("end_sessions") == std::string::npos);
  CHECK(posts[2].target == "/accounts/carol/step_up");
  CHECK(posts[2].body.find(
            "\"action\":\"step_up\",\"until\":\"2025-11-26T20:15:00.000Z\",\"kind\":\"identity\"") !=
        std::string::npos);
  CHECK(posts[3].target == "/accounts/dave/release");
  CHECK(posts[3].body.find("\"lane\":\"all\",\"action\":\"release\",\"of\":\"lock\",\"id\"") !=
        std::string::npos);
  CHECK(posts[4].body.find("\"action\":\"release\",\"of\":\"step_up\",\"kind\":\"identity\"") !=
        std::string::npos);
  std::set<std::string> ids;
  for (const ReceivedPost& post : posts) {
    CHECK(post.method == "POST");
    ids.insert(post.fields.at("idempotency-key"));
    // As the receiver would check it.
    const std::string signature = post.fields.at("stockade-signature");
    const int64_t seconds = std::stoll(signature.substr(2));
    CHECK(signature == PostSignature("00112233445566778899aabbccddeeff", seconds, post.body));
    CHECK(signature != PostSignature("00112233445566778899aabbccddeef0", seconds, post.body));
    CHECK(signature != PostSignature("00112233445566778899aabbccddeeff", seconds, post.body + " "));
  }
  CHECK(ids.size() == 5);
}

TEST_CASE("a name that is a path, a query or a line is one part of the URL", "[gateway_lock]") {
  const TemporaryFolder folder;
  const Receiver gateway;
  GatewayLock lock(Options(folder, gateway.url("/a/{account}/lock")));
  for (const std::string& name :
       {std::string("../../admin?x=1#y"), std::string("a\r\nX-Forged: 1\r\n\r\n"), std::string("a\0b", 3),
        std::string("J\xc3\xbcrgen"), std::string("{action}"), std::string("%2e%2e"), std::string(".."),
        std::string(".")}) {
    REQUIRE(lock.Apply(Orders().Enforce(Lock(name)), kOrdersNowMs).ok());
    const ReceivedPost post = gateway.posts().back();
    INFO(post.target);
    CHECK(post.target == "/a/" + UrlPart(name) + "/lock");
    CHECK(post.target.substr(3).find_first_of("/?#\r\n ") == post.target.size() - 3 - 5);
    CHECK_FALSE(post.fields.contains("x-forged"));
    simdjson::dom::parser parser;
    CHECK(std::string_view(parser.parse(post.body)["account"]) == name);
  }
}

TEST_CASE("one account that fails keeps no other from being locked", "[gateway_lock]") {
  const TemporaryFolder folder;
  const Receiver gateway([](size_t n) { return ServiceReply{n == 0 ? 422 : n == 1 ? 503 : 200, {}, "no"}; });
  GatewayLock lock(Options(folder, gateway.url()));
  const Orders orders =
      std::move(Orders().Enforce(Lock("alice")).Enforce(Lock("bob")).Enforce(Lock("carol")));
  CHECK(lock.Apply(orders, kOrdersNowMs).code() == absl::StatusCode::kUnavailable);
  CHECK(gateway.posts().size() == 3);
  CHECK(lock.Apply(orders, kOrdersNowMs).ok());
  // What failed has its name still; what was taken is told as something new.
  const auto posts = gateway.posts();
  REQUIRE(posts.size() == 6);
  CHECK(posts[3].fields.at("idempotency-key") == posts[0].fields.at("idempotency-key"));
  CHECK(posts[4].fields.at("idempotency-key") == posts[1].fields.at("idempotency-key"));
  CHECK(posts[5].fields.at("idempotency-key") != posts[2].fields.at("idempotency-key"));
}

TEST_CASE("a batch may be one call", "[gateway_lock]") {
  const TemporaryFolder folder;
  const Receiver gateway;
  GatewayLockOptions options = Options(folder, gateway.url("/locks"));
  options.batched = true;
  options.method = "PUT";
  REQUIRE(CheckGatewayLockOptions(options).ok());
  GatewayLock lock(options);
  REQUIRE(lock.Apply(Orders().Enforce(Lock("alice")).Release(StepUp("bob")), kOrdersNowMs).ok());
  REQUIRE(gateway.posts().size() == 1);
  CHECK(gateway.posts()[0].method == "PUT");
  simdjson::dom::parser parser;
  const simdjson::dom::element body = parser.parse(gateway.posts()[0].body);
  CHECK(std::string_view(body.at_pointer("/orders/0/account")) == "alice");
  CHECK(std::string_view(body.at_pointer("/orders/1/of")) == "step_up");
}

TEST_CASE("a gateway that hangs costs its call's time, whatever the batch", "[gateway_lock]") {
  const TemporaryFolder folder;
  const StrangeReceiver gateway(StrangeReceiver::AwaitClose);
  GatewayLockOptions options = Options(folder, gateway.url());
  options.post.connect_time = absl::Milliseconds(100);
  options.post.answer_time = absl::Milliseconds(200);
  GatewayLock lock(options);
  CHECK(lock.Apply(Orders().Enforce(Lock("alice")).Enforce(Lock("bob")), kOrdersNowMs).code() ==
        absl::StatusCode::kUnavailable);
  CHECK(absl::Milliseconds(200) * lock.capabilities().batch_max < Firewall::kCallTimeMax);
}

TEST_CASE("settings of a gateway lock that could not work are refused with their key", "[gateway_lock]") {
  const TemporaryFolder folder;
  const GatewayLockOptions good = Options(folder, "https://gateway/a/{account}");
  CHECK(CheckGatewayLockOptions(good).ok());
  for (const char* url :
       {"https://{account}.evil.example/", "https://{account}", "{account}", "ftp://x/{account}"}) {
    GatewayLockOptions bad = good;
    bad.url = url;
    INFO(url);
    CHECK(CheckGatewayLockOptions(bad).code() == absl::StatusCode::kInvalidArgument);
  }
  GatewayLockOptions bad = good;
  bad.batched = true;
  CHECK_FALSE(CheckGatewayLockOptions(bad).ok());
  bad = good;
  bad.method = "DELETE";
  CHECK_FALSE(CheckGatewayLockOptions(bad).ok());
  bad = good;
  bad.post.secret_file.clear();
  CHECK_FALSE(CheckGatewayLockOptions(bad).ok());
  bad.post.authorization = "/run/token";
  CHECK(CheckGatewayLockOptions(bad).ok());

  const Capabilities can = GatewayLock(good).capabilities();
  CHECK(can.Carries(Lock("alice")));
  CHECK(can.Carries(StepUp("alice")));
  CHECK_FALSE(can.Carries(Block("203.0.113.9")));
  CHECK_FALSE(can.Carries(MadeDecision(Action::kBlock, Scope::kAccount, "alice")));
}

}  // namespace
}  // namespace stockade
