// The section gateway: every key reaches its setting, every mistake is said with its place.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "adapters/http/endpoint_address.h"
#include "tools/stockade/config_file.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;
using From = ValueSource::From;

// A folder with the files that settings name, gone after the test.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("stockade_gateway_" + std::to_string(getpid()))) {
    fs::create_directories(path_);
    Write("chain.pem", "-----BEGIN CERTIFICATE-----\n");
    Write("key.pem", "-----BEGIN PRIVATE KEY-----\n");
    Write("secret", "0123456789abcdef0123456789abcdef\n");
    Write("short", "abc\n");
    Write("page.html", "<h1>no</h1>");
    Write("nothing", "");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string file() const { return (path_ / "stockade.yaml").string(); }
  std::string At(const std::string& name) const { return (path_ / name).string(); }

 private:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(path_ / name) << text;
    fs::permissions(path_ / name, fs::perms::owner_read | fs::perms::owner_write);
  }
  const fs::path path_;
};

constexpr char kEverything[] = R"(hash_key: 000102030405060708090a0b0c0d0e0f
gateway:
  listen:
    - 127.0.0.1:8080
    - address: "[::]:8443"
      tls: {certificate: chain.pem, key: key.pem, client_certificates: optional, minimum_version: "1.3"}
      proxy_protocol: true
    - unix:/run/stockade.sock
  upstreams:
    - 127.0.0.1:9000
    - address: gw.internal:9443
      tls: {ca: chain.pem, server_name: gw, verify: false}
      connections_max: 9
    - {address: "10.0.0.1:9443", tls: {}}
  health_check: {path: /health, interval: 1s, timeout: 500ms, failures_to_down: 4, successes_to_up: 5}
  limits:
    header_bytes: 16KiB
    header_count: 50
    target_bytes: 4KiB
    body_bytes: 1GiB
    trailer_bytes: 1KiB
    chunk_extension_bytes: 0
    header_time: 1s
    idle_time: 2s
    body_idle_time: 3s
    body_rate_min: 1KiB
    connect_time: 4s
    answer_time: 5s
    tls_handshake_time: 6s
    drain_time: 7s
    connections: 100
    connections_per_source: 10
    requests_per_connection: 1000
  trusted_proxies: [10.0.0.0/8, "::1"]
  client_address_header: forwarded
  account_case: folded
  endpoints:
    - name: portal
      methods: [POST, PUT]
      path: /login
      account: username
      password: [{json: user.pw}, {form: pw}, {basic: password}]
      device: {cookie: device_id}
      signature: {value: [sig, {header: X-Sig}], over: "{nonce}|{account}|{timestamp}", timestamp: ts, nonce: n, within: 30s}
      bare_certificate: {value: cert}
      channel: web
      body_bytes: 4KiB
      answer_bytes: 8KiB
      outcomes:
        - {status: 302, location: ^/home, outcome: success}
        - {status: 4xx, header: X-Why, header_matches: lock, outcome: account_locked}
        - {json: ok, json_equals: false, body: wrong, outcome: bad_password}
      on_engine_trouble: open
      on_unreadable: open
    - path_regex: /v[0-9]+/session
      account: [{header: X-User}, {query: u}, {body: user}, {basic: user}]
  answers:
    deny: {status: 451, headers: {X-Id: "{request_id}"}, body_file: page.html, content_type: text/html}
    throttle: {retry_after: 90s}
    challenge_human: {redirect: /robot}
    challenge_identity: {redirect: "https://id.example/step", status: 302}
    certificate: {body: ""}
    unavailable: {retry_after: 0}
  challenges: {response_header: X-Passed, secret_file: secret, remember: 5m}
  tls_fingerprint: {ja3_header: X-JA3-Print, ja4_header: X-JA4-Print}
  certificates:
    anchors: chain.pem
    from_header: nginx
    account: email
    account_pattern: "^(.*)@"
    revocation_unknown: challenge
    ocsp: {responders: {"CN=A,O=B": "http://ocsp.b.example/"}, from_certificate: true, time: 500ms, age_max: 7d, nonce: true}
    threads: 3
    queue: 99
    wait: 700ms
    misses: {rate: 7, burst: 8}
    known: known.der
  service: {address: "0.0.0.0:8181", token_file: secret}
  admin: {address: "unix:/run/admin.sock", token_file: secret}
  workers: 2
)";

