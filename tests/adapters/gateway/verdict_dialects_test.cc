// Proves what each dialect reads and answers, byte for byte, as protocols say and real proxies take it; and who may ask.
#include "adapters/gateway/verdict_dialects.h"

#include <catch2/catch.hpp>

#include "adapters/gateway/answer.h"

#include "tests/adapters/gateway/judging_hold.h"
#include "tests/adapters/gateway/service_scene.h"

namespace stockade {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct DialectScene {
  explicit DialectScene(std::string token = "", FailMode unreadable = FailMode::kClosed,
                        FailMode trouble = FailMode::kClosed) {
    EndpointSettings portal;
    portal.name = "portal";
    portal.path = "/login";
    portal.account = {{ValueSource::From::kBody, "user"}, {ValueSource::From::kCookie, "who"}};
    portal.password = {{ValueSource::From::kBody, "pass"}};
    portal.device = {{ValueSource::From::kCookie, "device"}};
    portal.channel = "web";
    portal.on_unreadable = unreadable;
    portal.on_engine_trouble = trouble;
    auto exchange = LoginExchange::Create({portal}, HashKey{1, 2});
    INFO(exchange.status());
    REQUIRE(exchange.ok());
    VerdictParts parts;
    parts.desk = &desk;
    parts.exchange = std::move(*exchange);
    parts.trusted_proxies = {*Prefix::Parse("10.0.0.0/8")};
    parts.token = std::move(token);
    parts.tls_fingerprint = {"x-ja3", "x-ja4"};
    parts.hash_key = HashKey{1, 2};
    parts.counters = &counters;
    parts.can_ask = CanAskByWays(GatewaySettings());
    dialects = std::make_shared<VerdictDialects>(std::move(parts));
  }

  std::string Ask(HandMade request) const { return TextOf(*dialects->Reply(request.Request(), {})); }
  void Say(VerdictKind kind, ChallengeKind challenge = ChallengeKind::kHuman,
           std::string reason = "because") {
    desk.answer = {kind, challenge, kind == VerdictKind::kAllow, false, "rule", std::move(reason), 0};
  }
  Attempt Asked() const {
    REQUIRE_FALSE(desk.asked.empty());
    return desk.asked.back().event().attempt;
  }

