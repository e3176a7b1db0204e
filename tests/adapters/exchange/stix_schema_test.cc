// Proves that the bundles we write are valid by the JSON schemas of OASIS: all kinds of decisions, with and without producer,
// in every colour, hostile text. And that the check itself finds what is wrong.
#include <cstdlib>
#include <iostream>

#include "adapters/exchange/stix.h"
#include "tests/adapters/exchange/exchange_scene.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

std::string SchemaFolder() {
  if (const char* folder = std::getenv("STOCKADE_STIX_SCHEMAS")) return folder;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"))
    return std::string(cache) + "/stockade/stix2-schemas";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/stockade/stix2-schemas";
}

// The check's exit code and what it says; ends the test program as skipped where there is nothing to check with.
std::pair<int, std::string> Check(const std::vector<std::string>& bundles) {
  RequireProgram("python3");
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {
      "python3", std::string(STOCKADE_SOURCE_DIR) + "/tests/adapters/exchange/stix_schema_check",
      SchemaFolder()};
  for (const std::string& bundle : bundles)
    arguments.push_back(folder.Write(Concat("bundle", arguments.size(), ".json"), bundle));
  auto result = RunProgram(arguments);
  if (result.first == 77) {
    std::cout << result.second << std::flush;
    std::_Exit(77);
  }
  return result;
}

std::vector<Decision> AllKinds() {
  std::vector<Decision> decisions;
  for (const Action action : {Action::kBlock, Action::kChallenge, Action::kThrottle}) {
    for (const char* value : {"203.0.113.9", "2001:db8::1"})
      decisions.push_back(MakeDecision(Scope::kIp, value, action));
    for (const char* value : {"203.0.113.0/24", "2001:db8::/48"})
      decisions.push_back(MakeDecision(Scope::kRange, value, action));
  }
  for (size_t i = 0; i < decisions.size(); ++i)
    decisions[i].id = Concat("000000000000", absl::Hex(i, absl::kZeroPad4));
  decisions[0].reason = "quotes ' \" \\ and \xff\xfe bytes, \n lines, \x01 controls, [pattern']";
  decisions[0].rule = "r\"'\\";
  decisions[1].reason.clear();
  decisions[1].rule.clear();
  decisions[2].evidence = {};
  decisions[3].evidence.value = 1e18;
  decisions[4].evidence.value = 7.9;
  decisions[5].evidence.first_ms = decisions[5].evidence.last_ms;
  return decisions;
}

TEST_CASE("every bundle is valid by the schemas of OASIS", "[exchange][stix][schema]") {
  size_t left_out = 0;
  std::vector<std::string> bundles = {WriteStix({}, {}, &left_out)};
  for (const Tlp tlp : {Tlp::kNone, Tlp::kWhite, Tlp::kGreen, Tlp::kAmber, Tlp::kRed}) {
    for (const std::string producer : {"", "Bank \"of\" '\\ \xff"}) {
      bundles.push_back(WriteStix(AllKinds(), {producer, tlp}, &left_out));
      CHECK(left_out == 0);
    }
  }
  const auto [code, said] = Check(bundles);
  CAPTURE(said);
  CHECK(code == 0);
  // All of them were looked at.
  size_t looked_at = 0;
  for (size_t at = 0; (at = said.find(" objects\n", at)) != std::string::npos; ++at) ++looked_at;
  CHECK(looked_at == bundles.size());
}

TEST_CASE("the check finds what is wrong with a bundle", "[exchange][stix][schema]") {
  size_t left_out = 0;
  const std::string good = WriteStix(AllKinds(), {"Bank", Tlp::kAmber}, &left_out);
  const std::pair<std::string, std::string> changes[] = {
      {"\"valid_from\":\"2026", "\"valid_from\":\"26"},
      {"\"id\":\"indicator--", "\"id\":\"sighting--"},
      {"\"confidence\":85", "\"confidence\":185"},
      {"\"tlp\":\"amber\"", "\"tlp\":\"blue\""},
      {"\"count\":9,", "\"count\":-9,"},
      {"\"spec_version\":\"2.1\"", "\"spec_version\":\"3\""},
  };
  for (const auto& [from, to] : changes) {
    CAPTURE(from);
    std::string bad = good;
    const size_t at = bad.find(from);
    REQUIRE(at != std::string::npos);
    bad.replace(at, from.size(), to);
    CHECK(Check({bad}).first == 1);
  }
}

}  // namespace
}  // namespace stockade
