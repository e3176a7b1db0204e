// What is wrong with settings is said by every command that reads them, at its place, and all of it at once.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

constexpr char kDeskRules[] = R"(title: Failed
id: 11111111-2222-4333-8444-555555555556
name: failed
description: A failure.
tags: [attack.t1110]
level: low
logsource: {category: authentication}
detection: {selection: {event.outcome: failure}, condition: selection}
---
title: Three failures
id: 11111111-2222-4333-8444-555555555555
name: three_failures
description: Three failures of one address.
tags: [attack.t1110]
level: low
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
response: {action: block, target: source.ip, for: 5m}
)";
constexpr char kThreeFailures[] =
    R"({"@timestamp":"2026-01-05T09:00:00Z","source.ip":"203.0.113.9","user.name":"a","event.reason":"bad_password"}
{"@timestamp":"2026-01-05T09:00:01Z","source.ip":"203.0.113.9","user.name":"a","event.reason":"bad_password"}
{"@timestamp":"2026-01-05T09:00:02Z","source.ip":"203.0.113.9","user.name":"a","event.reason":"bad_password"}
)";

// Files that are right, and commands on settings that may not be.
class Desk : public Scene {
 public:
  Desk() {
    Write("rules.yml", kDeskRules);
    Write("rules.test.yml", "tests:\n  - {name: x, events: [{user.name: a}], expect: {alerts: none}}\n");
    Write("log.ndjson", kThreeFailures);
  }

  // `settings` beside `rules: [rules.yml]`.
  ProgramRun Check(const std::string& settings) const {
    return RunStockade({"check", "-c", Write("s.yaml", "rules: [rules.yml]\n" + settings)});
  }
  ProgramRun Replay(const std::string& settings, const std::string& log = "log.ndjson") const {
    return RunStockade({"replay", "-c", Write("s.yaml", "rules: [rules.yml]\n" + settings), Path(log)});
  }
};

using Catch::Contains;

TEST_CASE("a rule on trial that is misspelt is refused wherever rules are loaded", "[config]") {
  const Desk desk;
  const std::string wrong =
      "s.yaml:2:19: policy.shadow: no rule is called 'three_failure', so none would be on trial; did you "
      "mean "
      "'three_failures'?";
  const std::string settings = "policy: {shadow: [three_failure]}\n";
  const ProgramRun replay = desk.Replay(settings);
  CHECK(replay.exit_code == kExitUsage);
  CHECK_THAT(replay.err, Contains(wrong));
  const std::string file = desk.Path("s.yaml");
  const std::string log = desk.Path("log.ndjson");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"tune", "-c", file, log}, {"explain", "-c", file, "--line", "1", log}}) {
    const ProgramRun ran = RunStockade(arguments);
    CHECK(ran.exit_code == kExitUsage);
    CHECK_THAT(ran.err, Contains(wrong));
  }
  const ProgramRun check = desk.Check(settings);
  CHECK(check.exit_code == kExitFindings);
  CHECK_THAT(check.out, Contains("s.yaml:2:19: error: policy.shadow: no rule is called 'three_failure'"));
  // Part of a name, or a word that stands in a rule, is no rule.
  CHECK_THAT(desk.Check("policy: {shadow: [source]}\n").out, Contains("no rule is called 'source'"));

  CHECK(desk.Check("policy: {shadow: [three_failures]}\n").exit_code == kExitFine);
  const ProgramRun good = desk.Replay("policy: {shadow: [three_failures]}\n");
  CHECK(good.exit_code == kExitFine);
}

TEST_CASE("check opens the files that settings name", "[config]") {
  const Desk desk;
  CHECK_THAT(desk.Check("geo: {asn: nosuch.mmdb}\n").out, Contains("s.yaml:2:7: error: geo.asn: "));
  CHECK_THAT(desk.Check("geo: {country: rules.yml}\n").out, Contains("s.yaml:2:7: error: geo.country: "));
  CHECK_THAT(desk.Check("input: {text_format: nosuch.yml}\n").out,
             Contains("s.yaml:2:9: error: input.text_format: ") && Contains("nosuch.yml"));
  desk.Write("f.yml", "title: x\npatterns: []\n");
  CHECK_THAT(desk.Check("input: {text_format: f.yml}\n").out, Contains("f.yml:2:11: error: patterns: "));
  desk.Write("f.yml", "time: foo\npatterns:\n  - {match: '(?P<timestamp>.+)', outcome: success}\n");
  CHECK_THAT(desk.Check("input: {text_format: f.yml}\n").out,
             Contains("f.yml:1:7: error: time: 'foo' is none of iso8601, "));
  CHECK(desk.Replay("input: {text_format: f.yml}\n").exit_code == kExitUsage);
  desk.Write("f.yml", "time: iso8061\npatterns:\n  - {match: '(?P<timestamp>.+)', outcome: success}\n");
  CHECK_THAT(desk.Check("input: {text_format: f.yml}\n").out, Contains("did you mean 'iso8601'?"));
}

