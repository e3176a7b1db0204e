// CrowdSec's own request bodies, read where they lie, and hostile ones.
#include "adapters/firewall/crowdsec_alerts.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "engine/text.h"
#include "simdjson.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

// An alert that passes, with these decisions.
std::string AlertOf(std::string_view decisions, std::string_view simulated = "false") {
  return Concat(
      R"([{"capacity":1,"events":[],"events_count":1,"leakspeed":"1s","message":"m","scenario":"s",)",
      R"("scenario_hash":"","scenario_version":"","simulated":)", simulated,
      R"(,"source":{"scope":"ip","value":"1.2.3.4"},"start_at":"","stop_at":"","decisions":)", decisions,
      "}]");
}
std::string DecisionOf(std::string_view type, std::string_view scope, std::string_view value,
                       std::string_view duration) {
  return Concat(R"([{"type":")", type, R"(","scope":")", scope, R"(","value":")", value, R"(","duration":")",
                duration, R"(","origin":"cscli","scenario":"manual"}])");
}

TEST_CASE("alerts of CrowdSec's own tests are accepted, the invalid one refused in its words",
          "[crowdsec][corpus]") {
  const std::filesystem::path folder =
      std::filesystem::path(STOCKADE_CORPORA) / "crowdsec-lapi-and-buckets" / "apiserver";
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: no corpus at " << folder);
    return;
  }
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".json") continue;
    ++files;
    const std::string name = file.path().filename();
    INFO(name);
    const auto read = ParseCrowdsecAlerts(ReadText(file.path()), "agent");
    INFO(read.status().ToString());
    if (name == "invalidAlert_sample.json") {
      CHECK(absl::IsOutOfRange(read.status()));
      for (const char* const member :
           {"scenario", "scenario_hash", "scenario_version", "simulated", "source"})
        CHECK(read.status().message().find(Concat("\n0.", member, " in body is required")) !=
              std::string::npos);
      CHECK(read.status().message().find("events in body") == std::string::npos);
      continue;
    }
    REQUIRE(read.ok());
    CHECK(read->alerts > 0);
    if (name == "alert_stream_fixture.json" || name == "alertWithInvalidMachineID_sample.json" ||
        name == "alert_duplicate.json") {
      CHECK_FALSE(read->decisions.empty());
      for (const ImportedDecision& decision : read->decisions) {
        CHECK(decision.prefix == Prefix::Parse(decision.value));
        CHECK(decision.for_ms > 0);
        CHECK(decision.machine == "agent");
      }
    }
  }
  CHECK(files >= 8);
}

TEST_CASE("decisions that cscli imports are read as it sends them in an alert", "[crowdsec][corpus]") {
  const std::filesystem::path file = std::filesystem::path(STOCKADE_CORPORA) / "crowdsec-lapi-and-buckets" /
                                     "decisions-import" / "decisions.json";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: no corpus at " << file);
    return;
  }
  // cscli calls the file's `reason` the scenario, and sends one alert around all of them.
  std::string list = ReadText(file);
  for (size_t at; (at = list.find("\"reason\"")) != std::string::npos;) list.replace(at, 8, "\"scenario\"");
  const auto read = ParseCrowdsecAlerts(AlertOf(list), "desk");
  INFO(read.status().ToString());
  REQUIRE(read.ok());
  REQUIRE(read->decisions.size() == 5);
  CHECK(read->decisions[0].value == "1.6.11.16");
  CHECK(read->decisions[0].for_ms == 3'600'000);
  CHECK(read->decisions[0].scenario == "manual import from csv");
  CHECK(read->decisions[0].origin == "cscli");
}

TEST_CASE("decisions are taken by what Stockade has, others passed over and counted", "[crowdsec]") {
  const auto one = [](std::string_view type, std::string_view scope, std::string_view value,
                      std::string_view duration) {
    const auto read = ParseCrowdsecAlerts(AlertOf(DecisionOf(type, scope, value, duration)), "m");
    REQUIRE(read.ok());
    REQUIRE(read->decisions.size() + read->skipped == 1);
    return read->decisions.empty() ? std::optional<ImportedDecision>() : read->decisions[0];
  };
  CHECK(one("ban", "Range", "203.0.113.0/24", "1h30m")->scope == Scope::kRange);
  CHECK(one("ban", "range", "203.0.113.7/32", "0.5s")->scope == Scope::kIp);
  CHECK(one("captcha", "IP", "::ffff:203.0.113.7", "4h")->value == "203.0.113.7");
  CHECK(one("throttle", "AS", "AS64500", "4h")->value == "64500");
  for (const auto& [type, scope, value, duration] :
       std::initializer_list<std::tuple<const char*, const char*, const char*, const char*>>{
           {"enforce_mfa", "Ip", "1.2.3.4", "1h"},
           {"ban", "username", "alice", "1h"},
           {"ban", "Country", "FR", "1h"},
           {"ban", "Ip", "1.2.3", "1h"},
           {"ban", "Range", "1.2.3.4/24", "1h"},
           {"ban", "AS", "-1", "1h"},
           {"ban", "AS", "4294967296", "1h"},
           {"ban", "Ip", "1.2.3.4", "-1h"},
           {"ban", "Ip", "1.2.3.4", "0s"},
           {"ban", "Ip", "1.2.3.4", "inf"},
           {"ban", "Ip", "1.2.3.4", "999999999h"},
           {"ban", "Ip", "1.2.3.4", "soon"}}) {
    INFO(type << " " << scope << " " << value << " " << duration);
    CHECK_FALSE(one(type, scope, value, duration).has_value());
  }
  CHECK(ParseCrowdsecAlerts(AlertOf(DecisionOf("ban", "Ip", "1.2.3.4", "1h"), "true"), "m")->skipped == 1);
  CHECK(ParseCrowdsecAlerts(AlertOf("null"), "m")->decisions.empty());
  CHECK(ParseCrowdsecAlerts("[]", "m")->alerts == 0);
}

TEST_CASE("bodies that are no alerts are refused whole", "[crowdsec]") {
  for (const std::string& body : {std::string(), std::string("test"), std::string("{}"), std::string("null"),
                                  std::string("[1"), std::string(2000, '['), std::string("[\"\xff\"]")})
    CHECK(absl::IsInvalidArgument(ParseCrowdsecAlerts(body, "m").status()));
  for (
      const std::string& body :
      {std::string("[1]"), std::string("[null]"), std::string("[{}]"), AlertOf("{}"), AlertOf("[1]"),
       AlertOf("[{}]"),
       AlertOf(R"([{"type":1,"scope":"Ip","value":"1.2.3.4","duration":"1h","origin":"o","scenario":"s"}])"),
       AlertOf(
           R"([{"type":null,"scope":"Ip","value":"1.2.3.4","duration":"1h","origin":"o","scenario":"s"}])")}) {
    INFO(body);
    CHECK(absl::IsOutOfRange(ParseCrowdsecAlerts(body, "m").status()));
  }
  // The list of faults has an end.
  std::string many = "[{}";
  for (int i = 0; i < 10'000; ++i) many += ",{}";
  CHECK(ParseCrowdsecAlerts(many + "]", "m").status().message().size() < 4096);
}

}  // namespace
}  // namespace stockade
