// Proves what an operator is told, who is not, and that the metrics are what Prometheus reads.
#include "adapters/gateway/admin_service.h"

#include <catch2/catch.hpp>

#include "adapters/gateway/gate_metrics.h"
#include "tests/adapters/gateway/desk_scene.h"
#include "tests/adapters/gateway/service_scene.h"

namespace stockade {
namespace {

struct AdminScene {
  explicit AdminScene(std::string token = "t0ken") {
    AdminParts parts;
    parts.token = std::move(token);
    parts.not_ready = [this] { return not_ready; };
    parts.mode = [this] { return scene.desk->mode(); };
    parts.set_mode = [this](Mode mode) { scene.desk->SetMode(mode); };
    parts.decisions.decisions = [this](const DecisionFilter& filter) {
      const std::vector<Decision> standing = scene.desk->StandingDecisions();
      std::vector<const Decision*> each;
      for (const Decision& decision : standing) each.push_back(&decision);
      return SelectDecisions(each, filter);
    };
    parts.metrics = [this] { return MetricsText(scene.desk->figures(), &counters, others); };
    admin = std::make_unique<AdminDesk>(std::move(parts));
  }
  std::string Ask(std::string method, std::string target, std::string body = "", std::string token = "t0ken",
                  bool local = true) const {
    std::vector<std::pair<std::string, std::string>> fields;
    if (!token.empty()) fields.emplace_back("Authorization", "Bearer " + token);
    HandMade request(std::move(method), std::move(target), std::move(fields), std::move(body));
    request.is_local = local;
    return TextOf(admin->Reply(request.Request()));
  }

  DeskScene scene;
  VerdictCounters counters;
  std::vector<MetricSample> others;
  std::string not_ready;
  std::unique_ptr<AdminDesk> admin;
};

TEST_CASE("health needs no token, and says why the gate is not ready", "[gateway][admin]") {
  AdminScene scene;
  CHECK_THAT(scene.Ask("GET", "/livez", "", ""), Catch::StartsWith("200\n") && Catch::EndsWith("\nalive\n"));
  CHECK_THAT(scene.Ask("GET", "/readyz", "", ""), Catch::StartsWith("200\n"));
  scene.not_ready = "no upstream is healthy";
  CHECK_THAT(scene.Ask("HEAD", "/readyz", "", ""),
             Catch::StartsWith("503\n") && Catch::EndsWith("\nnot ready: no upstream is healthy\n"));
}

TEST_CASE("everything else needs the token, and a caller on this machine", "[gateway][admin]") {
  AdminScene scene;
  for (const std::string path : {"/mode", "/decisions", "/metrics"}) {
    CAPTURE(path);
    CHECK_THAT(scene.Ask("GET", path, "", ""), Catch::StartsWith("401\n"));
    CHECK_THAT(scene.Ask("GET", path, "", "t0kem"), Catch::StartsWith("401\n"));
    CHECK_THAT(scene.Ask("GET", path, "", "t0ken", false), Catch::StartsWith("401\n"));
    CHECK_THAT(scene.Ask("GET", path), Catch::StartsWith("200\n"));
    CHECK_THAT(scene.Ask("PATCH", path), Catch::StartsWith("405\n"));
  }
  CHECK_THAT(scene.Ask("PUT", "/mode", "observe", ""), Catch::StartsWith("401\n"));
  CHECK(scene.scene.desk->mode() == Mode::kProtect);
  CHECK_THAT(scene.Ask("GET", "/secrets"), Catch::StartsWith("404\n"));
  const AdminScene open("");
  CHECK_THAT(open.Ask("GET", "/mode", "", ""), Catch::StartsWith("200\n"));
}

TEST_CASE("the mode is read and switched", "[gateway][admin]") {
  AdminScene scene;
  CHECK_THAT(scene.Ask("GET", "/mode"), Catch::EndsWith("\n{\"mode\":\"protect\"}\n"));
  CHECK_THAT(scene.Ask("PUT", "/mode", "{\"mode\":\"certificate-only\"}"),
             Catch::EndsWith("\n{\"mode\":\"certificate-only\"}\n"));
  CHECK(scene.scene.desk->mode() == Mode::kCertificateOnly);
  CHECK_THAT(scene.Ask("PUT", "/mode", "observe\n"), Catch::StartsWith("200\n"));
  CHECK(scene.scene.desk->mode() == Mode::kObserve);
  for (const std::string bad : {"", "panic", "{\"mode\":1}", "{", "{\"mood\":\"observe\"}"}) {
    CAPTURE(bad);
    CHECK_THAT(scene.Ask("PUT", "/mode", bad), Catch::StartsWith("400\n"));
  }
}

TEST_CASE("standing decisions are the lines that replay writes", "[gateway][admin]") {
  AdminScene scene;
  for (int i = 0; i < 5; ++i) scene.scene.Try("192.0.2.9", "a" + std::to_string(i), Outcome::kBadPassword);
  CHECK_THAT(scene.Ask("GET", "/decisions"), Catch::EndsWith("\n\n" + scene.scene.books.decisions));
}

TEST_CASE("metrics are in the text format, with what happened", "[gateway][admin]") {
  AdminScene scene;
  for (int i = 0; i < 6; ++i) scene.scene.Try("192.0.2.9", "a" + std::to_string(i), Outcome::kBadPassword);
  scene.counters.requests[0] = 3;
  scene.others = {
      {"stockade_upstream_errors_total", "Errors", MetricSample::Type::kCounter, {{"upstream", "a\"b"}}, 2}};
  const std::string text = scene.Ask("GET", "/metrics");
  for (const std::string line : {
           "stockade_verdicts_total{verdict=\"deny\",by=\"frequency\"} 1",
           "stockade_verdicts_total{verdict=\"allow\",by=\"\"} 5",
           "stockade_outcomes_total{outcome=\"bad_password\"} 5",
           "# TYPE stockade_gate_seconds histogram",
           "stockade_gate_seconds_count{call=\"assess\"} 6",
           "stockade_gate_seconds_bucket{call=\"observe\",le=\"+Inf\"} 5",
           "stockade_mode{mode=\"protect\"} 1",
           "stockade_service_requests_total{dialect=\"auth-request\"} 3",
           "stockade_upstream_errors_total{upstream=\"a\\\"b\"} 2",
           "# TYPE stockade_memory_bytes gauge",
       }) {
    CAPTURE(line);
    CHECK_THAT(text, Catch::Contains(line));
  }
}

TEST_CASE("an admin address that others can reach is refused", "[gateway][admin]") {
  for (const std::string good : {"127.0.0.1", "127.9.9.9", "::1", "localhost"})
    CHECK(ValidateAdminAddress({good, 1, ""}).ok());
  CHECK(ValidateAdminAddress({"", 0, "/run/x.sock"}).ok());
  for (const std::string bad : {"0.0.0.0", "::", "192.0.2.1", "example.com", ""}) {
    CAPTURE(bad);
    CHECK_FALSE(ValidateAdminAddress({bad, 1, ""}).ok());
  }
}

}  // namespace
}  // namespace stockade