TEST_CASE("a group that is nearly a known field is doubted by check and at the start of a replay",
          "[config]") {
  const Desk desk;
  desk.Write("f.yml",
             "patterns:\n  - match: '^(?P<timestamp>\\S+) (?P<user_nmae>\\S+) (?P<source_ip>\\S+) "
             "(?P<http_verb>\\S+)$'\n    outcome: success\n");
  desk.Write("log", "2026-01-05T09:00:00Z alice 203.0.113.9 GET\n");
  const std::string doubt =
      "match: no rule asks for the group user_nmae, so it is not kept; did you mean 'user_name'?";
  const ProgramRun check = desk.Check("input: {text_format: f.yml}\n");
  CHECK_THAT(check.out, Contains("f.yml:2:12: warning: " + doubt) && Contains("0 errors, 1 warning"));
  const ProgramRun replay = desk.Replay("input: {text_format: f.yml}\n", "log");
  CHECK(replay.exit_code == kExitFine);
  CHECK_THAT(replay.err, Contains("f.yml:2:12: warning: " + doubt));
}

TEST_CASE("rules that settings name and that are not there hide nothing else", "[config]") {
  const Desk desk;
  desk.Write("s.yaml", "rules: [shiped, rules.yml]\nmdoe: protect\nthresholds: {nobody: {gte: 3}}\n");
  const ProgramRun check = RunStockade({"check", "-c", desk.Path("s.yaml")});
  CHECK(check.exit_code == kExitFindings);
  CHECK_THAT(check.out, Contains("s.yaml:1:9: error: rules: ") &&
                            Contains("no such file or folder; did you mean 'shipped'?"));
  CHECK_THAT(check.out,
             Contains("s.yaml:2:1: error: mdoe: ") && Contains("s.yaml:3:14: error: thresholds.nobody"));
  std::filesystem::create_directory(desk.Path("empty"));
  desk.Write("s.yaml", "rules:\n  - rules.yml\n  - empty\n");
  CHECK_THAT(RunStockade({"check", "-c", desk.Path("s.yaml")}).out,
             Contains("s.yaml:3:5: error: rules: ") && Contains("holds no rule"));
}

TEST_CASE("what is wrong is said where it stands", "[config]") {
  const Desk desk;
  CHECK_THAT(desk.Check("mode: protect\nplaceholders:\n  nobody: [x]\n").out,
             Contains("s.yaml:4:3: warning: placeholders.nobody: "));
  CHECK_THAT(
      desk.Check("input:\n  access_log:\n    login_paths:\n      - /login\n      - {regex: \"/login(\"}\n")
          .out,
      Contains("s.yaml:6:17: error: input.access_log.login_paths: "));
  std::string rule = kDeskRules;
  rule.replace(rule.find("target: source.ip"), 17, "target: source.asn");
  desk.Write("rules.yml", rule);
  CHECK_THAT(desk.Check("").out,
             Contains("rules.yml:17:27: warning: response.target: a block of source.asn"));
}

TEST_CASE("all that is wrong with an input is said in one run", "[config]") {
  const Desk desk;
  const ProgramRun many = desk.Check(
      "input: {timezone: Mars, year: 1, format: xx, outcomes: {x: badpassword}, fields: {source.ipp: a}}\n");
  for (const char* key :
       {"input.timezone: ", "input.year: ", "input.format: ", "input.outcomes.x: ", "input.fields: "})
    CHECK_THAT(many.out, Contains(key));
  CHECK_THAT(many.out, Contains("5 errors, 0 warnings"));
  CHECK_THAT(many.out, Contains("there are auto, ") && Contains(", pcap\n"));
  // The formats of captures are known to no reader of lines, and are formats all the same.
  CHECK(desk.Check("input: {format: pcap}\n").exit_code == kExitFine);
}