  FakeDesk desk;
  VerdictCounters counters;
  std::shared_ptr<VerdictDialects> dialects;
};

const Fields kNginxAsks = {{"X-Original-Method", "POST"},
                           {"X-Original-URI", "/login?x=1"},
                           {"X-Forwarded-For", "203.0.113.9"},
                           {"User-Agent", "agent/1"},
                           {"Cookie", "who=alice; device=d1"}};

TEST_CASE("auth_request is answered by 204, 401 and 403 alone, with reason and ticket in fields",
          "[gateway][dialect]") {
  DialectScene scene;
  CHECK(scene.Ask({"GET", "/auth-request", kNginxAsks}) ==
        "204\nX-Stockade-Verdict: allow\nX-Stockade-Ticket: 17\n\n");
  const Attempt asked = scene.Asked();
  CHECK(asked.source.ToString() == "203.0.113.9");
  CHECK(asked.account == "alice");
  CHECK(asked.device == "d1");
  CHECK(asked.path == "/login");
  CHECK(asked.channel == "web");
  CHECK(asked.user_agent == "agent/1");
  CHECK(asked.password_id.data() == nullptr);

  scene.Say(VerdictKind::kDeny);
  CHECK(scene.Ask({"GET", "/auth-request", kNginxAsks}) ==
        "403\nX-Stockade-Verdict: deny\nX-Stockade-Reason: because\n\n");
  scene.Say(VerdictKind::kThrottle);
  CHECK(scene.Ask({"GET", "/auth-request", kNginxAsks}) ==
        "403\nX-Stockade-Verdict: throttle\nX-Stockade-Reason: because\nRetry-After: 10\n\n");
  scene.Say(VerdictKind::kChallenge, ChallengeKind::kIdentity);
  const std::string challenged = scene.Ask({"GET", "/auth-request", kNginxAsks});
  CHECK_THAT(challenged, Catch::StartsWith("401\nX-Stockade-Verdict: challenge\nX-Stockade-Kind: identity\n"
                                           "X-Stockade-Reason: because\n"));
  CHECK_THAT(challenged, Catch::Contains("WWW-Authenticate: "));
}

TEST_CASE("the fingerprint of whoever's TLS the proxy ended comes in its fields, and from no client's",
          "[gateway][dialect]") {
  constexpr char kJa4[] = "t13d1516h2_8daaf6152771_e5627efa2ab1";
  DialectScene scene;
  Fields fields = kNginxAsks;
  fields.emplace_back("X-JA4", kJa4);
  scene.Ask({"GET", "/auth-request", fields});
  CHECK(scene.Asked().ja4 == kJa4);
  CHECK(scene.Asked().ja3.data() == nullptr);
  fields.back().second = "nothing of the kind";
  scene.Ask({"GET", "/auth-request", fields});
  CHECK(scene.Asked().ja4.data() == nullptr);
  // AppSec hands on the fields that the client wrote.
  scene.Ask({"GET",
             "/",
             {{"X-Crowdsec-Appsec-Ip", "203.0.113.9"},
              {"X-Crowdsec-Appsec-Uri", "/login"},
              {"X-Crowdsec-Appsec-Verb", "POST"},
              {"Cookie", "who=alice"},
              {"X-JA4", kJa4}}});
  CHECK(scene.Asked().ja4.data() == nullptr);
}

TEST_CASE("a reason that holds line ends or escapes cannot forge a field", "[gateway][dialect]") {
  DialectScene scene;
  scene.Say(VerdictKind::kDeny, ChallengeKind::kHuman, "a\r\nX-Evil: 1\x1b[2J");
  const ServiceReply reply =
      *scene.dialects->Reply(HandMade("GET", "/auth-request", kNginxAsks).Request(), {});
  for (const auto& [name, value] : reply.headers) {
    CHECK(value.find('\n') == std::string::npos);
    CHECK(value.find('\r') == std::string::npos);
    CHECK(value.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("what is no login is allowed and nobody is asked", "[gateway][dialect]") {
  DialectScene scene;
  Fields fields = kNginxAsks;
  fields[1].second = "/prices";
  CHECK(scene.Ask({"GET", "/auth-request", fields}) == "204\nX-Stockade-Verdict: allow\n\n");
  CHECK(scene.desk.asked.empty());
  CHECK(scene.counters.not_login == 1);
}

TEST_CASE("auth_request without an account asks about the address", "[gateway][dialect]") {
  DialectScene scene;
  Fields fields = kNginxAsks;
  fields.pop_back();
  CHECK_THAT(scene.Ask({"GET", "/auth-request", fields}), Catch::StartsWith("204\n"));
  CHECK_FALSE(scene.Asked().has_account());
}

TEST_CASE("auth_request that does not say what is asked about is denied", "[gateway][dialect]") {
  DialectScene scene;
  CHECK_THAT(scene.Ask({"GET", "/auth-request", {{"X-Original-URI", "/login"}}}), Catch::StartsWith("403\n"));
  CHECK_THAT(scene.Ask({"GET", "/auth-request", {{"X-Original-Method", "POST"}}}),
             Catch::StartsWith("403\n"));
  CHECK(scene.counters.misread == 2);
  CHECK(scene.desk.asked.empty());
}

TEST_CASE("forward-auth reads the forwarded request and hands out the answer that is set",
          "[gateway][dialect]") {
  DialectScene scene;
  const Fields fields = {{"X-Forwarded-Method", "POST"},
                         {"X-Forwarded-Uri", "/login"},
                         {"X-Forwarded-Host", "shop.example"},
                         {"X-Forwarded-For", "203.0.113.9, 10.1.1.1"},
                         {"X-Forwarded-Proto", "https"},
                         {"Content-Type", "application/x-www-form-urlencoded"},
                         {"Cookie", "device=d2"}};
  CHECK(scene.Ask({"GET", "/forward-auth", fields, "user=bob&pass=secret"}) ==
        "204\nX-Stockade-Verdict: allow\nX-Stockade-Ticket: 17\n\n");
  CHECK(scene.Asked().account == "bob");
  CHECK(scene.Asked().source.ToString() == "203.0.113.9");
  CHECK(scene.Asked().password_id == ToHex(SipHash128(HashKey{1, 2}, "secret")));

  scene.Say(VerdictKind::kThrottle);
  CHECK(scene.Ask({"GET", "/forward-auth", fields}) == TextOf([] {
          const Answer whole = MakeAnswer(AnswersSettings().throttle, "");
          return ServiceReply{whole.status, whole.headers, whole.body};
        }()));
  CHECK_THAT(scene.Ask({"GET", "/forward-auth", fields}), Catch::StartsWith("429\n"));
  CHECK_THAT(scene.Ask({"GET", "/forward-auth", fields}), Catch::Contains("Retry-After: 10\n"));
  CHECK_THAT(scene.Ask({"GET", "/forward-auth", fields}),
             Catch::EndsWith("\n\nToo many logins from here; try again in a moment.\n"));
}

TEST_CASE(
    "ext_authz over HTTP is asked with the original path, and never answered by what Envoy takes for a "
    "failure",
    "[gateway][dialect]") {
  DialectScene scene;
  const Fields fields = {{"Host", "shop.example"},
                         {"x-forwarded-for", "203.0.113.9"},
                         {"content-type", "application/json"},
                         {"x-stockade-ticket", "99"}};
  const std::string body = R"({"user":"bob","pass":"secret"})";
  CHECK(scene.Ask({"POST", "/ext-authz/login", fields, body}) ==
        "200\nX-Stockade-Verdict: allow\nX-Stockade-Ticket: 17\n"
        "x-envoy-auth-headers-to-remove: x-stockade-kind,x-stockade-reason\n\n");
  CHECK(scene.Asked().account == "bob");
  CHECK(scene.Asked().path == "/login");
  CHECK(scene.Ask({"GET", "/ext-authz/prices", fields}) ==
        "200\nX-Stockade-Verdict: allow\n"
        "x-envoy-auth-headers-to-remove: x-stockade-kind,x-stockade-reason,x-stockade-ticket\n\n");
  scene.Say(VerdictKind::kDeny);
  CHECK_THAT(scene.Ask({"POST", "/ext-authz/login", fields, body}), Catch::StartsWith("403\n"));
  scene.desk.answer.in_trouble = true;
  CHECK_THAT(scene.Ask({"POST", "/ext-authz/login", fields, body}), Catch::StartsWith("403\n"));
}

const Fields kAppSec = {
    {"X-Crowdsec-Appsec-Api-Key", "k3y"}, {"X-Crowdsec-Appsec-Ip", "203.0.113.9"},
    {"X-Crowdsec-Appsec-Uri", "/login"},  {"X-Crowdsec-Appsec-Host", "shop.example"},
    {"X-Crowdsec-Appsec-Verb", "POST"},   {"X-Crowdsec-Appsec-User-Agent", "agent/2"},
    {"X-Forwarded-For", "192.0.2.1"},     {"Content-Type", "application/x-www-form-urlencoded"}};

TEST_CASE("AppSec: key, fields, and bodies exactly; X-Forwarded-For is never looked at",
          "[gateway][dialect]") {
  DialectScene scene("k3y");
  const std::string body = "user=bob&pass=secret";
  CHECK(scene.Ask({"POST", "/", kAppSec, body}) ==
        "200\nContent-Type: application/json\nX-Stockade-Ticket: 17\n\n{\"action\":\"allow\"}");
  CHECK(scene.Asked().source.ToString() == "203.0.113.9");
  CHECK(scene.Asked().user_agent == "agent/2");
  CHECK(scene.Asked().account == "bob");
  scene.Say(VerdictKind::kDeny);
  CHECK(scene.Ask({"POST", "/", kAppSec, body}) ==
        "403\nContent-Type: application/json\n\n{\"action\":\"ban\",\"http_status\":403}");
  scene.Say(VerdictKind::kThrottle);
  CHECK(scene.Ask({"POST", "/", kAppSec, body}) ==
        "403\nContent-Type: application/json\n\n{\"action\":\"ban\",\"http_status\":403}");
  scene.Say(VerdictKind::kChallenge);
  CHECK(scene.Ask({"POST", "/", kAppSec, body}) ==
        "403\nContent-Type: application/json\n\n{\"action\":\"captcha\",\"http_status\":403}");
  Fields wrong = kAppSec;
  wrong[0].second = "k3x";
  CHECK(scene.Ask({"POST", "/", wrong, body}) == "401\n\n");
  wrong.erase(wrong.begin());
  CHECK(scene.Ask({"POST", "/", wrong, body}) == "401\n\n");
  for (const int missing : {1, 2, 4}) {
    Fields fields = kAppSec;
    fields.erase(fields.begin() + missing);
    CAPTURE(missing);
    CHECK(scene.Ask({"POST", "/", fields, body}) == "500\n\n");
  }
}

TEST_CASE("each dialect asks with what it can ask a person for, and a caller of ours may say less",
          "[gateway][dialect][challenge]") {
  DialectScene scene("k3y");
  const Fields forwarded = {
      {"X-Forwarded-Method", "POST"}, {"X-Forwarded-Uri", "/login"}, {"Cookie", "who=a"}};
  scene.Ask({"GET", "/auth-request", kNginxAsks});
  CHECK(scene.Asked().can_ask == CanAsk::kBoth);
  scene.Ask({"GET", "/forward-auth", forwarded});
  CHECK(scene.Asked().can_ask == CanAsk::kBoth);
  scene.Ask({"POST", "/ext-authz/login", {{"Cookie", "who=a"}}});
  CHECK(scene.Asked().can_ask == CanAsk::kBoth);
  scene.Ask({"POST", "/", kAppSec, "user=bob&pass=secret"});
  CHECK(scene.Asked().can_ask == CanAsk::kHuman);

  const auto assess = [&](const std::string& more) {
    return scene.Ask({"POST",
                      "/v1/assess",
                      {{"Authorization", "Bearer k3y"}},
                      R"({"source.ip":"203.0.113.9","user.name":"a")" + more + "}"});
  };
  assess("");
  CHECK(scene.Asked().can_ask == CanAsk::kBoth);
  assess(R"(,"login.can_ask":"human")");
  CHECK(scene.Asked().can_ask == CanAsk::kHuman);
  assess(R"(,"login":{"can_ask":"neither"})");
  CHECK(scene.Asked().can_ask == CanAsk::kNeither);
  const size_t before = scene.desk.asked.size();
  CHECK_THAT(assess(R"(,"login.can_ask":"captcha")"),
             Catch::Contains("none of neither, human, identity, both"));
  CHECK(scene.desk.asked.size() == before);
}

TEST_CASE("a login that cannot be read is refused or let by, as its endpoint says", "[gateway][dialect]") {
  const Fields fields = {
      {"X-Forwarded-Method", "POST"}, {"X-Forwarded-Uri", "/login"}, {"Content-Type", "application/json"}};
  DialectScene closed;
  CHECK_THAT(closed.Ask({"POST", "/forward-auth", fields, "{broken"}), Catch::StartsWith("403\n"));
  CHECK(closed.counters.unreadable == 1);
  CHECK(closed.desk.asked.empty());
  DialectScene open("", FailMode::kOpen);
  CHECK_THAT(open.Ask({"POST", "/forward-auth", fields, "{broken"}), Catch::StartsWith("204\n"));
  CHECK(open.counters.unreadable == 1);
  CHECK_FALSE(open.Asked().has_account());
  // Nobody gets round what is decided about his address by what cannot be read.
  open.Say(VerdictKind::kDeny);
  CHECK_THAT(open.Ask({"POST", "/forward-auth", fields, "{broken"}), Catch::StartsWith("403\n"));
}

TEST_CASE("while nobody can be asked, the endpoint's choice holds", "[gateway][dialect]") {
  const Fields fields = {{"X-Forwarded-Method", "POST"}, {"X-Forwarded-Uri", "/login"}, {"Cookie", "who=a"}};
  DialectScene closed;
  closed.desk.answer = {VerdictKind::kDeny, ChallengeKind::kHuman, false, true, "", "", 0};
  CHECK_THAT(closed.Ask({"GET", "/forward-auth", fields}), Catch::StartsWith("503\n"));
  CHECK_THAT(closed.Ask({"GET", "/auth-request", kNginxAsks}), Catch::StartsWith("403\n"));
  DialectScene open("", FailMode::kClosed, FailMode::kOpen);
  open.desk.answer = closed.desk.answer;
  CHECK_THAT(open.Ask({"GET", "/forward-auth", fields}), Catch::StartsWith("204\n"));
}

TEST_CASE("X-Forwarded-For counts from listed proxies and this machine; strangers learn nothing",
          "[gateway][dialect]") {
  DialectScene scene;
  HandMade listed("GET", "/auth-request", kNginxAsks);
  listed.is_local = false;
  listed.peer = *Address::Parse("10.2.3.4");
  CHECK_THAT(scene.Ask(listed), Catch::StartsWith("204\n"));
  CHECK(scene.Asked().source.ToString() == "203.0.113.9");
  HandMade stranger("GET", "/auth-request", kNginxAsks);
  stranger.is_local = false;
  stranger.peer = *Address::Parse("198.51.100.1");
  const size_t before = scene.desk.asked.size();
  CHECK_THAT(scene.Ask(stranger), Catch::StartsWith("403\n"));
  CHECK(scene.desk.asked.size() == before);
  CHECK(scene.counters.refused == 1);
  HandMade assess("POST", "/v1/assess", {}, "{}");
  assess.is_local = false;
  assess.peer = stranger.peer;
  CHECK_THAT(scene.Ask(assess), Catch::StartsWith("403\n"));
}

TEST_CASE("our own: assess takes ECS names and answers with verdict and ticket", "[gateway][dialect]") {
  DialectScene scene;
  const std::string body =
      R"({"source":{"ip":"203.0.113.9"},"user.name":" alice","user_agent":{"original":"a"},"login":{"device":"d"},)"
      R"("password":"secret","login.certificate":"valid"})";
  CHECK(scene.Ask({"POST", "/v1/assess", {}, body}) ==
        "200\nContent-Type: application/json\n\n{\"verdict\":\"allow\",\"reaches\":true,\"ticket\":17}\n");
  const Attempt asked = scene.Asked();
  CHECK(asked.account == "alice");
  CHECK(asked.device == "d");
  CHECK(asked.password_id == ToHex(SipHash128(HashKey{1, 2}, "secret")));
  CHECK(asked.certificate == CertificateStatus::kValid);
  scene.Say(VerdictKind::kChallenge, ChallengeKind::kIdentity, "who \"is\" it");
  CHECK(scene.Ask({"POST", "/v1/assess", {}, body}) ==
        "200\nContent-Type: "
        "application/json\n\n{\"verdict\":\"challenge\",\"kind\":\"identity\",\"by\":\"rule\","
        "\"reason\":\"who \\\"is\\\" it\",\"reaches\":false}\n");
  scene.desk.answer.in_trouble = true;
  CHECK_THAT(scene.Ask({"POST", "/v1/assess", {}, body}), Catch::StartsWith("503\n"));
}

TEST_CASE("our own: what cannot be read is said, and nobody is asked", "[gateway][dialect]") {
  DialectScene scene;
  const auto error = [&](const std::string& path, const std::string& body) {
    const std::string text = scene.Ask({"POST", path, {}, body});
    CHECK_THAT(text, Catch::StartsWith("400\n"));
    return text;
  };
  CHECK_THAT(error("/v1/assess", "{"), Catch::Contains("no JSON"));
  CHECK_THAT(error("/v1/assess", R"({"source.ip":"x"})"), Catch::Contains("source.ip"));
  CHECK_THAT(error("/v1/assess", R"({"login.certificate":"fine"})"), Catch::Contains("login.certificate"));
  CHECK_THAT(error("/v1/outcome", R"({"ticket":"x","outcome":"success"})"), Catch::Contains("ticket"));
  CHECK_THAT(error("/v1/outcome", R"({"ticket":1,"outcome":"fine"})"), Catch::Contains("bad_password"));
  CHECK_THAT(error("/v1/outcome", R"({"outcome":"success"})"), Catch::Contains("ticket"));
  CHECK_THAT(error("/v1/challenge", R"({"kind":"x","account":"a","source":"192.0.2.1"})"),
             Catch::Contains("kind"));
  CHECK_THAT(error("/v1/challenge", R"({"kind":"human","source":"192.0.2.1"})"), Catch::Contains("account"));
  CHECK_THAT(error("/v1/challenge", R"({"kind":"human","account":"a"})"), Catch::Contains("source"));
  CHECK(scene.desk.asked.empty());
  CHECK(scene.desk.told.empty());
  CHECK(scene.desk.passed.empty());
  CHECK_THAT(scene.Ask({"GET", "/v1/assess"}), Catch::StartsWith("405\n") && Catch::Contains("Allow: POST"));
  CHECK_THAT(scene.Ask({"GET", "/nothing"}), Catch::StartsWith("404\n"));
}

TEST_CASE("our own: outcomes and passed challenges are told, with the token where one is set",
          "[gateway][dialect]") {
  DialectScene scene("s3cret");
  const std::string outcome = R"({"ticket":17,"outcome":"bad_password"})";
  const std::string challenge =
      R"({"kind":"identity","account":"alice","source":"203.0.113.9","device":"d1"})";
  CHECK_THAT(scene.Ask({"POST", "/v1/outcome", {}, outcome}), Catch::StartsWith("401\nContent-Type"));
  CHECK_THAT(scene.Ask({"POST", "/v1/outcome", {{"Authorization", "Bearer s3cre"}}, outcome}),
             Catch::StartsWith("401\n"));
  CHECK(scene.desk.told.empty());
  HandMade remote("POST", "/v1/outcome", {{"authorization", "Bearer s3cret"}}, outcome);
  remote.is_local = false;
  remote.peer = *Address::Parse("198.51.100.1");
  CHECK(scene.Ask(remote) == "204\n\n");
  CHECK(scene.Ask({"POST", "/v1/challenge", {{"Authorization", "Bearer s3cret"}}, challenge}) == "204\n\n");
  REQUIRE(scene.desk.told.size() == 1);
  CHECK(scene.desk.told[0] == std::pair<uint64_t, Outcome>(17, Outcome::kBadPassword));
  CHECK(scene.desk.passed == std::vector<std::string>{"identity alice 203.0.113.9 d1"});
}

// A dialect scene whose certificates the test judges by hand.
struct LateScene : DialectScene {
  LateScene() {
    EndpointSettings portal;
    portal.name = "portal";
    portal.path = "/login";
    portal.account = {{ValueSource::From::kBody, "user"}, {ValueSource::From::kCookie, "who"}};
    portal.channel = "web";
    portal.signature.emplace().over = "{account}|{timestamp}|{nonce}";
    auto exchange = LoginExchange::Create({portal}, HashKey{1, 2});
    REQUIRE(exchange.ok());
    VerdictParts parts;
    parts.desk = &desk;
    parts.exchange = std::move(*exchange);
    parts.hash_key = HashKey{1, 2};
    parts.counters = &counters;
    parts.certificate = [this](std::span<const HeaderField> fields, const EndpointSettings&,
                               const LoginClaim& claim, const Address& client) {
      fields_seen = fields.size();
      asked = claim.account + " " + client.ToString();
      return by_hand.Find();
    };
    parts.assessed_certificate = [this](CertificateEvidence shown, const EndpointSettings& endpoint,
                                        const LoginClaim& claim, const Address& client) {
      asked = claim.account + " " + client.ToString() + " " + std::string(Name(shown.from));
      if (claim.signature && endpoint.signature)
        asked += " " + claim.signature->text + " " + std::string(Name(claim.signature->fault));
      return by_hand.Find();
    };
    dialects = std::make_shared<VerdictDialects>(std::move(parts));
  }
  // Asks; the request, and all it points into, is gone when the answer comes.
  void AskLate(HandMade request) {
    CHECK_FALSE(dialects->Reply(request.Request(), [this] {
      return [this](const ServiceReply& reply) { replies.push_back(TextOf(reply)); };
    }));
    std::fill(request.body.begin(), request.body.end(), 'X');
  }
  std::string Assess(const std::string& body) { return Ask({"POST", "/v1/assess", {}, body}); }

  JudgingByHand by_hand;
  std::string asked;
  size_t fields_seen = 0;
  std::vector<std::string> replies;
};

TEST_CASE("a login whose certificate is judged elsewhere is answered later, in its dialect",
          "[gateway][dialect]") {
  LateScene scene;
  scene.AskLate({"GET", "/auth-request", kNginxAsks});
  CHECK(scene.asked == "alice 203.0.113.9");
  CHECK(scene.desk.asked.empty());
  // A reload meanwhile, and nobody else holds on to the old.
  scene.dialects.reset();
  scene.by_hand.Await(0)(CertificateStatus::kValid);
  CHECK(scene.replies ==
        std::vector<std::string>{"204\nX-Stockade-Verdict: allow\nX-Stockade-Ticket: 17\n\n"});
  const Attempt attempt = scene.Asked();
  CHECK(attempt.certificate == CertificateStatus::kValid);
  CHECK(attempt.certificate_present);
  CHECK(attempt.account == "alice");
  CHECK(attempt.path == "/login");
  CHECK(attempt.user_agent == "agent/1");
  CHECK(attempt.channel == "web");
  CHECK(attempt.source.ToString() == "203.0.113.9");
}

TEST_CASE(
    "certificates are read off the fields of a proxy, and never off those that AppSec hands on from the "
    "client",
    "[gateway][dialect]") {
  LateScene scene;
  scene.AskLate({"GET", "/auth-request", kNginxAsks});
  CHECK(scene.fields_seen == kNginxAsks.size());
  Fields fields = kAppSec;
  fields.emplace_back("X-SSL-Client-Cert", "whatever the client wrote");
  scene.AskLate({"POST", "/", fields, "user=bob&pass=secret"});
  CHECK(scene.asked == "bob 203.0.113.9");
  CHECK(scene.fields_seen == 0);
}

TEST_CASE("what a login shows may be handed to assess, to be judged", "[gateway][dialect]") {
  LateScene scene;
  scene.AskLate({"POST",
                 "/v1/assess",
                 {},
                 R"({"user":{"name":"alice"},"source":{"ip":"203.0.113.9"},"login":{"signature":"c2ln",)"
                 R"("timestamp":1714953600,"nonce":"n-12345678"}})"});
  CHECK(scene.asked == "alice 203.0.113.9 none alice\n1714953600\nn-12345678 none");
  scene.by_hand.Await(0)(CertificateStatus::kValid);
  CHECK_THAT(scene.replies.at(0), Catch::Contains(R"({"verdict":"allow","reaches":true,"ticket":17})"));
  CHECK(scene.Asked().certificate == CertificateStatus::kValid);
  CHECK(scene.Asked().account == "alice");

  // The text that an endpoint has set; and a certificate from a handshake, which the one who asks vouches for.
  scene.AskLate(
      {"POST",
       "/v1/assess",
       {},
       R"({"user.name":"alice","login.endpoint":"portal","login.signature":"c2ln",)"
       R"("login.timestamp":"1714953600","login.nonce":"n-12345678","tls.client.certificate":"MAMCAQE="})"});
  CHECK(scene.asked == "alice  header alice|1714953600|n-12345678 none");
  scene.AskLate({"POST", "/v1/assess", {}, R"({"user.name":"a","tls.client.certificate":"no certificate"})"});
  CHECK(scene.asked == "a  malformed");
  // Without an account, or with half of a signature, it is a signature all the same, and a bad one.
  scene.AskLate({"POST", "/v1/assess", {}, R"({"login.signature":"c2ln"})"});
  CHECK_THAT(scene.asked, Catch::Contains("incomplete"));
  scene.AskLate({"POST", "/v1/assess", {}, R"({"user.name":"a","login.signature":"c2ln","login.nonce":""})"});

  // Who leaves out what he could have shown is asked about, too; who says nothing of certificates is not.
  scene.AskLate({"POST", "/v1/assess", {}, R"({"user.name":"bob","login.endpoint":"portal"})"});
  CHECK(scene.asked == "bob  none");
  scene.AskLate({"POST", "/v1/assess", {}, R"({"user.name":"cyd","login.certificate":"missing"})"});
  CHECK(scene.asked == "cyd  none");
  CHECK_THAT(scene.Assess(R"({"user.name":"dan"})"), Catch::Contains(R"("verdict":"allow")"));
  CHECK(scene.asked == "cyd  none");
  CHECK_THAT(scene.Assess(R"({"login.certificate":"valid","login.signature":"c2ln"})"),
             Catch::StartsWith("400"));
  CHECK_THAT(scene.Assess(R"({"login.endpoint":"other","login.signature":"c2ln"})"),
             Catch::StartsWith("400") && Catch::Contains("login.endpoint"));
  DialectScene without;
  CHECK_THAT(without.Ask({"POST", "/v1/assess", {}, R"({"tls.client.certificate":"MAMCAQE="})"}),
             Catch::StartsWith("400") && Catch::Contains("anchors"));
}

}  // namespace
}  // namespace stockade
