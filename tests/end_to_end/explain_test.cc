// stockade explain over small logs: it tells of the run that replay made, names the attempts behind a
// decision, and says what would have let an attempt pass.
#include <catch2/catch.hpp>

#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

ProgramRun ExplainLog(const Scene& scene, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"explain", "--rules-only", "--rules", scene.Path("rules.yml")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back(scene.Path("log"));
  return RunStockade(arguments);
}

// Five failures of one address among another's successes, then an attempt that is stopped.
void WriteAttack(const Scene& scene) {
  std::string log;
  for (int i = 0; i < 5; ++i) {
    log += LoginLine(2 * i, "203.0.113.9", "user" + std::to_string(i), "bad_password");
    log += LoginLine(2 * i + 1, "198.51.100.1", "bob", "success");
  }
  log += LoginLine(10, "203.0.113.9", "alice", "success");
  scene.Write("log", log);
}

std::string IdOfDecision(const Scene& scene) {
  scene.Replay({scene.Path("log")});
  const std::string decisions = scene.Read("decisions");
  const size_t at = decisions.find(R"("id":")");
  REQUIRE(at != std::string::npos);
  return decisions.substr(at + 6, 16);
}

TEST_CASE("a stopped line is explained down to the attempts that caused it", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  const std::string id = IdOfDecision(scene);
  const ProgramRun run = ExplainLog(scene, {"--line", "11"});
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains("The attempt of alice from 203.0.113.9"));
  CHECK_THAT(run.out, Catch::Contains("was refused before the password was looked at"));
  CHECK_THAT(run.out, Catch::Contains("Decision " + id));
  CHECK_THAT(run.out, Catch::Contains("until") || Catch::Contains("2026-11-23 09:15:08.000 UTC"));
  CHECK_THAT(run.out, Catch::Contains("brought about by line 9"));
  for (int i = 0; i < 5; ++i) CHECK_THAT(run.out, Catch::Contains("user" + std::to_string(i)));
  CHECK_THAT(run.out, !Catch::Contains("bob"));
  CHECK_THAT(run.out, Catch::Contains("What would have let it pass"));
  CHECK_THAT(run.out, Catch::Contains("a threshold of 6"));
}

TEST_CASE("a decision is explained by its id", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  const std::string id = IdOfDecision(scene);
  const ProgramRun run = ExplainLog(scene, {"--decision", id});
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains("Stockade decided to block address 203.0.113.9"));
  CHECK_THAT(run.out, Catch::Contains("The attempt that brought it about"));
  CHECK_THAT(run.out,
             Catch::Contains("frequency: 5 within 10m for source.ip 203.0.113.9; condition gte 5 is met"));
  CHECK_THAT(run.out, Catch::Contains("user0"));
}

TEST_CASE("a line that was let through shows how near its windows were", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  const ProgramRun run = ExplainLog(scene, {"--line", "5"});
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains("was let through to the password check"));
  CHECK_THAT(run.out, Catch::Contains("frequency: 3 within 10m"));
  CHECK_THAT(run.out, Catch::Contains("is not met"));
  CHECK_THAT(run.out, Catch::Contains("user0") && Catch::Contains("user1") && Catch::Contains("user2"));
  CHECK_THAT(run.out, !Catch::Contains("user3"));
}

TEST_CASE("a decision of a rule over other rules names the attempts that counted in those", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  std::string rules = scene.Read("rules.yml");
  rules.erase(rules.find("response:"),
              rules.find('\n', rules.find("response:")) - rules.find("response:") + 1);
  rules += R"(---
title: An address that fails often, once an hour
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a03
name: often
logsource: {category: authentication}
correlation:
  type: event_count
  rules: [frequency]
  group-by: [source.ip]
  timespan: 1h
  condition: {gte: 1}
response: {action: block, target: source.ip, for: 15m}
)";
  scene.Write("rules.yml", rules);
  const std::string id = IdOfDecision(scene);
  const ProgramRun run = ExplainLog(scene, {"--decision", id});
  CHECK(run.exit_code == kExitFine);
  const std::string grounds = run.out.substr(run.out.find("The attempts it rests on"));
  CHECK_THAT(grounds, Catch::Contains("often: 1 within 1h") && Catch::Contains("frequency: 5 within 10m"));
  for (int i = 0; i < 5; ++i) CHECK_THAT(grounds, Catch::Contains("user" + std::to_string(i)));
}

TEST_CASE("of many attempts the first and the last few are named", "[explain]") {
  const Scene scene;
  std::string log;
  for (int i = 0; i < 40; ++i) log += LoginLine(i, "203.0.113.9", "user" + std::to_string(i), "bad_password");
  scene.Write("log", log);
  const ProgramRun run = ExplainLog(scene, {"--observe", "--json", "--line", "40"});
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains(R"("windows":[{"rule":"frequency")"));
  CHECK_THAT(run.out, Catch::Contains(R"("decision":{"time":"2026-11-23T09:00:04.000Z")"));
}

TEST_CASE("a rule without a condition is explained by the rules it wants", "[explain]") {
  const Scene scene;
  scene.Write("rules.yml", R"(
title: A failed login
name: failed
logsource: {category: authentication}
detection:
  failure: {event.outcome: failure}
  condition: failure
---
title: A login
name: welcome
logsource: {category: authentication}
detection:
  success: {event.outcome: success}
  condition: success
---
title: In after a failure
name: after_failure
correlation:
  type: temporal
  rules: [failed, welcome]
  group-by: [source.ip]
  timespan: 10m
)");
  const std::string log = scene.Write("log", LoginLine(0, "203.0.113.9", "alice", "bad_password"));
  const ProgramRun run =
      RunStockade({"explain", "--rules-only", "--rules", scene.Path("rules.yml"), "--line", "1", log});
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains("condition all of failed, welcome within 10m is not met"));
}

TEST_CASE("a refused certificate is explained by what would have let it pass", "[explain]") {
  const Scene scene;
  const std::string settings = scene.Write("settings", "certificates: required\n");
  const std::string log = scene.Write("log", LoginLine(0, "203.0.113.9", "alice", "success"));
  const ProgramRun run = RunStockade(
      {"explain", "--rules-only", "-c", settings, "--rules", scene.Path("rules.yml"), "--line", "1", log});
  CHECK_THAT(run.out, Catch::Contains("What would have let it pass\n  a certificate that is valid"));
}

TEST_CASE("what is not there ends with 1 and says so", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  const ProgramRun line = ExplainLog(scene, {"--line", "99"});
  CHECK(line.exit_code == kExitFindings);
  CHECK_THAT(line.err, Catch::Contains("they have 11"));
  const ProgramRun decision = ExplainLog(scene, {"--decision", "0000000000000000"});
  CHECK(decision.exit_code == kExitFindings);
  CHECK(decision.out.empty());
}

TEST_CASE("an unreadable line is explained by why it could not be read", "[explain]") {
  const Scene scene;
  scene.Write("log", LoginLine(0, "203.0.113.9", "alice", "success") + "{\"@timestamp\": nonsense\n");
  const ProgramRun run = ExplainLog(scene, {"--line", "2"});
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains("could not be read") && Catch::Contains("not_json"));
}

}  // namespace
}  // namespace stockade
