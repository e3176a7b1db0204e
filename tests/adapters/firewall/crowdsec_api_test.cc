// The Local API as bouncers and machines ask it: their very requests, and worse.
#include "adapters/firewall/crowdsec_api.h"

#include <chrono>
#include <fstream>
#include <memory>

#include "tests/adapters/firewall/crowdsec_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"
#include "tests/gzip_text.h"

namespace stockade {
namespace {

using Fields = std::vector<HeaderField>;
constexpr int64_t kApiNow = kCrowdsecNow;
constexpr int64_t kHourMs = 3'600'000;

class Server {
 public:
  explicit Server(bool takes = true) {
    CrowdsecApi::Parts parts{&view, &keys_, {}, [this] { return now_ms; }};
    if (takes) {
      parts.take = [this](std::vector<ImportedDecision> decisions) {
        if (take_status.ok()) imported.insert(imported.end(), decisions.begin(), decisions.end());
        return take_status;
      };
    }
    api = std::make_unique<CrowdsecApi>(std::move(parts));
    key = *AddApiKey(file_, "edge", ApiKeyRole::kBouncer, kApiNow);
    machine_key = *AddApiKey(file_, "agent", ApiKeyRole::kMachine, kApiNow);
  }

  ServiceReply Ask(std::string_view method, std::string_view target, Fields fields, std::string body = "") {
    ServiceRequest request;
    request.head = {method, target, fields};
    request.body = body;
    request.peer = *Address::Parse(peer);
    return api->Reply(request);
  }
  ServiceReply Get(std::string_view target, std::string_view agent = "crowdsec-nginx-bouncer/v1.0.8") {
    return Ask("GET", target, {{"X-Api-Key", key}, {"User-Agent", agent}});
  }
  // The reply arrives.
  StreamRows Pull(std::string_view target = "/v1/decisions/stream",
                  std::string_view agent = "crowdsec-nginx-bouncer/v1.0.8") {
    const ServiceReply reply = Get(target, agent);
    REQUIRE(reply.status == 200);
    REQUIRE(reply.sent);
    reply.sent();
    return ReadStream(reply.body);
  }
  std::string LogIn() {
    const ServiceReply reply =
        Ask("POST", "/v1/watchers/login", {},
            Concat(R"({"machine_id":"agent","password":")", machine_key, R"(","scenarios":[]})"));
    REQUIRE(reply.status == 200);
    simdjson::dom::parser parser;
    std::string_view token;
    REQUIRE(parser.parse(reply.body)["token"].get(token) == simdjson::SUCCESS);
    return std::string(token);
  }
  double Sample(std::string_view name, std::string_view label = "") {
    double sum = 0;
    for (const CrowdsecSample& sample : api->Samples()) {
      if (sample.name != name) continue;
      bool is_it = label.empty();
      for (const auto& [key_text, value] : sample.labels) is_it = is_it || value == label;
      if (is_it) sum += sample.value;
    }
    return sum;
  }
  void Revoke(std::string_view name) { REQUIRE(RevokeApiKey(file_, name).ok()); }

  CrowdsecView view{kApiNow};
  int64_t now_ms = kApiNow;
  std::string peer = "192.0.2.1";
  std::string key;
  std::string machine_key;
  absl::Status take_status;
  std::vector<ImportedDecision> imported;
  std::unique_ptr<CrowdsecApi> api;

