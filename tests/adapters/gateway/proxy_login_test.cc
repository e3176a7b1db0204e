// Logins through the proxy: held, asked about, forwarded or answered, and read afterwards, whatever client and upstream
// do meanwhile.
#include <catch2/catch.hpp>

#include "engine/text.h"
#include "tests/adapters/gateway/proxy_scene.h"

namespace stockade {
namespace {

std::string LoginAs(std::string_view body, std::string_view fields = {}) {
  return Concat("POST /login HTTP/1.1\r\nHost: a\r\n", fields, "Content-Length: ", body.size(), "\r\n\r\n",
                body);
}
using Log = std::vector<std::string>;

GateAnswer Verdict(VerdictKind kind, bool reaches) {
  GateAnswer answer;
  answer.kind = kind;
  answer.reaches = reaches;
  return answer;
}

TEST_CASE("an allowed login goes on as it came and its outcome is told", "[proxy][login]") {
  RawUpstream upstream([](const std::string& request) {
    return Ok("in", request.find("alice:right") != std::string::npos ? "X-Outcome: success\r\n"
                                                                     : "X-Outcome: bad_password\r\n");
  });
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  client.Send(LoginAs("alice:right") + LoginAs("alice:wrong"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(upstream.requests()[0].ends_with("\r\n\r\nalice:right"));
  CHECK(scene.desk.log() ==
        Log{"assess alice 127.0.0.1", "observe success", "assess alice 127.0.0.1", "observe bad_password"});
  // Chunked, and waiting for 100: the desk reads the data, the upstream gets the chunks.
  client.Send(
      "POST /login HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.ReadAnswer() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("3\r\nbob\r\n6\r\n:right\r\n0\r\n\r\n");
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(upstream.requests()[2].ends_with("3\r\nbob\r\n6\r\n:right\r\n0\r\n\r\n"));
  CHECK(upstream.requests()[2].find("Expect") == std::string::npos);
  CHECK(scene.desk.log()[4] == "assess bob 127.0.0.1");
  CHECK(scene.proxy->counts()[Count::kLogins] == 3);
  CHECK(scene.proxy->counts()[Count::kReached] == 3);
}

TEST_CASE("the sidecar asks with what it can ask a person for, also after a reload",
          "[proxy][login][challenge]") {
  RawUpstream upstream([](const std::string&) { return Ok("x", "X-Outcome: success\r\n"); });
  Scene scene(upstream.port());
  ProxyParts parts = scene.parts;
  parts.can_ask = CanAsk::kHuman;
  REQUIRE(scene.proxy->SwapSettings(scene.settings, parts).ok());
  Wire client = scene.Connect();
  client.Send(LoginAs("alice:x"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(scene.desk.log().front() == "assess alice 127.0.0.1 can ask human");
}

TEST_CASE("a stopped login never reaches the upstream, and its connection goes on", "[proxy][login]") {
  RawUpstream upstream([](const std::string&) { return Ok("x"); });
  Scene scene(upstream.port());
  Wire client = scene.Connect();
  scene.desk.set_next(Verdict(VerdictKind::kDeny, false));
  client.Send(LoginAs("alice:x"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 403"));
  scene.desk.set_next(Verdict(VerdictKind::kThrottle, false));
  client.Send(LoginAs("alice:x"));
  const std::string throttled = client.ReadAnswer();
  CHECK(throttled.starts_with("HTTP/1.1 429"));
  CHECK(throttled.find("Retry-After: 10\r\n") != std::string::npos);
  scene.desk.set_next(Verdict(VerdictKind::kChallenge, false));
  client.Send(LoginAs("alice:x"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 401"));
  client.Send(Get("/"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(upstream.requests().size() == 1);
  CHECK(scene.desk.log() ==
        Log{"assess alice 127.0.0.1", "assess alice 127.0.0.1", "assess alice 127.0.0.1"});
}

TEST_CASE("what cannot be read, or cannot be asked about, is open or closed as the endpoint says",
          "[proxy][login]") {
  RawUpstream upstream([](const std::string&) { return Ok("x", "X-Outcome: success\r\n"); });
  Scene scene(upstream.port());
  const auto status = [&](const std::string& bytes) {
    Wire client = scene.Connect();
    client.Send(bytes);
    return client.ReadAnswer().substr(9, 3);
  };
  CHECK(status(LoginAs("unreadable")) == "400");
  scene.logins->settings.on_unreadable = FailMode::kOpen;
  CHECK(status(LoginAs("unreadable")) == "200");
  CHECK(scene.desk.log() == Log{"assess - 127.0.0.1", "observe success"});
  CHECK(status(LoginAs(std::string(70'000, 'x'))) == "413");
  GateAnswer trouble;
  trouble.in_trouble = true;
  scene.desk.set_next(trouble);
  CHECK(status(LoginAs("a:b")) == "503");
  scene.logins->settings.on_engine_trouble = FailMode::kOpen;
  CHECK(status(LoginAs("a:b")) == "200");
  CHECK(scene.proxy->counts()[Count::kEngineTrouble] == 2);
}

TEST_CASE("an outcome that stands in the body is read while the body passes", "[proxy][login]") {
  RawUpstream upstream([](const std::string& request) -> std::string {
    if (request.find("chunked:") != std::string::npos)
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwro\r\n2\r\nng\r\n0\r\n\r\n";
    if (request.find("long:") != std::string::npos) return Ok("wrong" + std::string(1'000'000, 'x'));
    if (request.find("half:") != std::string::npos)
      return "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nwrong";
    return "";
  });
  Scene scene(upstream.port(),
              [](GatewaySettings* s) { s->limits.body_idle_time = absl::Milliseconds(300); });
  Wire client = scene.Connect();
  client.Send(LoginAs("chunked:x"));
  CHECK(client.ReadAnswer().ends_with("3\r\nwro\r\n2\r\nng\r\n0\r\n\r\n"));
  client.Send(LoginAs("long:x"));
  CHECK(client.ReadAnswer().size() > 1'000'000);
  const std::string wrong = "observe bad_password";
  CHECK(scene.desk.log() == Log{"assess chunked 127.0.0.1", wrong, "assess long 127.0.0.1", wrong});
  // Who hangs up before the body is through is counted all the same; so is an answer that breaks off.
  {
    Wire hasty = scene.Connect();
    hasty.Send(LoginAs("long:x"));
  }
  CHECK(Eventually([&] { return scene.desk.log().size() == 6; }));
  CHECK(scene.desk.log()[5] == wrong);
  Wire half = scene.Connect();
  half.Send(LoginAs("half:x"));
  half.ReadToEnd();
  CHECK(Eventually([&] { return scene.desk.log().size() == 8; }));
  CHECK(scene.desk.log()[7] == wrong);
  // No answer at all: nothing is known.
  Wire none = scene.Connect();
  none.Send(LoginAs("none:x"));
  CHECK(none.ReadAnswer().starts_with("HTTP/1.1 503"));
  CHECK(scene.desk.log().back() == "abandon");
}

TEST_CASE("a passed challenge is reported by the application's header, which no client sees",
          "[proxy][login]") {
  RawUpstream upstream([](const std::string& request) {
    return Ok("x", request.find("/good") != std::string::npos ? "stockade-challenge-passed: good alice\r\n"
                                                              : "Stockade-Challenge-Passed: forged\r\n");
  });
  Scene scene(upstream.port());
  ProxyParts parts = scene.parts;
  parts.check_challenge = [](std::string_view value) -> std::optional<PassedChallenge> {
    if (!value.starts_with("good ")) return std::nullopt;
    return PassedChallenge{ChallengeKind::kHuman, std::string(value.substr(5))};
  };
  parts.check_certificate = [](const CertificateQuestion& question) {
    return question.claim.has_account ? CertificateStatus::kMissing : CertificateStatus::kUnchecked;
  };
  GatewaySettings settings = scene.settings;
  REQUIRE(scene.proxy->SwapSettings(settings, parts).ok());
  Wire client = scene.Connect();
  CHECK(Eventually([&] {
    client.Send(Get("/good"));
    CHECK(client.ReadAnswer() == Ok("x"));
    return scene.desk.log() == Log{"passed alice"};
  }));
  client.Send(Get("/bad"));
  CHECK(client.ReadAnswer() == Ok("x"));
  CHECK(scene.proxy->counts()[Count::kChallengeTokensBad] == 1);
  client.Send(LoginAs("alice:x"));
  client.ReadAnswer();
  CHECK(scene.desk.log()[1] == "assess alice 127.0.0.1 missing");
}

}  // namespace
}  // namespace stockade
