// stockade explain over small logs: it tells of the run that replay made, names the attempts behind a
// decision, and says what would have let an attempt pass.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

constexpr char kFailedRule[] = R"(
title: A failed login
name: failed
logsource: {category: authentication}
detection:
  failure: {event.outcome: failure}
  condition: failure
)";

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
  scene.Write("rules.yml", std::string(kFailedRule) + R"(---
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
  CHECK_THAT(line.err, Catch::Contains("there is no line 99: the inputs have 11"));
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

size_t Occurrences(const std::string& text, const std::string& of) {
  size_t count = 0;
  for (size_t at = text.find(of); at != std::string::npos; at = text.find(of, at + 1)) ++count;
  return count;
}

std::string GroundsOf(const ProgramRun& run) {
  const size_t at = run.out.find("The attempts it rests on");
  REQUIRE(at != std::string::npos);
  return run.out.substr(at);
}

// Rules that decide nothing: what is decided, detectors decide.
void WriteQuietRules(const Scene& scene) {
  scene.Write("rules.yml", kFailedRule);
}

TEST_CASE("a detector's order is explained by its threshold, by name, and by the failures before it",
          "[explain]") {
  const Scene scene;
  WriteQuietRules(scene);
  std::string log;
  for (int i = 0; i < 12; ++i) {
    log += LoginLine(2 * i, "203.0.113.9", "user" + std::to_string(i), "bad_password");
    log += LoginLine(2 * i + 1, "198.51.100.1", "bob", "success");
  }
  scene.Write("log", log);
  const std::vector<std::string> same = {"--rules", scene.Path("rules.yml"), scene.Path("log")};
  std::vector<std::string> replay = {"replay", "--decisions", scene.Path("decisions")};
  replay.insert(replay.end(), same.begin(), same.end());
  REQUIRE(RunStockade(replay).exit_code == kExitFine);
  const std::string decisions = scene.Read("decisions");
  REQUIRE_THAT(decisions, Catch::Contains(R"("rule":"source_ladder")"));
  CHECK_THAT(decisions,
             Catch::Contains(R"("group":{"source.ip":"203.0.113.9"},"detector":"source_ladder")") &&
                 Catch::Contains(R"("threshold":13.8,"setting":"detectors.evidence.condemned")"));
  const std::string id = decisions.substr(decisions.find(R"("id":")") + 6, 16);

  std::vector<std::string> explain = {"explain", "--decision", id};
  explain.insert(explain.end(), same.begin(), same.end());
  const ProgramRun run = RunStockade(explain);
  CHECK(run.exit_code == kExitFine);
  const std::string grounds = GroundsOf(run);
  CHECK_THAT(grounds,
             Catch::Contains("8 failed or stopped in this input, up to then, of source.ip 203.0.113.9"));
  // Line 15 is the eighth: it was stopped, and told of during the next one.
  CHECK_THAT(run.out, Catch::Contains("brought about by line 15"));
  for (const std::string user : {"user0", "user7"}) CHECK_THAT(grounds, Catch::Contains(user));
  for (const std::string user : {"user8", "bob"}) CHECK_THAT(grounds, !Catch::Contains(user));
  CHECK_THAT(grounds, Catch::Contains("detectors.evidence.condemned above 15.17, at most 18"));
  CHECK_THAT(grounds, Catch::Contains("detectors.source_ladder: shadow or off"));
  CHECK_THAT(grounds, !Catch::Contains("decides on one attempt"));

  explain = {"explain", "--line", "15"};
  explain.insert(explain.end(), same.begin(), same.end());
  CHECK_THAT(RunStockade(explain).out, Catch::Contains("this attempt brought about decision " + id));

  // What it names would have let it pass.
  const std::string settings = scene.Write("settings", "detectors: {evidence: {condemned: 15.3}}\n");
  replay.insert(replay.end(), {"-c", settings});
  scene.Write("log", log.substr(0, log.find("user8")).substr(0, log.rfind('\n', log.find("user8")) + 1));
  REQUIRE(RunStockade(replay).exit_code == kExitFine);
  CHECK(scene.Read("decisions").empty());
}

TEST_CASE("the lock after a right password inside a campaign rests on the campaign's failures", "[explain]") {
  const Scene scene;
  WriteQuietRules(scene);
  std::string log;
  for (int i = 0; i < 9; ++i) log += LoginLine(i, "203.0.113.9", "user" + std::to_string(i), "bad_password");
  log += LoginLine(10, "203.0.113.9", "alice", "success");
  log += LoginLine(11, "198.51.100.1", "bob", "success");
  scene.Write("log", log);
  const std::vector<std::string> same = {"--observe", "--rules", scene.Path("rules.yml"), scene.Path("log")};
  std::vector<std::string> arguments = {"replay", "--decisions", scene.Path("decisions")};
  arguments.insert(arguments.end(), same.begin(), same.end());
  RunStockade(arguments);
  const std::string decisions = scene.Read("decisions");
  const size_t lock = decisions.find(R"("action":"lock")");
  REQUIRE(lock != std::string::npos);
  arguments = {"explain", "--decision", decisions.substr(decisions.rfind(R"("id":")", lock) + 6, 16)};
  arguments.insert(arguments.end(), same.begin(), same.end());
  const ProgramRun run = RunStockade(arguments);
  CHECK_THAT(run.out, Catch::Contains("brought about by line 10"));
  CHECK_THAT(GroundsOf(run),
             Catch::Contains("9 failed or stopped in this input, up to then, of source.ip 203.0.113.9"));
  CHECK_THAT(run.out, !Catch::Contains("decides on one attempt"));
}

TEST_CASE("a count that its window does not keep is worked out, and the threshold with it", "[explain]") {
  const Scene scene;
  std::string log;
  for (int i = 0; i < 8; ++i)
    log += LoginLine(i, "203.0.113.9", "user" + std::to_string(i % 6), "bad_password");
  scene.Write("log", log);
  const ProgramRun run = ExplainLog(scene, {"--observe", "--line", "8"});
  CHECK_THAT(run.out, Catch::Contains("frequency: 8 within 10m") && Catch::Contains("a threshold of 9"));
  const std::string rules = scene.Read("rules.yml");
  for (int threshold = 6; threshold <= 10; ++threshold) {
    std::string other = rules;
    other.replace(other.find("gte: 5"), 6, "gte: " + std::to_string(threshold));
    scene.Write("rules.yml", other);
    const bool is_met =
        ExplainLog(scene, {"--observe", "--line", "8"}).out.find(" is met") != std::string::npos;
    INFO("threshold " << threshold);
    CHECK(is_met == (threshold < 9));
  }
  std::string values = rules;
  values.replace(values.find("event_count"), 11, "value_count");
  values.replace(values.find("{gte: 5}"), 8, "{field: user.name, gte: 3}");
  scene.Write("rules.yml", values);
  CHECK_THAT(ExplainLog(scene, {"--observe", "--line", "8"}).out,
             Catch::Contains("frequency: 6 of user.name within 10m") && Catch::Contains("a threshold of 7"));
}

TEST_CASE("what --observe let through would have been stopped, and was not", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  const ProgramRun run = ExplainLog(scene, {"--observe", "--line", "11"});
  CHECK_THAT(run.out, Catch::Contains("would have been refused before the password was looked at; it was let "
                                      "through (--observe)"));
  std::string rules = scene.Read("rules.yml");
  rules.replace(rules.find("action: block"), 13, "action: challenge");
  scene.Write("rules.yml", rules);
  const ProgramRun challenged = ExplainLog(scene, {"--observe", "--line", "11"});
  CHECK_THAT(challenged.out, Catch::Contains("would have been asked") && !Catch::Contains(", and did"));
}

TEST_CASE("each attempt of a line that stands for several is explained", "[explain]") {
  const Scene scene;
  const std::string failed = "sshd[7]: Failed password for root from 203.0.113.9 port 41 ssh2";
  std::string log;
  for (int i = 0; i < 3; ++i) log += "Nov 23 09:00:0" + std::to_string(i) + " gate " + failed + "\n";
  log += "Nov 23 09:00:05 gate sshd[7]: message repeated 5 times: [ " + failed.substr(9) + "]\n";
  scene.Write("log", log);
  const std::string id = IdOfDecision(scene);
  const ProgramRun run = ExplainLog(scene, {"--line", "4"});
  CHECK_THAT(run.out,
             Catch::Contains("stands for 5 attempts: allow (2 times), deny (3 times); this is number 3"));
  CHECK_THAT(run.out, Catch::Contains("was refused") && Catch::Contains("brought about by line 4"));
  CHECK_THAT(run.out, Catch::Contains("frequency: 5 within 10m"));
  const ProgramRun second = ExplainLog(scene, {"--line", "4", "--attempt", "2"});
  CHECK_THAT(second.out,
             Catch::Contains("was let through") && Catch::Contains("brought about decision " + id));
  CHECK_THAT(ExplainLog(scene, {"--line", "4", "--attempt", "6"}).err, Catch::Contains("holds 5 attempts"));
  const ProgramRun decision = ExplainLog(scene, {"--decision", id});
  // Three lines of their own, and two of the fourth.
  CHECK(Occurrences(GroundsOf(decision), "203.0.113.9      root") == 5);
}

TEST_CASE("an input that can be read once is read", "[explain]") {
  const Scene scene;
  WriteAttack(scene);
  const std::string log = scene.Read("log");
  const std::string pipe = scene.Path("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(pipe) << log; });
  const ProgramRun run =
      RunStockade({"explain", "--rules-only", "--rules", scene.Path("rules.yml"), "--line", "11", pipe});
  writer.join();
  CHECK(run.exit_code == kExitFine);
  CHECK_THAT(run.out, Catch::Contains("brought about by line 9") && Catch::Contains("(" + pipe + ":11)"));
}

TEST_CASE("an attempt in a future that nobody confirmed was counted for no rule, and is told so",
          "[explain]") {
  const Scene scene;
  const std::string now = LoginLine(0, "203.0.113.9", "alice", "bad_password");
  std::string future = now;
  future.replace(future.find("2026"), 4, "2030");
  const std::string later =
      LoginLine(1, "203.0.113.9", "bob", "success") + LoginLine(2, "203.0.113.9", "carol", "success");
  scene.Write("log", now + future + later);
  const ProgramRun run = ExplainLog(scene, {"--line", "2"});
  CHECK_THAT(run.out, Catch::Contains("its time lies in a future that no other attempt confirmed"));
  CHECK_THAT(run.out, !Catch::Contains("no rule matched"));
  scene.Write("log", now + future + future);
  CHECK_THAT(ExplainLog(scene, {"--line", "2"}).out, Catch::Contains("failed matched"));
}

TEST_CASE("a rule that one attempt met in several ways is listed once, and the attempt in it once",
          "[explain]") {
  const Scene scene;
  std::string rules = scene.Read("rules.yml");
  const size_t response = rules.find("response:");
  rules.erase(response, rules.find('\n', response) - response + 1);
  rules += R"(---
title: One address fails on several accounts
name: accounts
correlation:
  type: value_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 10m
  condition: {field: user.name, gte: 5}
---
title: Both
name: both
correlation:
  type: temporal
  rules: [frequency, accounts]
  group-by: [source.ip]
  timespan: 10m
response: {action: block, target: source.ip, for: 15m}
)";
  WriteAttack(scene);
  scene.Write("rules.yml", rules);
  const std::string grounds = GroundsOf(ExplainLog(scene, {"--decision", IdOfDecision(scene)}));
  CHECK(Occurrences(grounds, "both: ") == 1);
  CHECK_THAT(grounds, Catch::Contains("both: 2 of its rules within 10m"));
  // The fifth failure: once in each of the three.
  CHECK(Occurrences(grounds, "user4") == 3);
}

TEST_CASE("a line without an attempt is told from one that is not there; an empty account has a name",
          "[explain]") {
  const Scene scene;
  scene.Write(
      "log",
      "Nov 23 09:00:00 gate sshd[7]: Server listening on 0.0.0.0 port 22.\n"
      "Nov 23 09:00:01 gate sshd[7]: Failed password for invalid user  from 203.0.113.9 port 41 ssh2\n");
  CHECK_THAT(ExplainLog(scene, {"--line", "1"}).err, Catch::Contains("line 1 holds no login attempt\n"));
  CHECK_THAT(ExplainLog(scene, {"--line", "3"}).err,
             Catch::Contains("there is no line 3: the inputs have 2"));
  CHECK_THAT(ExplainLog(scene, {"--line", "2"}).out, Catch::Contains("account (empty) from 203.0.113.9"));
}

}  // namespace
}  // namespace stockade