 private:
  TemporaryFolder folder_;
  const std::string file_ = folder_ / "keys";
  ApiKeys keys_{file_};
};

TEST_CASE("a missing, bad or revoked key is 403 in the real server's words", "[crowdsec]") {
  Server server;
  const std::string forbidden = R"({"message":"access forbidden"})";
  for (const Fields& fields :
       {Fields{}, Fields{{"X-Api-Key", ""}}, Fields{{"X-Api-Key", "no"}},
        Fields{{"X-Api-Key", server.machine_key}}, Fields{{"Authorization", "Bearer x"}}}) {
    for (const char* const target :
         {"/v1/decisions", "/v1/decisions/stream?startup=true", "/v1/decisions?ip=%zz"}) {
      const ServiceReply reply = server.Ask("GET", target, fields);
      CHECK(reply.status == 403);
      CHECK(reply.body == forbidden);
    }
    CHECK(server.Ask("POST", "/v1/usage-metrics", fields, "{}").status == 403);
  }
  CHECK(server.Get("/v1/decisions").status == 200);
  server.Revoke("edge");
  CHECK(server.Get("/v1/decisions").status == 403);
  CHECK(server.Sample("crowdsec_forbidden_total") == 21);
}

TEST_CASE("unknown paths are 404, other methods 405, health needs no key", "[crowdsec]") {
  Server server;
  for (const char* const path : {"/", "", "/v1", "/v1/decisions/", "/v1/decisions/stream/x", "/v2/decisions",
                                 "/v1//decisions", "/v1/alerts/1/2", "*"})
    CHECK(server.Get(path).status == 404);
  for (const char* const method : {"POST", "PUT", "OPTIONS"}) {
    const ServiceReply reply = server.Ask(method, "/v1/decisions", {{"X-Api-Key", server.key}});
    CHECK(reply.status == 405);
    CHECK(reply.headers.back().second == "GET, HEAD, DELETE");
  }
  CHECK(server.Ask("GET", "/v1/usage-metrics", {}).status == 405);
  const ServiceReply health = server.Ask("GET", "/health", {});
  CHECK(health.status == 200);
  CHECK(health.body == R"({"status":"up"})");
}

TEST_CASE("live bouncers get null without a newline, or an array", "[crowdsec]") {
  Server server;
  CHECK(server.Get("/v1/decisions?ip=203.0.113.9").body == "null");
  Enforce(&server.view, {Ban("203.0.113.0/24", kApiNow + 4 * kHourMs, "spray")}, kApiNow);
  server.now_ms += 1'200;
  // lua-resty-crowdsec, live mode; cs-nginx-bouncer; the Traefik plugin; a HEAD of cs-php.
  for (const char* const target :
       {"/v1/decisions?ip=203.0.113.9", "/v1/decisions?ip=203.0.113.9&banned=true",
        "/v1/decisions?ip=::ffff:203.0.113.9", "/v1/decisions?range=203.0.113.7/25",
        "/v1/decisions?scope=Range&value=203.0.113.0%2F24", "/v1/decisions?scope=RANGE"}) {
    INFO(target);
    const ServiceReply hit = server.Get(target);
    CHECK(hit.status == 200);
    CHECK(hit.headers ==
          std::vector<std::pair<std::string, std::string>>{{"Content-Type", "application/json"}});
    CHECK(ReadLive(hit.body) == std::vector<std::string>{"ban Range 203.0.113.0/24 3h59m58s stockade/spray"});
  }
  for (const char* const target :
       {"/v1/decisions?ip=203.0.113.9&type=captcha", "/v1/decisions?ip=203.0.113.9&scope=ip",
        "/v1/decisions?scope=country&value=FR", "/v1/decisions?origins=CAPI,lists",
        "/v1/decisions?scenarios_containing=ssh", "/v1/decisions?scenarios_not_containing=SPR",
        "/v1/decisions?id_gt=9007199254740992", "/v1/decisions?offset=1", "/v1/decisions?limit=0",
        "/v1/decisions?ip=203.0.113.9&contains=false"}) {
    INFO(target);
    const ServiceReply miss = server.Get(target);
    CHECK(miss.status == 200);
    CHECK(miss.body == "null");
  }
  for (const char* const target :
       {"/v1/decisions?ip=nowhere", "/v1/decisions?ip=1.2.3.4/33", "/v1/decisions?range=1.2.3.4/-1",
        "/v1/decisions?limit=-1", "/v1/decisions?limit=x", "/v1/decisions?contains=maybe",
        "/v1/decisions?id_gt=99999999999999999999", "/v1/decisions?simulated=2", "/v1/decisions?ip=%"}) {
    INFO(target);
    const ServiceReply bad = server.Get(target);
    CHECK(bad.status == 400);
    CHECK(bad.body.starts_with(R"({"message":")"));
  }
  CHECK(server.Get("/v1/decisions?origins=cscli,Stockade&simulated=false&contains=t").body != "null");
}

TEST_CASE("a stream's cursor belongs to a key and an address and moves when the reply has gone",
          "[crowdsec]") {
  Server server;
  Enforce(&server.view, {Ban("203.0.113.9", kApiNow + kHourMs)}, kApiNow);
  // go-cs-bouncer's requests.
  const std::string begin =
      "/v1/decisions/stream?startup=true&scopes=ip,range&community_pull=false&additional_pull=false";
  CHECK(server.Pull(begin).news.size() == 1);
  CHECK(server.Pull().news.empty());
  // Another machine with the same key knows nothing yet.
  server.peer = "192.0.2.2";
  CHECK(server.Pull().news.size() == 1);
  server.peer = "192.0.2.1";

  Enforce(&server.view, {Ban("203.0.113.10", kApiNow + kHourMs)}, kApiNow);
  // HEAD is a look at the key alone.
  const ServiceReply head =
      server.Ask("HEAD", "/v1/decisions/stream?startup=true", {{"X-Api-Key", server.key}});
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK_FALSE(head.sent);
  // A reply that broke off is told again.
  CHECK(ReadStream(server.Get("/v1/decisions/stream").body).news.size() == 1);
  CHECK(server.Pull().news.size() == 1);
  CHECK(server.Pull().news.empty());
  CHECK(server.Pull(begin).news.size() == 2);
  CHECK(server.Get("/v1/decisions/stream").body == R"({"new":[],"deleted":[]})");
  CHECK(server.Get("/v1/decisions/stream?dedup=perhaps").status == 400);
}

TEST_CASE("scopes are ip and range where none are asked for", "[crowdsec]") {
  Server server;
  Enforce(&server.view,
          {Ban("203.0.113.9", kApiNow + kHourMs), Ban("203.0.113.0/24", kApiNow + kHourMs),
           CrowdsecDecision(Action::kBlock, Scope::kAsn, "64500", kApiNow + kHourMs),
           CrowdsecDecision(Action::kLock, Scope::kAccount, "alice", kApiNow + kHourMs)},
          kApiNow);
  const auto count = [&](std::string_view scopes) {
    return server.Pull(Concat("/v1/decisions/stream?startup=true", scopes)).news.size();
  };
  CHECK(count("") == 2);
  CHECK(count("&scopes=") == 2);
  CHECK(count("&scopes=IP") == 1);
  CHECK(count("&scopes=Ip,Range,as,Country") == 3);
  CHECK(count("&scopes=username") == 1);
  CHECK(count("&scopes=Username") == 0);
  CHECK(count("&scopes=ip,range,AS,username") == 4);
  CHECK(count("&origins=stockade") == 2);
  CHECK(count("&origins=crowdsec") == 0);
  // The firewall bouncer strips the length, and is told addresses.
  CHECK(server.Pull("/v1/decisions/stream?startup=true", "crowdsec-firewall-bouncer/v0.0.25").news.size() ==
        256);
}

std::string Usage(std::string_view items) {
  return Concat(
      R"({"remediation_components":[{"name":"","type":"crowdsec-firewall-bouncer","version":"v0.0.31",)",
      R"("os":{"name":"debian","version":"12"},"feature_flags":[],"utc_startup_timestamp":1790000000,)",
      R"("metrics":[{"meta":{"window_size_seconds":900,"utc_now_timestamp":1790000900},"items":[)", items,
      "]}]}]}");
}

TEST_CASE("usage figures are kept for each bouncer, gzip or not", "[crowdsec]") {
  Server server;
  const std::string items =
      R"({"name":"dropped","value":7,"unit":"packet","labels":{"origin":"stockade","remediation":"ban","ip_type":"ipv4"}},)"
      R"({"name":"processed","value":100.5,"unit":"packet","labels":{"ip_type":"ipv4"}},)"
      R"({"name":"active_decisions","value":3,"unit":"ip","labels":{"origin":"stockade"}})";
  const Fields plain{{"X-Api-Key", server.key}, {"User-Agent", "crowdsec-firewall-bouncer/v0.0.31"}};
  Fields gzip = plain;
  gzip.push_back({"Content-Encoding", "gzip"});
  const auto post = [&](const Fields& fields, std::string body) {
    return server.Ask("POST", "/v1/usage-metrics", fields, std::move(body)).status;
  };
  CHECK(post(plain, Usage(items)) == 201);
  CHECK(post(gzip, Gzip(Usage(items))) == 201);
  CHECK(server.Sample("crowdsec_bouncer_reported_total", "dropped") == 14);
  CHECK(server.Sample("crowdsec_bouncer_reported_total", "processed") == 201);
  CHECK(server.Sample("crowdsec_bouncer_active_decisions") == 3);
  CHECK(server.Sample("crowdsec_bouncer_last_pull_seconds", "v0.0.31") == 0);

  const std::string whole = Gzip(Usage(items));
  CHECK(post(gzip, "") == 400);
  CHECK(post(gzip, Usage(items)) == 400);
  CHECK(post(gzip, whole.substr(0, whole.size() - 3)) == 400);
  CHECK(post(gzip, whole + "x") == 400);
  CHECK(post(gzip, Gzip(std::string(CrowdsecApi::kUnpackedBytesMax + 1, ' '))) == 413);
  Fields other = plain;
  other.push_back({"Content-Encoding", "br"});
  CHECK(post(other, Usage(items)) == 415);
  for (const char* const body : {"", "x", "[]", "1", "{", "{\"remediation_components\":1}"})
    CHECK(post(plain, body) == 400);
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"remediation_components":[]})"),
        std::string(R"({"remediation_components":[{}]})"), std::string(R"({"remediation_components":[1,2]})"),
        Usage("1"), Usage("{}"), Usage(R"({"name":"dropped","unit":"packet"})"),
        Usage(R"({"name":"dropped","unit":"packet","value":-1})"),
        Usage(R"({"name":"dropped","unit":"packet","value":"1"})")}) {
    INFO(body);
    CHECK(post(plain, body) == 422);
  }
  CHECK(server.Sample("crowdsec_bouncer_reported_total", "dropped") == 14);
  // Names without end do not fill the memory.
  std::string many;
  for (int i = 0; i < 4'000; ++i)
    Append(&many, i == 0 ? "" : ",", R"({"name":"n)", i, R"(","unit":"u","value":1})");
  CHECK(post(plain, Usage(many)) == 201);
  CHECK(server.api->Samples().size() < 100);
  CHECK(server.Sample("crowdsec_bouncer_reported_total", "other") > 3'900);
  // A machine's report is accepted.
  const std::string bearer = "Bearer " + server.LogIn();
  CHECK(post({{"Authorization", bearer}}, R"({"log_processors":[{"version":"v1"}]})") == 201);
}

TEST_CASE("machines log in with their key and hand in decisions; bouncers' keys do not", "[crowdsec]") {
  Server server;
  const std::string alert =
      R"([{"capacity":1,"Events":[],"events_count":1,"leakspeed":"1s","message":"m","scenario":"crowdsecurity/ssh-bf",)"
      R"("scenario_hash":"h","scenario_version":"1","simulated":false,"source":{"scope":"Ip","value":"203.0.113.9"},)"
      R"("start_at":"","stop_at":"","decisions":[{"type":"ban","scope":"Ip","value":"203.0.113.9","duration":"4h",)"
      R"("origin":"crowdsec","scenario":"crowdsecurity/ssh-bf"}]}])";
  for (const std::string& body : {std::string("{}"), std::string("x"),
                                  Concat(R"({"machine_id":"agent","password":")", server.key, "\"}"),
                                  Concat(R"({"machine_id":"edge","password":")", server.key, "\"}"),
                                  Concat(R"({"machine_id":"other","password":")", server.machine_key, "\"}"),
                                  std::string(100'000, ' ')})
    CHECK(server.Ask("POST", "/v1/watchers/login", {}, body).status >= 401);
  CHECK(server.Ask("POST", "/v1/alerts", {{"X-Api-Key", server.key}}, alert).status == 401);
  CHECK(server.Ask("POST", "/v1/alerts", {{"Authorization", "Bearer "}}, alert).status == 401);

  const std::string bearer = "Bearer " + server.LogIn();
  const Fields fields{{"Authorization", bearer}};
  const ServiceReply taken = server.Ask("POST", "/v1/alerts", fields, alert);
  CHECK(taken.status == 201);
  CHECK(taken.body == R"(["1"])");
  REQUIRE(server.imported.size() == 1);
  CHECK(server.imported[0].machine == "agent");
  CHECK(server.imported[0].for_ms == 4 * kHourMs);
  CHECK(server.Ask("POST", "/v1/alerts", fields, "test").status == 400);
  CHECK(server.Ask("POST", "/v1/alerts", fields, "[{}]").status == 400);
  server.take_status = absl::UnavailableError("the ledger is read-only");
  CHECK(server.Ask("POST", "/v1/alerts", fields, alert).status == 503);
  CHECK(server.imported.size() == 1);

  CHECK(server.Ask("GET", "/v1/heartbeat", fields).status == 200);
  CHECK(server.Ask("GET", "/v1/refresh_token", fields).status == 200);
  CHECK(server.Ask("GET", "/v1/allowlists?with_content=true", fields).body == "[]");
  CHECK(server.Ask("DELETE", "/v1/decisions/17", fields).status == 501);
  CHECK(server.Ask("GET", "/v1/alerts?since=1h", fields).status == 501);
  CHECK(server.Ask("POST", "/v1/watchers", {}, "{}").status == 403);
  CHECK(server.Ask("GET", "/v1/decisions", fields).status == 403);
  // An hour, or until the key is revoked.
  server.now_ms += kHourMs;
  CHECK(server.Ask("GET", "/v1/heartbeat", fields).status == 401);
  const std::string again = "Bearer " + server.LogIn();
  CHECK(server.Ask("GET", "/v1/heartbeat", {{"Authorization", again}}).status == 200);
  server.Revoke("agent");
  CHECK(server.Ask("GET", "/v1/heartbeat", {{"Authorization", again}}).status == 401);

  Server deaf(false);
  const std::string token = "Bearer " + deaf.LogIn();
  CHECK(deaf.Ask("POST", "/v1/alerts", {{"Authorization", token}}, alert).status == 501);
}

TEST_CASE("what a bouncer calls itself cannot break metrics", "[crowdsec]") {
  Server server;
  server.Get("/v1/decisions", Concat("a\n\"\x80/", std::string(10'000, 'v')));
  for (const CrowdsecSample& sample : server.api->Samples())
    for (const auto& [name, value] : sample.labels) {
      CHECK(value.size() <= CrowdsecBouncers::kAgentBytesMax);
      CHECK(std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    }
}

TEST_CASE("settings that cannot work are refused by their key", "[crowdsec]") {
  CrowdsecOptions options;
  CHECK_FALSE(ValidateCrowdsec(options).ok());
  options.at = *ParseEndpoint("127.0.0.1:8080");
  CHECK_FALSE(ValidateCrowdsec(options).ok());
  options.keys_file = "keys";
  CHECK(ValidateCrowdsec(options).ok());
  CHECK(CrowdsecHttpOptions(options).body_bytes_max == size_t{2} << 20);
  options.connections = 0;
  CHECK_FALSE(ValidateCrowdsec(options).ok());
}

// Over a socket: reads to the reply's end, or to `bytes_max` of it.
std::string Fetch(uint16_t port, const std::string& head, size_t bytes_max = SIZE_MAX) {
  const Socket socket = Socket::Tcp();
  const sockaddr_in address = Loopback(port);
  REQUIRE(connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  WriteAll(socket, head);
  std::string reply;
  std::string buffer(size_t{256} << 10, '\0');
  while (reply.size() < bytes_max && IsReadable(socket.fd(), TestClock::now() + kTestDeadline)) {
    const ssize_t size = read(socket.fd(), buffer.data(), std::min(buffer.size(), bytes_max - reply.size()));
    if (size <= 0) break;
    reply.append(buffer, 0, static_cast<size_t>(size));
  }
  return reply;
}

TEST_CASE("100,000 decisions at a bouncer's start, over HTTP; a reply that broke off moves no cursor",
          "[crowdsec]") {
  Server server;
  CrowdsecOptions options;
  options.at = *ParseEndpoint("127.0.0.1:1");
  options.at.port = 0;
  auto service = HttpService::Start(CrowdsecHttpOptions(options),
                                    [&](const ServiceRequest& r) { return server.api->Reply(r); });
  REQUIRE(service.ok());
  std::vector<Decision> decisions;
  for (uint32_t i = 0; i < 100'000; ++i)
    decisions.push_back(Ban(Address::V4(0x0a000000 + i * 7).ToString(), kApiNow + kHourMs + i));
  Enforce(&server.view, decisions, kApiNow);
  const std::string head = Concat("Host: x\r\nX-Api-Key: ", server.key,
                                  "\r\nUser-Agent: crowdsec-nginx-bouncer/v1\r\nConnection: close\r\n\r\n");
  const std::string delta = "GET /v1/decisions/stream HTTP/1.1\r\n" + head;
  CHECK(Fetch((*service)->port(), delta, 1'000).size() == 1'000);
  // The service has seen by now that nobody reads on, or sees it before the next is asked.
  const auto begin = TestClock::now();
  const std::string reply =
      Fetch((*service)->port(), "GET /v1/decisions/stream?startup=true HTTP/1.1\r\n" + head);
  WARN("100,000 decisions: "
       << reply.size() << " bytes in "
       << std::chrono::duration_cast<std::chrono::milliseconds>(TestClock::now() - begin).count() << " ms");
  simdjson::dom::parser parser;
  simdjson::dom::array news;
  REQUIRE(parser.parse(reply.substr(reply.find("\r\n\r\n") + 4))["new"].get(news) == simdjson::SUCCESS);
  CHECK(news.size() == 100'000);
  // Whole it was handed over, and so the next is short; the one that broke off would have been, too.
  const auto deadline = TestClock::now() + kTestDeadline;
  std::string rest;
  while ((rest = Fetch((*service)->port(), delta)).size() > 1'000 && TestClock::now() < deadline) {
  }
  CHECK(rest.ends_with(R"({"new":[],"deleted":[]})"));
  (*service)->Stop();
}

TEST_CASE("a bouncer that breaks off its first pull is told all in its second", "[crowdsec]") {
  Server server;
  CrowdsecOptions options;
  options.at = *ParseEndpoint("127.0.0.1:1");
  options.at.port = 0;
  auto service = HttpService::Start(CrowdsecHttpOptions(options),
                                    [&](const ServiceRequest& r) { return server.api->Reply(r); });
  REQUIRE(service.ok());
  // More than the sockets' buffers hold.
  std::vector<Decision> decisions;
  for (uint32_t i = 0; i < 60'000; ++i)
    decisions.push_back(Ban(Address::V4(0x0a000000 + i).ToString(), kApiNow + kHourMs));
  Enforce(&server.view, decisions, kApiNow);
  const std::string delta = Concat("GET /v1/decisions/stream HTTP/1.1\r\nHost: x\r\nX-Api-Key: ", server.key,
                                   "\r\nConnection: close\r\n\r\n");
  CHECK(Fetch((*service)->port(), delta, 1'000).size() == 1'000);
  CHECK(Fetch((*service)->port(), delta).size() > 6'000'000);
  (*service)->Stop();
}

}  // namespace
}  // namespace stockade