TEST_CASE("every key of the gateway reaches its setting", "[config][gateway]") {
  const Folder folder;
  Findings findings;
  const Config config = ReadConfig(kEverything, folder.file(), &findings);
  CHECK(findings.ToStatus().ToString() == "OK");
  CHECK(findings.warnings() == 0);
  REQUIRE(config.gateway.has_value());
  const GatewaySettings& all = *config.gateway;
  REQUIRE(all.listeners.size() == 3);
  CHECK(ToString(all.listeners[0].at) == "127.0.0.1:8080");
  CHECK_FALSE(all.listeners[0].tls.has_value());
  CHECK(ToString(all.listeners[1].at) == "[::]:8443");
  REQUIRE(all.listeners[1].tls.has_value());
  CHECK(all.listeners[1].tls->certificate_file == folder.At("chain.pem"));
  CHECK(all.listeners[1].tls->key_file == folder.At("key.pem"));
  CHECK(all.listeners[1].tls->ask_client_certificate);
  CHECK(all.listeners[1].tls->minimum_version == "1.3");
  CHECK(all.listeners[1].proxy_protocol);
  CHECK(all.listeners[2].at.unix_path == "/run/stockade.sock");
  REQUIRE(all.upstreams.size() == 3);
  CHECK(all.upstreams[1].at.host == "gw.internal");
  CHECK(all.upstreams[1].connections_max == 9);
  CHECK(all.upstreams[1].tls->server_name == "gw");
  CHECK_FALSE(all.upstreams[1].tls->verify);
  CHECK(all.upstreams[2].tls->verify);
  CHECK(all.health_check.path == "/health");
  CHECK(all.health_check.interval == absl::Seconds(1));
  CHECK(all.health_check.timeout == absl::Milliseconds(500));
  CHECK(all.health_check.failures_to_down == 4);
  CHECK(all.health_check.successes_to_up == 5);
  const LimitSettings& limits = all.limits;
  CHECK(limits.header_bytes == 16384);
  CHECK(limits.header_count == 50);
  CHECK(limits.target_bytes == 4096);
  CHECK(limits.body_bytes == uint64_t{1} << 30);
  CHECK(limits.trailer_bytes == 1024);
  CHECK(limits.chunk_extension_bytes == 0);
  CHECK(limits.header_time == absl::Seconds(1));
  CHECK(limits.idle_time == absl::Seconds(2));
  CHECK(limits.body_idle_time == absl::Seconds(3));
  CHECK(limits.body_rate_min == 1024);
  CHECK(limits.connect_time == absl::Seconds(4));
  CHECK(limits.answer_time == absl::Seconds(5));
  CHECK(limits.tls_handshake_time == absl::Seconds(6));
  CHECK(limits.drain_time == absl::Seconds(7));
  CHECK(limits.connections == 100);
  CHECK(limits.connections_per_source == 10);
  CHECK(limits.requests_per_connection == 1000);
  CHECK(all.trusted_proxies.size() == 2);
  CHECK(all.client_address_header == "forwarded");
  CHECK(all.fold_account_case);
  REQUIRE(all.endpoints.size() == 2);
  const EndpointSettings& portal = all.endpoints[0];
  REQUIRE(portal.signature.has_value());
  REQUIRE(portal.signature->value.size() == 2);
  CHECK(portal.signature->value[1].name == "X-Sig");
  CHECK(portal.signature->over == "{nonce}|{account}|{timestamp}");
  CHECK(portal.signature->timestamp[0].name == "ts");
  CHECK(portal.signature->nonce[0].name == "n");
  CHECK(portal.signature->within == absl::Seconds(30));
  REQUIRE(portal.bare_certificate.size() == 1);
  CHECK(portal.bare_certificate[0].name == "cert");
  CHECK_FALSE(all.endpoints[1].signature.has_value());
  CHECK(portal.name == "portal");
  CHECK(portal.methods == std::vector<std::string>{"POST", "PUT"});
  CHECK(portal.path == "/login");
  CHECK(portal.fold_account_case);
  REQUIRE(portal.account.size() == 1);
  CHECK((portal.account[0].from == From::kBody && portal.account[0].name == "username"));
  REQUIRE(portal.password.size() == 3);
  CHECK((portal.password[0].from == From::kJson && portal.password[0].name == "user.pw"));
  CHECK(portal.password[1].from == From::kForm);
  CHECK((portal.password[2].from == From::kBasic && portal.password[2].name == "password"));
  REQUIRE(portal.device.size() == 1);
  CHECK((portal.device[0].from == From::kCookie && portal.device[0].name == "device_id"));
  CHECK(portal.channel == "web");
  CHECK(portal.body_bytes == 4096);
  CHECK(portal.answer_bytes == 8192);
  REQUIRE(portal.outcomes.size() == 3);
  CHECK((portal.outcomes[0].status == "302" && portal.outcomes[0].location == "^/home"));
  CHECK(portal.outcomes[0].outcome == Outcome::kSuccess);
  CHECK((portal.outcomes[1].header == "X-Why" && portal.outcomes[1].header_matches == "lock"));
  CHECK((portal.outcomes[2].json_path == "ok" && portal.outcomes[2].json_equals == "false"));
  CHECK(portal.outcomes[2].body_matches == "wrong");
  CHECK(portal.on_engine_trouble == FailMode::kOpen);
  CHECK(portal.on_unreadable == FailMode::kOpen);
  CHECK(all.endpoints[1].name == "/v[0-9]+/session");
  CHECK(all.endpoints[1].account.size() == 4);
  CHECK(all.endpoints[1].on_unreadable == FailMode::kClosed);
  CHECK((all.answers.deny.status == 451 && all.answers.deny.body == "<h1>no</h1>"));
  CHECK(all.answers.deny.headers ==
        std::vector<std::pair<std::string, std::string>>{{"X-Id", "{request_id}"}});
  CHECK((all.answers.throttle.status == 429 && all.answers.throttle.retry_after_seconds == 90));
  CHECK((all.answers.challenge_human.status == 303 && all.answers.challenge_human.redirect == "/robot"));
  CHECK(all.answers.challenge_human.body.empty());
  CHECK(all.answers.challenge_identity.status == 302);
  CHECK(all.answers.certificate.body.empty());
  CHECK_FALSE(all.answers.unavailable.retry_after_seconds.has_value());
  CHECK(all.challenges.response_header == "X-Passed");
  CHECK(all.challenges.secret_file == folder.At("secret"));
  CHECK(all.challenges.remember == absl::Minutes(5));
  CHECK(all.certificates.anchor_files == std::vector<std::string>{folder.At("chain.pem")});
  CHECK(all.tls_fingerprint.ja3_header == "x-ja3-print");
  CHECK(all.tls_fingerprint.ja4_header == "x-ja4-print");
  CHECK(all.certificates.from_header == "nginx");
  CHECK(all.certificates.queue.threads == 3);
  CHECK(all.certificates.queue.queue == 99);
  CHECK(all.certificates.queue.wait == absl::Milliseconds(700));
  CHECK(all.certificates.queue.misses.rate == 7);
  CHECK(all.certificates.queue.misses.burst == 8);
  CHECK(all.certificates.known_file == folder.At("known.der"));
  CHECK(all.certificates.account_from == "email");
  CHECK(all.certificates.account_pattern == "^(.*)@");
  CHECK(all.certificates.revocation_unknown == "challenge");
  REQUIRE(all.certificates.ocsp.has_value());
  const OcspSettings& ocsp = *all.certificates.ocsp;
  CHECK(ocsp.responders == std::map<std::string, std::string>{{"CN=A,O=B", "http://ocsp.b.example/"}});
  CHECK(ocsp.from_certificate);
  CHECK(ocsp.time == absl::Milliseconds(500));
  CHECK(ocsp.age_max == absl::Hours(24 * 7));
  CHECK(ocsp.nonce);
  CHECK(all.service.at.port == 8181);
  CHECK(all.service.token_file == folder.At("secret"));
  CHECK(all.admin.at.unix_path == "/run/admin.sock");
  CHECK(all.workers == 2);
}

