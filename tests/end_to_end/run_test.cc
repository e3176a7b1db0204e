// stockade run as an operator runs it: the program itself, clients, an application behind it, signals. Proves that what it
// records is replayed byte for byte, that a reload keeps what was counted and refuses what is broken, that operators are
// answered, and that a full disk costs the record and nobody's login.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

// An application with a login: the password says what comes of it.
ServiceReply Application(const ServiceRequest& request) {
  const std::string_view body = request.body_text();
  if (body.find("pass=right") != std::string_view::npos) return {302, {{"Location", "/home"}}, ""};
  if (body.find("pass=odd") != std::string_view::npos) return {204, {}, ""};
  return {200, {{"Content-Type", "text/plain"}}, "wrong password"};
}

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

// A gate in front of an application, both on free ports. `more` are arguments, `listen` and `limits` settings.
class RunScene {
 public:
  explicit RunScene(const std::vector<std::string>& more = {}, std::string listen = "",
                    std::string limits = "")
      : port_(FreePort()),
        service_(FreePort()),
        admin_(FreePort()),
        listen_(std::move(listen)),
        limits_(std::move(limits)) {
    HttpServiceOptions options;
    options.at.host = "127.0.0.1";
    auto application = HttpService::Start(options, Application);
    REQUIRE(application.ok());
    application_ = std::move(*application);
    folder_.Write("token", std::string(kToken) + "\n");
    WriteSettings("protect");
    std::vector<std::string> arguments = {STOCKADE_PROGRAM, "run", "-c", folder_.Path("stockade.yaml")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (std::string& word : arguments)
      if (word.starts_with("@")) word = folder_.Path(word.substr(1));
    gate_ = std::make_unique<ChildProcess>(arguments, folder_.Path("output"));
    REQUIRE(WaitUntil([&] { return Output().find("Ctrl-C stops it") != std::string::npos; }));
  }

  void WriteSettings(const std::string& mode) const {
    const auto at = [](uint16_t port) { return "\"127.0.0.1:" + std::to_string(port) + "\""; };
    folder_.Write("stockade.yaml",
                  "detectors: off\nmode: " + mode +
                      "\nrules: [rules.yml]\nmemory: 64MiB\ngateway:\n  listen: [{address: " + at(port_) +
                      listen_ + "}]\n  limits: {" + limits_ + "}\n  upstreams: [" + at(application_->port()) +
                      "]\n  trusted_proxies: [127.0.0.0/8]\n  service: {address: " + at(service_) +
                      ", token_file: token}\n  admin: {address: " + at(admin_) +
                      ", token_file: token}\n  endpoints:\n    - name: portal\n      path: /login\n"
                      "      account: user\n      password: pass\n      outcomes:\n"
                      "        - {status: 302, outcome: success}\n"
                      "        - {body: wrong password, outcome: bad_password}\n");
  }

  std::string Exchange(uint16_t port, const std::string& request, const std::string& body) const {
    TestClient client(port);
    client.Send(request + "Host: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    return client.ReadAll();
  }
  // The status of the answer.
  std::string Login(const std::string& source, const std::string& account,
                    const std::string& password) const {
    return Exchange(port_,
                    "POST /login HTTP/1.1\r\nX-Forwarded-For: " + source +
                        "\r\nContent-Type: application/x-www-form-urlencoded\r\n",
                    "user=" + account + "&pass=" + password)
        .substr(0, 12);
  }
  std::string Admin(const std::string& what, const std::string& body = "") const {
    return Exchange(admin_, what + " HTTP/1.1\r\nAuthorization: Bearer " + kToken + "\r\n", body);
  }
  std::string Service(const std::string& path, const std::string& body) const {
    return Exchange(service_, "POST " + path + " HTTP/1.1\r\nAuthorization: Bearer " + kToken + "\r\n", body);
  }

  uint16_t port() const { return port_; }
  std::string Output() const { return gate_->Output(); }
  ChildProcess& gate() { return *gate_; }
  const Scene& folder() const { return folder_; }

 private:
  Scene folder_;
  uint16_t port_, service_, admin_;
  std::string listen_, limits_;
  std::unique_ptr<HttpService> application_;
  std::unique_ptr<ChildProcess> gate_;
};

TEST_CASE("what a gate recorded under load is replayed byte for byte", "[run]") {
  RunScene scene({"--record", "@record", "--verdicts", "@live_verdicts", "--decisions", "@live_decisions"});
  std::vector<std::thread> clients;
  for (unsigned client = 0; client < 4; ++client) {
    clients.emplace_back([&scene, client] {
      std::mt19937 random(client);
      for (int i = 0; i < 60; ++i) {
        const std::string source = "192.0.2." + std::to_string(random() % 6);
        const std::string account = "c" + std::to_string(random() % 20);
        const char* const passwords[] = {"right", "wrong", "wrong", "odd"};
        scene.Login(source, account, passwords[random() % 4]);
        if (i % 10 == 0) scene.Admin("PUT /mode", random() % 2 == 0 ? "observe" : "protect");
        if (i % 7 == 0)
          scene.Service("/v1/assess", R"({"source":{"ip":")" + source + R"("},"user":{"name":"eve"}})");
      }
    });
  }
  for (std::thread& client : clients) client.join();
  scene.gate().Signal(SIGTERM);
  REQUIRE(scene.gate().Wait() == 0);
  INFO(scene.Output());
  CHECK_FALSE(scene.folder().Read("live_decisions").empty());
  const ProgramRun replayed = RunStockade({"replay", "-c", scene.folder().Path("stockade.yaml"), "--verdicts",
                                           scene.folder().Path("verdicts"), "--decisions",
                                           scene.folder().Path("decisions"), scene.folder().Path("record")});
  INFO(replayed.err);
  REQUIRE(replayed.exit_code == 0);
  CHECK(Lines(scene.folder().Read("live_verdicts")).size() >= 240);
  CHECK(scene.folder().Read("verdicts") == scene.folder().Read("live_verdicts"));
  CHECK(scene.folder().Read("decisions") == scene.folder().Read("live_decisions"));
  CHECK(scene.folder().Read("record").find("wrong") == std::string::npos);  // no password is anywhere
  CHECK(scene.Output().find("pass=") == std::string::npos);
}

TEST_CASE("a reload keeps what was counted; a broken file is refused with its place and the old stays",
          "[run]") {
  RunScene scene;
  for (int i = 0; i < 4; ++i)
    CHECK(scene.Login("192.0.2.9", "a" + std::to_string(i), "wrong") == "HTTP/1.1 200");

  const std::string rules = scene.folder().Read("rules.yml");
  scene.folder().Write("rules.yml",
                       rules + "---\ntitle: Broken\nname: broken\ncorrelation: {type: event_count}\n");
  scene.gate().Signal(SIGHUP);
  REQUIRE(WaitUntil([&] { return scene.Output().find("reload refused") != std::string::npos; }));
  CHECK(scene.Output().find("rules.yml:") != std::string::npos);

  std::string titled = rules;
  titled.replace(titled.find("title: One address"), 18, "title: An address ");
  scene.folder().Write("rules.yml", titled);
  scene.gate().Signal(SIGHUP);
  REQUIRE(WaitUntil([&] { return scene.Output().find("reloaded: settings, rules") != std::string::npos; }));
  CHECK(scene.Login("192.0.2.9", "b", "wrong") == "HTTP/1.1 200");  // the fifth
  CHECK(scene.Login("192.0.2.9", "c", "right") == "HTTP/1.1 403");
  CHECK(scene.Admin("GET /decisions").find("An address") != std::string::npos);

  scene.gate().Signal(SIGHUP);
  REQUIRE(
      WaitUntil([&] { return scene.Output().find("settings and rules are the same") != std::string::npos; }));
  scene.gate().Signal(SIGTERM);
  CHECK(scene.gate().Wait() == 0);
}

TEST_CASE("operators see health, metrics and decisions, and switch the mode", "[run]") {
  RunScene scene;
  CHECK_THAT(scene.Admin("GET /livez"), Catch::StartsWith("HTTP/1.1 200"));
  CHECK_THAT(scene.Admin("GET /readyz"), Catch::StartsWith("HTTP/1.1 200"));
  for (int i = 0; i < 6; ++i) scene.Login("192.0.2.9", "a", "wrong");
  CHECK_THAT(scene.Admin("GET /metrics"),
             Catch::Contains("stockade_verdicts_total{verdict=\"deny\",by=\"frequency\"} 1") &&
                 Catch::Contains("stockade_upstream_healthy"));
  CHECK(scene.Login("192.0.2.9", "a", "right") == "HTTP/1.1 403");
  CHECK_THAT(scene.Admin("PUT /mode", "observe"), Catch::Contains("{\"mode\":\"observe\"}"));
  CHECK(scene.Login("192.0.2.9", "a", "right") == "HTTP/1.1 302");
  CHECK(scene.Output().find("the mode is observe") != std::string::npos);
}

TEST_CASE("an answer that no row reads is counted by its endpoint and said in the log", "[run]") {
  RunScene scene;
  for (int i = 0; i < 3; ++i) CHECK(scene.Login("192.0.2.9", "a", "odd") == "HTTP/1.1 204");
  CHECK_THAT(scene.Admin("GET /metrics"),
             Catch::Contains("stockade_answers_unread_total{endpoint=\"portal\"} 3"));
  REQUIRE(WaitUntil([&] { return scene.Output().find("fit no row of `outcomes`") != std::string::npos; }));
  CHECK(scene.Output().find("endpoint portal") != std::string::npos);
  CHECK(scene.Output().find("status 204") != std::string::npos);
}

TEST_CASE("the verdict service and the proxy are one gate", "[run]") {
  RunScene scene;
  for (int i = 0; i < 5; ++i)
    CHECK(scene.Login("192.0.2.9", "a" + std::to_string(i), "wrong") == "HTTP/1.1 200");
  CHECK_THAT(scene.Service("/v1/assess", R"({"source.ip":"192.0.2.9","user.name":"b","password":"x"})"),
             Catch::Contains(R"("verdict":"deny","by":"frequency")"));
}

TEST_CASE("a full disk stops the record loudly, and nobody's login", "[run]") {
  if (access("/dev/full", W_OK) != 0) {
    WARN("skipped: there is no /dev/full here");
    return;
  }
  RunScene scene({"--record", "/dev/full"});
  CHECK(scene.Login("192.0.2.9", "a", "right") == "HTTP/1.1 302");
  REQUIRE(WaitUntil([&] { return scene.Output().find("THIS LOG HAS STOPPED") != std::string::npos; }));
  CHECK(scene.Login("192.0.2.9", "a", "right") == "HTTP/1.1 302");
  const std::string metrics = scene.Admin("GET /metrics");
  CHECK_THAT(metrics, Catch::Contains("stockade_log_stopped{log=\"record\"} 1"));
  CHECK_THAT(metrics, !Catch::Contains("stockade_log_lines_lost_total{log=\"record\"} 0\n"));
  scene.gate().Signal(SIGTERM);
  CHECK(scene.gate().Wait() == 2);
  CHECK(scene.Output().find("No space left") != std::string::npos);
}

TEST_CASE("ten thousand slow clients keep nobody else waiting", "[run]") {
  constexpr size_t kSlow = 10'000;
  // One descriptor each on this side; the gate is a process of its own.
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < kSlow + 100) {
    WARN("left out: only " << files.rlim_cur << " files may be open here");
    return;
  }
  RunScene scene({}, "", "connections_per_source: 20000, header_time: 5m");
  std::vector<std::unique_ptr<TestClient>> slow;
  for (size_t i = 0; i < kSlow; ++i) {
    slow.push_back(std::make_unique<TestClient>(scene.port()));
    slow.back()->Send("POST /login HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  }
  REQUIRE(WaitUntil([&] {
    return scene.Admin("GET /metrics").find("stockade_proxy_connections_open 10000") != std::string::npos;
  }));
  for (int i = 0; i < 20; ++i)
    CHECK(scene.Login("192.0.2.9", "a" + std::to_string(i), "right") == "HTTP/1.1 302");
  // And each of them is served once it has asked.
  for (size_t i = 0; i < kSlow; i += 499) {
    slow[i]->Send("now\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    CHECK(slow[i]->ReadAll().starts_with("HTTP/1.1 "));
  }
}

TEST_CASE("behind HAProxy with PROXY headers the address that counts is the client's", "[run][real]") {
  if (!IsInstalled("/usr/sbin/haproxy")) {
    WARN("left out: HAProxy is not installed");
    return;
  }
  for (const char* how : {"send-proxy", "send-proxy-v2"}) {
    INFO(how);
    RunScene scene({"--verdicts", "@verdicts"}, ", proxy_protocol: true");
    const uint16_t front = FreePort();
    const std::string config = scene.folder().Write(
        "haproxy.cfg",
        "defaults\n  mode http\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n"
        "frontend f\n  bind 127.0.0.1:" +
            std::to_string(front) + "\n  default_backend b\nbackend b\n  server s 127.0.0.1:" +
            std::to_string(scene.port()) + " " + how + "\n");
    ChildProcess haproxy({"/usr/sbin/haproxy", "-db", "-f", config}, scene.folder().Path("haproxy.log"));
    const auto login = [&](const std::string& from, int number) {
      const std::string answer = scene.folder().Path("answer");
      ChildProcess curl({"/usr/bin/curl",
                         "-s",
                         "-o",
                         answer,
                         "--noproxy",
                         "*",
                         "--max-time",
                         "20",
                         "--retry",
                         "20",
                         "--retry-connrefused",
                         "--retry-delay",
                         "0",
                         "--interface",
                         from,
                         "-w",
                         "%{http_code}",
                         "-d",
                         "user=c" + std::to_string(number) + "&pass=wrong",
                         "http://127.0.0.1:" + std::to_string(front) + "/login"},
                        scene.folder().Path("curl"));
      REQUIRE(curl.Wait() == 0);
      return curl.Output();
    };
    // The fifth failure of one address blocks it and nobody else behind the same HAProxy.
    for (int i = 0; i < 5; ++i) CHECK(login("127.0.0.7", i) == "200");
    CHECK(login("127.0.0.7", 5) == "403");
    CHECK(login("127.0.0.8", 6) == "200");
    CHECK(scene.Admin("GET /decisions").find("127.0.0.7") != std::string::npos);
  }
}

TEST_CASE("what cannot run is said, and nothing is left running", "[run]") {
  const Scene folder;
  const std::string bare = folder.Write("bare.yaml", "mode: protect\nrules: [rules.yml]\n");
  ProgramRun run = RunStockade({"run", "-c", bare});
  CHECK(run.exit_code == 2);
  CHECK_THAT(run.err, Catch::Contains("gateway"));
  run = RunStockade({"run"});
  CHECK(run.exit_code == 2);
  run = RunStockade({"run", "-c", bare, "--mode", "panic"});
  CHECK(run.exit_code == 2);
}

}  // namespace
}  // namespace stockade