TEST_CASE("what the command line says of the format wins over the settings", "[config]") {
  const Desk desk;
  desk.Write("f.yml",
             "patterns:\n  - {match: '^(?P<timestamp>\\S+) (?P<user_name>\\S+)$', outcome: success}\n");
  desk.Write("log", "2026-01-05T09:00:00Z alice\n");
  const std::string text = desk.Write("text.yaml", "rules: [rules.yml]\ninput: {text_format: f.yml}\n");
  const std::string csv = desk.Write("csv.yaml", "rules: [rules.yml]\ninput: {format: csv}\n");
  const ProgramRun ndjson =
      RunStockade({"replay", "-c", text, "--format", "ndjson", desk.Path("log.ndjson")});
  CHECK(ndjson.exit_code == kExitFine);
  CHECK_THAT(ndjson.out, Contains("3 attempts"));
  const ProgramRun lines =
      RunStockade({"replay", "-c", csv, "--text-format", desk.Path("f.yml"), desk.Path("log")});
  CHECK(lines.exit_code == kExitFine);
  CHECK_THAT(lines.out, Contains("1 attempts") || Contains("1 attempt"));
  // Both at once contradict each other.
  CHECK(RunStockade({"replay", "--format", "csv", "--text-format", desk.Path("f.yml"), desk.Path("log")})
            .exit_code == kExitUsage);
}

TEST_CASE("a log without an attempt ends with 1 and says what it held", "[config]") {
  const Desk desk;
  desk.Write("empty", "");
  desk.Write("blank", "\n\n  \n");
  desk.Write("header", "timestamp,source ip,user id,login successful\n");
  for (const std::string& name : {std::string("empty"), std::string("blank"), std::string("header")}) {
    CAPTURE(name);
    for (const std::string& command : {std::string("replay"), std::string("tune")}) {
      const ProgramRun ran = RunStockade({command, "--rules", desk.Path("rules.yml"), desk.Path(name)});
      CHECK(ran.exit_code == kExitFindings);
      CHECK_THAT(ran.err, Contains("no login attempt was read: ") && Contains(name));
    }
  }
  CHECK_THAT(RunStockade({"replay", "--rules", desk.Path("rules.yml"), desk.Path("header")}).err,
             Contains("holds a header and no line below it"));
}

TEST_CASE("a mapped column that no header has is an error, not an account that is missing", "[config]") {
  const Desk desk;
  desk.Write("log.csv", "Zeit,Von,Kunde,Ergebnis\n2026-01-05T09:00:00Z,203.0.113.9,alice,success\n");
  const auto settings = [](const std::string& column) {
    return "input: {csv: {columns: {\"@timestamp\": Zeit, source.ip: Von, user.name: " + column +
           ", event.outcome: Ergebnis}}}\n";
  };
  const ProgramRun wrong = desk.Replay(settings("Kundee"), "log.csv");
  CHECK(wrong.exit_code == kExitUsage);
  CHECK_THAT(wrong.err,
             Contains("log.csv:1: input.csv.columns: user.name: no column is called 'Kundee'; did you "
                      "mean 'Kunde'?; the columns are: Zeit, Von, Kunde, Ergebnis"));
  const ProgramRun good = desk.Replay(settings("Kunde"), "log.csv");
  CHECK(good.exit_code == kExitFine);
  CHECK_THAT(good.out, Contains("1 named"));
}

TEST_CASE("advice on what cannot be read is of the format in force", "[config]") {
  const Desk desk;
  desk.Write("f.yml",
             "time: \"%Y/%m/%d\"\npatterns:\n  - {match: '^(?P<timestamp>\\S+) (?P<user_name>\\S+)$', "
             "outcome: success}\n");
  desk.Write("log", "2026-01-05T09:00:00Z alice\n2026/01/05 alice\n");
  CHECK_THAT(desk.Replay("input: {text_format: f.yml}\n", "log").err,
             Contains("log:1: bad_timestamp: the time is not written as `time` of the format file says"));
  desk.Write("log", R"({"@timestamp":"2026-01-05T09:00:00Z","event.outcome":"INVALID"})"
                    "\n");
  CHECK_THAT(desk.Replay("", "log").err,
             Contains("event.outcome holds a value outside its vocabulary; input.outcomes says"));
}

}  // namespace
}  // namespace stockade