TEST_CASE("a replay needs none of the gateway's files", "[config][gateway]") {
  Findings findings;
  const Config config =
      ReadConfig(kEverything, "/no/such/stockade.yaml", &findings, GatewayFiles::kNotLookedAt);
  CHECK(findings.ToStatus().ToString() == "OK");
  CHECK(config.gateway.has_value());
  Findings strict;
  ReadConfig(kEverything, "/no/such/stockade.yaml", &strict);
  CHECK(strict.errors() >= 7);
}

TEST_CASE("without a section there is no gateway, and a small one is whole", "[config][gateway]") {
  Findings findings;
  CHECK_FALSE(ReadConfig("mode: protect\ngateway:\n", "stockade.yaml", &findings).gateway.has_value());
  const Config config =
      ReadConfig("gateway: {listen: 127.0.0.1:1, upstreams: 127.0.0.1:2}\n", "stockade.yaml", &findings);
  CHECK(findings.ToStatus().ToString() == "OK");
  REQUIRE(config.gateway.has_value());
  CHECK(config.gateway->listeners.size() == 1);
  CHECK(config.gateway->answers.deny.status == 403);
}

TEST_CASE("a mistake in the gateway is named with its place and what would be right", "[config][gateway]") {
  const Folder folder;
  struct Case {
    const char* text;  // behind "gateway:\n"
    const char* place;
    const char* says;
  };
  const Case cases[] = {
      {"  lissen: x\n", ":2:3: gateway.lissen", "did you mean 'listen'"},
      {"  workers: 2\n", ":2:3: gateway", "neither listen nor service"},
      {"  listen: 127.0.0.1:1\n", ":2:3: gateway", "no upstreams"},
      {"  listen: 8080\n", ":2:11: gateway.listen[0]", "no port"},
      {"  listen: ':8080'\n", ":2:11: gateway.listen[0]", "write 0.0.0.0 or [::]"},
      {"  listen: '::1:8080'\n", ":2:11: gateway.listen[0]", "without brackets"},
      {"  listen: https://x:1\n", ":2:11: gateway.listen[0]", "is a URL"},
      {"  listen: 127.0.0.1:70000\n", ":2:11: gateway.listen[0]", "no port"},
      {"  listen: unix:run\n", ":2:11: gateway.listen[0]", "no socket"},
      {"  listen: [{tls: {}}]\n", ":2:12: gateway.listen[0]", "address is missing"},
      {"  listen: [{address: 'a:1', tls: {certificate: nosuch}}]\n",
       ":2:48: gateway.listen[0].tls.certificate", "No such file"},
      {"  listen: [{address: 'a:1', tls: {certificate: nothing}}]\n", "gateway.listen[0].tls.certificate",
       "holds no PEM"},
      {"  listen: [{address: 'a:1', tls: {certificate: chain.pem}}]\n", "gateway.listen[0].tls",
       "key is missing"},
      {"  listen: [{address: 'a:1', tls: {minimum_version: '1.1'}}]\n", "minimum_version", "1.2, 1.3"},
      {"  listen: ['a:1', 'a:1']\n", ":2:19: gateway.listen[1]", "listens on a:1 already"},
      {"  upstreams: [{address: 'a:1', tls: {verfy: true}}]\n", "gateway.upstreams[0].tls.verfy",
       "did you mean 'verify'"},
      {"  upstreams: [{address: 'a:1', connections_max: 0}]\n", "connections_max", "from 1 to 65535"},
      {"  health_check: {path: health}\n", "gateway.health_check.path", "/health"},
      {"  health_check: {interval: 5}\n", "gateway.health_check.interval", "no span of time"},
      {"  limits: {header_bytes: 3}\n", "gateway.limits.header_bytes", "from 1KiB to 1MiB"},
      {"  limits: {header_time: 0s}\n", "gateway.limits.header_time", "too short"},
      {"  limits: {header_bytes: 4KiB}\n", "gateway.limits", "target_bytes is more than header_bytes"},
      {"  trusted_proxies: [10.0.0.1/8]\n", "gateway.trusted_proxies", "10.0.0.0/8"},
      {"  client_address_header: x-real-ip\n", "gateway.client_address_header",
       "x-forwarded-for, forwarded, none"},
      {"  endpoints: /login\n", "gateway.endpoints", "must be a list"},
      {"  endpoints: [{path: /login}]\n", ":2:15: gateway.endpoints[0]", "account is missing"},
      {"  endpoints: [{account: a}]\n", "gateway.endpoints[0].path", "is missing"},
      {"  endpoints: [{path: login, account: a}]\n", ":2:16: gateway.endpoints[0].path", "must be a path"},
      {"  endpoints: [{path: /a, path_regex: /b, account: a}]\n", "gateway.endpoints[0].path_regex",
       "keep one"},
      {"  endpoints: [{path_regex: '(', account: a}]\n", "gateway.endpoints[0].path_regex", "missing )"},
      {"  endpoints: [{path: /a, account: {heder: X}}]\n", "gateway.endpoints[0].account[0].heder",
       "did you mean 'header'"},
      {"  endpoints: [{path: /a, account: {basic: name}}]\n", "account[0].basic", "user, password"},
      {"  endpoints: [{path: /a, account: {header: 'a b'}}]\n", "account[0].header", "no name of a header"},
      {"  endpoints: [{path: /a, account: []}]\n", "gateway.endpoints[0].account", "names nothing"},
      {"  endpoints: [{path: /a, account: {header: a, query: b}}]\n", "account[0]", "write a list"},
      {"  endpoints: [{path: /a, account: a, methods: ['P T']}]\n", "gateway.endpoints[0].methods",
       "no method"},
      {"  endpoints: [{path: /a, account: a}, {path: /a, account: a}]\n", "gateway.endpoints[1].name",
       "another endpoint"},
      {"  endpoints: [{path: /a, account: a, outcomes: {302: success}}]\n", "gateway.endpoints[0].outcomes",
       "must be a list of rows"},
      {"  endpoints: [{path: /a, account: a, outcomes: [{status: 302}]}]\n",
       "gateway.endpoints[0].outcomes[0]", "outcome is missing"},
      {"  endpoints: [{path: /a, account: a, outcomes: [{status: 3x, outcome: success}]}]\n",
       ":2:50: gateway.endpoints[0].outcomes[0].status", "4xx"},
      {"  endpoints: [{path: /a, account: a, outcomes: [{body: '[', outcome: success}]}]\n",
       "gateway.endpoints[0].outcomes[0].body", "missing ]"},
      {"  endpoints: [{path: /a, account: a, outcomes: [{json_equals: x, outcome: success}]}]\n",
       "outcomes[0].json_equals", "no json beside it"},
      {"  endpoints: [{path: /a, account: a, outcomes: [{outcome: sucess}]}]\n", "outcomes[0].outcome",
       "did you mean 'success'"},
      {"  endpoints: [{path: /a, account: a, signature: {value: s, nonce: n}}]\n",
       ":2:49: gateway.endpoints[0].signature", "timestamp is missing"},
      {"  endpoints: [{path: /a, account: a, signature: {over: '{account}{nonce}'}}]\n",
       ":2:56: gateway.endpoints[0].signature.over", "nothing between {account} and {nonce}"},
      {"  endpoints: [{path: /a, account: a, signature: {over: '{account}\\n{nonce}\\n{timestamp}'}}]\n",
       "gateway.endpoints[0].signature.over", "in double quotes"},
      {"  endpoints: [{path: /a, account: a, signature: {within: 1h}}]\n",
       "gateway.endpoints[0].signature.within", "too long"},
      {"  endpoints: [{path: /a, account: a, bare_certificate: {vale: c}}]\n",
       "gateway.endpoints[0].bare_certificate.vale", "did you mean 'value'"},
      {"  certificates: {from_header: apache}\n", "gateway.certificates.from_header", "aws_alb, traefik"},
      {"  certificates: {queue: 4}\n", "gateway.certificates.queue", "16"},
      {"  certificates: {wait: 5m}\n", "gateway.certificates.wait", "too long"},
      {"  certificates: {misses: {rate: 0}}\n", "gateway.certificates.misses.rate", "1"},
      {"  endpoints: [{path: /a, account: a, on_unreadable: maybe}]\n", "on_unreadable", "open, closed"},
      {"  answers: {denny: {}}\n", "gateway.answers.denny", "did you mean 'deny'"},
      {"  answers: {deny: {status: 99}}\n", "gateway.answers.deny.status", "from 200 to 599"},
      {"  answers: {deny: {headers: {X: \"a\\r\\nB: c\"}}}\n", "gateway.answers.deny.headers.X",
       "another field"},
      {"  answers: {deny: {headers: {Content-Length: 3}}}\n", "gateway.answers.deny.headers.Content-Length",
       "is counted"},
      {"  answers: {deny: {body: a, body_file: page.html}}\n", "gateway.answers.deny.body_file", "keep one"},
      {"  answers: {deny: {body_file: nosuch}}\n", "gateway.answers.deny.body_file", "No such file"},
      {"  answers: {deny: {redirect: /x, status: 403}}\n", "gateway.answers.deny.status", "write 303"},
      {"  answers: {deny: {redirect: \"/x\\r\\ny\"}}\n", "gateway.answers.deny.redirect", "ASCII"},
      {"  challenges: {response_header: 'a b'}\n", "gateway.challenges.response_header", "no name"},
      {"  tls_fingerprint: {ja4_header: 'x y'}\n", "gateway.tls_fingerprint.ja4_header", "no name"},
      {"  tls_fingerprint: {ja4: x-ja4}\n", "gateway.tls_fingerprint.ja4",
       "known here: ja3_header, ja4_header"},
      {"  challenges: {secret_file: short}\n", "gateway.challenges.secret_file", "openssl rand"},
      {"  certificates: {account_pattern: abc}\n", "gateway.certificates.account_pattern", "no group"},
      {"  certificates: {account: dn}\n", ":2:27: gateway.certificates.account", "an object identifier"},
      {"  certificates: {account: none}\n", "gateway.certificates.account", "name a table"},
      {"  certificates: {account_template: '\\1'}\n", "gateway.certificates.account_template",
       "there is none"},
      {"  certificates: {account_pattern: '(a)', account_template: '\\2'}\n",
       ":2:60: gateway.certificates.account_template", "requests 2 matches"},
      {"  certificates: {accounts: nosuch}\n", "gateway.certificates.accounts", "No such file"},
      {"  certificates: {anchors: [nosuch]}\n", "gateway.certificates.anchors[0]", "No such file"},
      {"  certificates: {ocsp: {responders: 'http://a/'}}\n", ":2:37: gateway.certificates.ocsp.responders",
       "names issuers"},
      {"  certificates: {ocsp: {responders: {CN=A: 'https://a/'}}}\n",
       "gateway.certificates.ocsp.responders.CN=A", "https is not asked"},
      {"  certificates: {ocsp: {time: 1m}}\n", "gateway.certificates.ocsp.time", "too long"},
      {"  certificates: {ocsp: {nonse: true}}\n", "gateway.certificates.ocsp.nonse", "did you mean 'nonce'"},
      {"  certificates: {revocation_unknown: ask}\n", "gateway.certificates.revocation_unknown",
       "refuse, challenge, accept"},
      {"  service: {address: '0.0.0.0:1'}\n", "gateway.service.address", "set token_file"},
      {"  service: {token_file: secret}\n", "gateway.service", "address is missing"},
      {"  admin: {address: '10.0.0.1:1'}\n", "gateway.admin.address", "must not be reached from outside"},
      {"  service: {address: 'localhost:1'}\n  admin: {address: 'localhost:1'}\n", "gateway.admin.address",
       "already"},
      {"  workers: 0\n", "gateway.workers", "from 1 to 256"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    Findings findings;
    ReadConfig("gateway:\n" + std::string(each.text), folder.file(), &findings);
    bool said = false;
    for (const Finding& finding : findings.all()) {
      const std::string text = finding.ToString();
      said =
          said || (finding.severity == Finding::Severity::kError &&
                   text.find(each.place) != std::string::npos && text.find(each.says) != std::string::npos);
    }
    if (!said) UNSCOPED_INFO(findings.ToStatus().message());
    CHECK(said);
  }
}

TEST_CASE("a secret of the gateway is not repeated in an error", "[config][gateway]") {
  const Folder folder;
  Findings findings;
  ReadConfig("gateway: {challenges: {secret_file: short}}\n", folder.file(), &findings);
  CHECK_THAT(std::string(findings.ToStatus().message()), !Catch::Contains("abc"));
}

}  // namespace
}  // namespace stockade
