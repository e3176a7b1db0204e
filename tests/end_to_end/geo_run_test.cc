// AS and country of sources in the program: replay and run tell events what they leave out, rules see it, the record keeps it, and a file
// that is replaced by a broken one while the gate runs changes nothing.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "engine/text.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

std::string GeoFile(const std::string& name) {
  const fs::path file = fs::path(STOCKADE_CORPORA) / "maxmind-db-test" / "test-data" / name;
  if (fs::exists(file)) return file;
  std::cout << "skipped: " << file << " is not there\n" << std::flush;
  std::_Exit(77);
}

constexpr const char* kAsnRule = R"(
title: A login from an AS and a country
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a09
name: from_there
level: high
logsource: {category: authentication}
detection:
  there: {source.as.number: 1221, source.geo.country_iso_code: AU}
  condition: there
response: {action: block, target: source.ip, for: 1h}
)";

TEST_CASE("replay tells events their AS and country, and rules see both", "[replay]") {
  Scene scene;
  scene.Write("asn.yml", kAsnRule);
  // 1.128.0.0/11 is AS 1221 in the one file; no country in the other, so the log says that.
  const std::string there = R"(,"source.geo.country_iso_code":"AU")";
  const std::string log = scene.Write(
      "log", LoginLine(0, "1.128.3.4", "mia", "bad_password", there) +
                 LoginLine(1, "192.0.2.1", "ann", "bad_password", there) +
                 LoginLine(2, "1.128.3.5", "tom", "bad_password", there + R"(,"source.as.number":64500)"));
  const std::vector<std::string> arguments = {
      "replay",      "--rules-only",          "--rules", scene.Path("asn.yml"),
      "--decisions", scene.Path("decisions"), log};
  REQUIRE(RunStockade(arguments).exit_code == 0);
  CHECK(scene.Read("decisions").empty());
  std::vector<std::string> told = arguments;
  told.insert(told.end(), {"--geo-asn", GeoFile("GeoLite2-ASN-Test.mmdb"), "--geo-country",
                           GeoFile("GeoLite2-Country-Test.mmdb")});
  REQUIRE(RunStockade(told).exit_code == 0);
  const std::vector<std::string> decisions = Lines(scene.Read("decisions"));
  REQUIRE(decisions.size() == 1);
  CHECK_THAT(decisions[0], Catch::Contains("\"value\":\"1.128.3.4\""));
  // The same by settings, and explained alike.
  scene.Write(
      "stockade.yaml",
      Concat("rules: [asn.yml]\ndetectors: off\ngeo: {asn: ", GeoFile("GeoLite2-ASN-Test.mmdb"), "}\n"));
  const ProgramRun explained =
      RunStockade({"explain", "-c", scene.Path("stockade.yaml"), "--line", "1", log});
  CHECK(explained.exit_code == 0);
  CHECK_THAT(explained.out, Catch::Contains("from_there"));
  const ProgramRun wrong = RunStockade(
      {"replay", "--rules", scene.Path("asn.yml"), "--geo-asn", GeoFile("GeoLite2-Country-Test.mmdb"), log});
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, Catch::Contains("geo.asn: ") && Catch::Contains("says no AS number"));
}

TEST_CASE(
    "a gate tells attempts their AS and country, records them, and keeps what it has when a file breaks",
    "[run]") {
  Scene scene;
  fs::copy_file(GeoFile("GeoLite2-ASN-Test.mmdb"), scene.Path("asn.mmdb"));
  fs::copy_file(GeoFile("GeoLite2-Country-Test.mmdb"), scene.Path("country.mmdb"));
  const uint16_t service = FreePort();
  const uint16_t admin = FreePort();
  scene.Write(
      "stockade.yaml",
      Concat(
          "mode: observe\nrules: [rules.yml]\nmemory: 64MiB\ngeo: {asn: asn.mmdb, country: country.mmdb}\n",
          "gateway:\n  service: {address: \"127.0.0.1:", service,
          "\"}\n  admin: {address: \"127.0.0.1:", admin,
          "\"}\n  endpoints:\n    - path: /login\n      account: user\n      password: pass\n"
          "      outcomes: [{status: 302, outcome: success}]\n"));
  ChildProcess gate(
      {STOCKADE_PROGRAM, "run", "-c", scene.Path("stockade.yaml"), "--record", scene.Path("record")},
      scene.Path("output"));
  REQUIRE(WaitUntil([&] { return gate.Output().find("Ctrl-C stops it") != std::string::npos; }));
  const auto ask = [&](const std::string& source) {
    const std::string body = Concat("{\"user.name\":\"mia\",\"source.ip\":\"", source, "\"}");
    TestClient client(service);
    client.Send(Concat("POST /v1/assess HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ",
                       body.size(), "\r\n\r\n", body));
    return client.ReadAll();
  };
  ask("12.81.92.7");
  ask("81.2.69.142");
  // A broken file in place of the good one, and a reload: refused whole.
  scene.Write("asn.mmdb", "broken");
  gate.Signal(SIGHUP);
  REQUIRE(WaitUntil([&] { return gate.Output().find("reload refused") != std::string::npos; }));
  CHECK_THAT(gate.Output(), Catch::Contains("geo.asn: ") && Catch::Contains("is no database"));
  ask("12.81.92.9");
  TestClient metrics(admin);
  metrics.Send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string figures = metrics.ReadAll();
  CHECK_THAT(figures, Catch::Contains("stockade_geo_lookups_total 3\n"));
  CHECK_THAT(figures, Catch::Contains("stockade_geo_built_timestamp_seconds{file=\"country\"}"));
  gate.Signal(SIGTERM);
  REQUIRE(gate.Wait() == 0);
  const std::string record = scene.Read("record");
  const auto line_of = [&](const std::string& source) {
    for (const std::string& line : Lines(record))
      if (line.find("\"" + source + "\"") != std::string::npos) return line;
    return std::string();
  };
  CHECK_THAT(line_of("12.81.92.7"), Catch::Contains("\"source.as.number\":7018"));
  CHECK_THAT(line_of("12.81.92.9"), Catch::Contains("\"source.as.number\":7018"));
  CHECK_THAT(line_of("81.2.69.142"), Catch::Contains("\"source.geo.country_iso_code\":\"GB\""));
}

}  // namespace
}  // namespace stockade
