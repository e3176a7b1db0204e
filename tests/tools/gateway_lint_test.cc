// What a gateway's settings may say and probably do not mean is told where it stands.
#include "tools/stockade/gateway_lint.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

TEST_CASE("what loads and would surprise is told at its place", "[config][gateway]") {
  const std::string start =
      "hash_key: 000102030405060708090a0b0c0d0e0f\ngateway:\n  listen: 127.0.0.1:1\n  upstreams: "
      "127.0.0.1:2\n"
      "  service: {address: 'unix:/x'}\n";
  const auto lint = [&](const std::string& text) {
    Findings findings;
    const Config config = ReadConfig(text, "s.yaml", &findings);
    INFO(findings.ToStatus());
    REQUIRE(findings.errors() == 0);
    LintGateway(config, "s.yaml", &findings);
    std::string said;
    for (const Finding& finding : findings.all()) said += finding.ToString() + "\n";
    return said;
  };
  const std::string rows =
      "outcomes: [{status: 302, outcome: success}, {status: 401, outcome: bad_password}]";
  const std::string good = "  endpoints:\n    - {path: /login, account: u, password: p, " + rows + "}\n";
  CHECK(lint(start + good).empty());
  // What is not asked for need not lead anywhere.
  CHECK(lint("detectors: {challenges: human}\n" + start + good +
             "  answers: {challenge_identity: {status: 403, headers: {}, body: No.}}\n")
            .empty());
  CHECK(lint("detectors: {challenges: []}\nhash_key: 000102030405060708090a0b0c0d0e0f\ngateway:\n  listen: "
             "127.0.0.1:1\n  upstreams: 127.0.0.1:2\n" +
             good)
            .empty());

  struct Case {
    std::string text;
    const char* place;
    const char* says;
  };
  const auto endpoint = [&](const std::string& more) {
    return start + "  endpoints:\n    - {path: /login, account: u, password: p, " + more + "}\n";
  };
  const Case cases[] = {
      {start, "s.yaml:2:1: warning: gateway.endpoints", "names no login"},
      {endpoint("channel: web"), "s.yaml:7:7: warning: gateway.endpoints[0].outcomes", "is missing"},
      {endpoint("outcomes: [{status: 4xx, outcome: bad_password}, {status: 401, body: x, outcome: success}]"),
       "gateway.endpoints[0].outcomes[1]", "row 1 holds wherever"},
      {endpoint("outcomes: [{outcome: bad_password}, {status: 200, outcome: success}]"),
       "gateway.endpoints[0].outcomes[1]", "can never hold"},
      {endpoint("outcomes: [{status: 401, outcome: bad_password}]"), "outcomes", "no row for success"},
      {endpoint("outcomes: [{status: 200, outcome: success}]"), "outcomes", "no row for bad_password"},
      {endpoint(rows + ", on_engine_trouble: open"), "s.yaml:7:", "passwords unseen"},
      {endpoint(rows + ", on_unreadable: open"), "on_unreadable", "passes unseen"},
      {endpoint(rows + ", methods: [GET, POST]"), "gateway.endpoints[0].methods", "GET has no body"},
      {start + "  endpoints:\n    - {path: /login, account: u, " + rows + "}\n", "password", "is missing"},
      {start + "  endpoints:\n    - {path: /login, account: u, password: {query: p}, " + rows + "}\n",
       "password", "histories"},
      {start + good + "    - {name: b, path: /login, account: u, password: p, " + rows + "}\n",
       "gateway.endpoints[1].path", "never reached"},
      {start + good + "  client_address_header: forwarded\n", "gateway.client_address_header",
       "trusted_proxies is empty"},
      {start + good + "  certificates: {from_header: nginx}\n", "gateway.certificates.from_header",
       "trusted_proxies is empty"},
      {endpoint(rows + ", signature: {value: s, timestamp: t, nonce: n}"),
       "s.yaml:7:", "looked at by nobody"},
      {endpoint(rows + ", bare_certificate: {value: c}"), "gateway.endpoints[0].bare_certificate",
       "looked at by nobody"},
      {endpoint(rows + ", signature: {value: s, timestamp: t, nonce: n, ocsp: o}"),
       "gateway.endpoints[0].signature.ocsp", "has no ocsp"},
      {start + good + "  certificates: {ocsp: {from_certificate: true}}\n", "gateway.certificates.ocsp",
       "has no anchors"},
      {start + good + "  certificates: {ocsp: {time: 1s}}\n", "gateway.certificates.ocsp", "asks nobody"},
      {start + good + "  certificates: {wait: 1s, ocsp: {time: 2s}}\n", "gateway.certificates.ocsp.time",
       "after which nobody waits"},
      {endpoint(rows + ", signature: {value: s, timestamp: t, nonce: n, ocsp: o}") +
           "  certificates: {ocsp: {nonce: true}}\n",
       "gateway.certificates.ocsp.nonce", "asked of responders only"},
      {start + good + "  trusted_proxies: 0.0.0.0/0\n", "gateway.trusted_proxies", "everybody"},
      {start + good + "  admin: {address: 'localhost:9'}\n", "gateway.admin", "no token_file"},
      {"certificates: required\n" + start + good, "certificates", "no certificate can come"},
      {"gateway:\n  listen: 127.0.0.1:1\n  upstreams: [{address: 'a:2', tls: {verify: false}}]\n" + good,
       "gateway.upstreams[0].tls.verify", "sent the passwords"},
      {"gateway:\n  listen: 127.0.0.1:1\n  upstreams: 127.0.0.1:2\n" + good, "gateway", "hash key"},
      {"familiar: {snapshot: home}\ngateway:\n  listen: 127.0.0.1:1\n  upstreams: 127.0.0.1:2\n" + good,
       "s.yaml:1:1: warning: familiar", "a start would refuse"},
      {"gateway:\n  listen: 127.0.0.1:1\n  upstreams: 127.0.0.1:2\n" + good, "gateway.challenges",
       "both: nobody can report a challenge of the sidecar's as passed"},
      {"detectors: {challenges: [identity]}\ngateway:\n  listen: 127.0.0.1:1\n  upstreams: 127.0.0.1:2\n"
       "  admin: {address: 'unix:/y'}\n" +
           good,
       "s.yaml:1:13: warning: detectors.challenges", "identity: nobody can report"},
      {start + good + "  answers: {challenge_identity: {status: 403, headers: {}, body: No.}}\n",
       "gateway.answers.challenge_identity", "leads nowhere"},
      {"detectors: {challenges: human}\ncertificates: {policy: preferred, expired: challenge}\n" + start +
           good,
       "s.yaml:2:", "can ask nobody who he is"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const std::string said = lint(each.text);
    CHECK_THAT(said, Catch::Contains(each.place));
    CHECK_THAT(said, Catch::Contains(each.says));
  }
}

}  // namespace
}  // namespace stockade
