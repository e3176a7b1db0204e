// Test files as people write them: what is read, and for every mistake the exact line that `test` and `check` print.
#include "tools/stockade/test_file.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

std::vector<std::string> MistakesIn(std::string_view yaml) {
  Findings findings;
  ReadTestFile(yaml, "t.yml", &findings);
  std::vector<std::string> lines;
  for (const Finding& finding : findings.all()) lines.push_back(finding.ToString());
  return lines;
}

TestCase OnlyCase(std::string_view yaml) {
  Findings findings;
  TestFile file = ReadTestFile(yaml, "t.yml", &findings);
  REQUIRE(findings.errors() == 0);
  REQUIRE(file.cases.size() == 1);
  return std::move(file.cases[0]);
}

TEST_CASE("events have what is given, their own fields, and times from the start of the case") {
  const TestCase read = OnlyCase(R"(
given: {source.ip: 203.0.113.9, event.reason: bad_password}
start: 2026-03-01T00:00:00Z
tests:
  - name: two tries and a success
    events:
      - {user.name: "u{n}", repeat: {times: 2, every: 5s}}
      - {after: 1m, user.name: owner, event.reason: success, login.number: 7, note: +1}
      - {at: 2s, user.name: between}
    expect: {verdicts: [allow x3, challenge]}
)");
  std::vector<std::string> lines;
  for (const TestLine& line : read.lines) lines.push_back(line.json);
  CHECK(
      lines ==
      std::vector<std::string>{
          R"({"source.ip":"203.0.113.9","event.reason":"bad_password","user.name":"u1","@timestamp":"2026-03-01T00:00:00.000Z"})",
          R"({"source.ip":"203.0.113.9","event.reason":"bad_password","user.name":"between","@timestamp":"2026-03-01T00:00:02.000Z"})",
          R"({"source.ip":"203.0.113.9","event.reason":"bad_password","user.name":"u2","@timestamp":"2026-03-01T00:00:05.000Z"})",
          R"({"source.ip":"203.0.113.9","user.name":"owner","event.reason":"success","login.number":7,"note":"+1","@timestamp":"2026-03-01T00:01:05.000Z"})"});
  REQUIRE(read.verdicts.has_value());
  CHECK(read.verdicts->size() == 4);
  CHECK(read.verdicts->back().verdict == VerdictKind::kChallenge);
  CHECK_FALSE(read.alerts.has_value());
}

TEST_CASE("a case has what its file says unless it says otherwise; none expects nothing") {
  const TestCase read = OnlyCase(R"(
mode: observe
placeholders: {admins: [root, adm*]}
tests:
  - name: nothing comes of it
    mode: protect
    placeholders: {testers: t1}
    order: written
    events: [{at: 5s}, {at: 1s}]
    expect: {alerts: none, decisions: [], verdicts: allow}
)");
  CHECK(read.settings.mode == Mode::kProtect);
  CHECK(read.settings.placeholders.at("admins") == std::vector<std::string>{"root", "adm*"});
  CHECK(read.settings.placeholders.at("testers") == std::vector<std::string>{"t1"});
  CHECK(read.lines[0].time_ms == read.lines[1].time_ms + 4000);
  CHECK(read.alerts.value().empty());
  CHECK(read.decisions.value().empty());
  CHECK(read.verdicts.value().size() == 2);
}

TEST_CASE("every mistake in a test file is said, with its place and the word that was meant") {
  CHECK(MistakesIn(R"(mode: protekt
tests:
  - nam: x
    events:
      - {repeat: {times: nan, every: 5}}
      - {repeat: {times: 2.5}}
      - {at: -5s, after: 3s}
      - 7
    expect:
      alerts: [{at: 5s, value: inf}, {rule: x, group: [a]}]
      decisions: [{action: blok}, 5, {at: 10000000d}]
      verdicts: [alow x3, deny x0, {kind: human}]
)") == std::vector<std::string>{
           "t.yml:1:7: mode: 'protekt' is none of: observe, protect, certificate-only, "
           "established-only; did you mean 'protect'?",
           "t.yml:3:5: tests.nam: unknown key; did you mean 'name'?",
           "t.yml:3:5: tests.name: a case needs a name: a sentence that says what must be so",
           "t.yml:5:26: events.repeat.times: 'nan' is no whole number from 1 to 100000",
           "t.yml:5:38: events.repeat.every: '5' is no span of time; write 5m, 90s or 1h",
           "t.yml:6:26: events.repeat.times: '2.5' is no whole number from 1 to 100000",
           "t.yml:7:14: events.at: '-5s' is no span of time; write 5m, 90s or 1h",
           "t.yml:7:19: events.after: stands beside `at`; keep one of them",
           "t.yml:8:9: events: an event must be a map: field → value",
           "t.yml:10:32: expect.alerts.value: must be a number",
           "t.yml:10:16: expect.alerts.rule: an alert needs the name of its rule",
           "t.yml:10:55: expect.alerts.group: must be a map: field → value",
           "t.yml:11:28: expect.decisions.action: 'blok' is none of: challenge, throttle, block, "
           "lock; did you mean 'block'?",
           "t.yml:11:35: expect.decisions: a decision must be a map: {action: block, value: "
           "203.0.113.9, rule: …}",
           "t.yml:11:43: expect.decisions.at: '10000000d' is too long; from 0ms to 3660d",
           "t.yml:12:18: expect.verdicts: 'alow' is none of: allow, throttle, challenge, deny; did "
           "you mean 'allow'?",
           "t.yml:12:27: expect.verdicts: 'deny x0' has no count after x; write deny x3",
           "t.yml:12:36: expect.verdicts.verdict: is missing",
           "t.yml:12:17: expect.verdicts: names 5 verdicts, and there are 3 events",
       });
}

TEST_CASE("a case without events or expectations, and a file without cases, say so") {
  CHECK(MistakesIn("tests: [{name: a, events: {}, expect: {}}]\n") ==
        std::vector<std::string>{
            "t.yml:1:27: tests.events: must be a list of events",
            "t.yml:1:39: tests.expect: must say at least one of alerts, decisions, verdicts"});
  CHECK(MistakesIn("tests:\n") ==
        std::vector<std::string>{"t.yml:1:1: tests: must be a list of at least one case"});
  CHECK(MistakesIn("- a\n") ==
        std::vector<std::string>{"t.yml:1:1: must be one document: a map with `tests`"});
  CHECK(MistakesIn("tests: [{name: a, events: [{repeat: {times: 100000}}, {}], expect: {alerts: none}}]\n") ==
        std::vector<std::string>{"t.yml:1:55: events: more than 100000 events in one case"});
}

}  // namespace
}  // namespace stockade
