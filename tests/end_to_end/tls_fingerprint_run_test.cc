// TLS fingerprints in the program: replay tells events whose stack their JA4 shows and rules see it; a gate that ends TLS
// itself records JA3, JA4, stack and mismatch of real clients, a rule acts on them, and the record replayed says the same.
#include <catch2/catch.hpp>
#include <csignal>
#include <iostream>

#include "engine/text.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

constexpr char kChrome[] =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 "
    "Safari/537.36";

constexpr char kRule[] = R"(
title: Says one browser and speaks another TLS
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a11
name: pretender
level: high
logsource: {category: authentication}
detection:
  pretends: {login.tls_mismatch|startswith: chromium/, login.tls_stack: [python, openssl]}
  condition: pretends
response: {action: block, target: source.ip, for: 1h}
)";

TEST_CASE("replay tells events whose TLS their JA4 shows, and rules see the mismatch", "[replay]") {
  Scene scene;
  scene.Write("pretender.yml", kRule);
  const auto more = [](const std::string& ja4, const std::string& agent) {
    return Concat(R"(,"tls.client.ja4":")", ja4, R"(","user_agent.original":")", agent, "\"");
  };
  const std::string log = scene.Write(
      "log",
      LoginLine(0, "192.0.2.1", "ann", "success", more("t13d1516h2_8daaf6152771_d8a2da3f94cd", kChrome)) +
          LoginLine(1, "192.0.2.2", "bob", "bad_password",
                    more("t13d1812h1_85036bcba153_b26ce05bbdd6", "python-requests/2.34")) +
          LoginLine(2, "192.0.2.3", "cid", "bad_password",
                    more("t13d1812h1_85036bcba153_b26ce05bbdd6", kChrome)) +
          LoginLine(3, "192.0.2.4", "dan", "success", more("t13d1418h2_0123456789ab_0123456789ab", kChrome)));
  REQUIRE(RunStockade({"replay", "--rules-only", "--rules", scene.Path("pretender.yml"), "--decisions",
                       scene.Path("decisions"), log})
              .exit_code == 0);
  const std::vector<std::string> decisions = Lines(scene.Read("decisions"));
  REQUIRE(decisions.size() == 1);
  CHECK_THAT(decisions[0], Catch::Contains("\"value\":\"192.0.2.3\""));
  const ProgramRun explained =
      RunStockade({"explain", "--rules-only", "--rules", scene.Path("pretender.yml"), "--line", "3", log});
  CHECK(explained.exit_code == 0);
  CHECK_THAT(explained.out, Catch::Contains("pretender"));
}

TEST_CASE("a gate that ends TLS knows curl under a browser's name, and its record replays the same",
          "[run]") {
  if (FindProgram("curl").empty() || FindProgram("openssl").empty()) {
    std::cout << "skipped: the programs curl and openssl are not both installed\n" << std::flush;
    std::_Exit(77);
  }
  Scene scene;
  scene.Write("pretender.yml", kRule);
  REQUIRE(RunProgram({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                      "-nodes", "-days", "2", "-subj", "/CN=gate.example", "-keyout", scene.Path("key.pem"),
                      "-out", scene.Path("chain.pem")})
              .first == 0);
  HttpServiceOptions options;
  options.at.host = "127.0.0.1";
  auto application = HttpService::Start(options, [](const ServiceRequest&) -> ServiceReply {
    return {302, {{"Location", "/home"}}, ""};
  });
  REQUIRE(application.ok());
  const uint16_t port = FreePort();
  const uint16_t admin = FreePort();
  scene.Write(
      "stockade.yaml",
      Concat("mode: protect\ndetectors: off\ncertificates: ignored\nrules: [pretender.yml]\nmemory: 64MiB\n"
             "gateway:\n  listen: [{address: \"127.0.0.1:",
             port, "\", tls: {certificate: chain.pem, key: key.pem}}]\n  upstreams: [\"127.0.0.1:",
             (*application)->port(), "\"]\n  admin: {address: \"127.0.0.1:", admin,
             "\"}\n  endpoints:\n    - path: /login\n      account: user\n      password: pass\n"
             "      outcomes: [{status: 302, outcome: success}]\n"));
  ChildProcess gate({STOCKADE_PROGRAM, "run", "-c", scene.Path("stockade.yaml"), "--record",
                     scene.Path("record"), "--decisions", scene.Path("decisions")},
                    scene.Path("output"));
  REQUIRE(WaitUntil([&] { return gate.Output().find("Ctrl-C stops it") != std::string::npos; }));
  const auto login = [&](const std::string& agent) {
    return RunProgram({"curl", "-sS", "-k", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", "-A",
                       agent, "-d", "user=mia&pass=x", "--resolve",
                       Concat("gate.example:", port, ":127.0.0.1"),
                       Concat("https://gate.example:", port, "/login")})
        .second;
  };
  CHECK(login("curl/7.88.1") == "302");
  CHECK(login(kChrome) == "302");
  // One more, so that what comes after the decision is recorded and replayed too.
  login("curl/7.88.1");
  TestClient metrics(admin);
  metrics.Send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string figures = metrics.ReadAll();
  CHECK_THAT(figures, Catch::Contains("stockade_tls_fingerprints_total 3\n"));
  gate.Signal(SIGTERM);
  REQUIRE(gate.Wait() == 0);

  std::vector<std::string> attempts;
  for (const std::string& line : Lines(scene.Read("record")))
    if (line.find("\"tls.client.ja4\":\"t1") != std::string::npos) attempts.push_back(line);
  REQUIRE(attempts.size() == 3);
  for (const std::string& line : attempts) CHECK_THAT(line, Catch::Contains("\"tls.client.ja3\":\""));
  // Of a curl that is built on another library the table may say another word, or none.
  if (attempts[0].find("\"login.tls_stack\":\"openssl\"") == std::string::npos) {
    WARN("curl here is of no stack that the table calls openssl: " << attempts[0]);
    return;
  }
  CHECK(attempts[0].find("login.tls_mismatch") == std::string::npos);
  CHECK_THAT(attempts[1], Catch::Contains("\"login.tls_mismatch\":\"chromium/openssl\""));
  CHECK_THAT(figures, Catch::Contains("stockade_tls_mismatches_total 1\n"));
  REQUIRE(RunStockade({"replay", "-c", scene.Path("stockade.yaml"), "--decisions", scene.Path("replayed"),
                       scene.Path("record")})
              .exit_code == 0);
  CHECK(Lines(scene.Read("decisions")).size() == 1);
  CHECK(scene.Read("replayed") == scene.Read("decisions"));
}

}  // namespace
}  // namespace stockade
