// `stockade test` and `stockade check` as a person meets them: what they print, what they refuse, what they
// return.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/text.h"
#include "tools/stockade/command.h"

namespace stockade {
namespace {

constexpr char kRule[] = R"(title: Three failures
id: 11111111-2222-4333-8444-555555555555
name: three_failures
description: Three failures of one address.
tags: [attack.t1110]
level: low
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 3}
response: {action: block, target: source.ip, for: 5m}
)";
constexpr char kBase[] = R"(title: Failed
id: 11111111-2222-4333-8444-555555555556
name: failed
description: A failure.
tags: [attack.t1110]
level: low
logsource: {category: authentication}
detection: {selection: {event.outcome: failure}, condition: selection}
)";

// A folder of files that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "stockade-rules-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  std::string Read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(path_ + "/" + name).rdbuf();
    return text.str();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Ran {
  int code;
  std::string out, err;
};
Ran Run(int (*command)(std::span<const std::string>, Console&), const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  const int code = command(arguments, console);
  return {code, out.str(), err.str()};
}

bool Has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  UNSCOPED_INFO("not in: " << text);
  return false;
}

TEST_CASE(
    "a rule is tested with the files it refers to, and differences name what was expected and what came",
    "[rules]") {
  const Folder folder;
  folder.Write("base.yml", kBase);
  folder.Write("rule.yml", kRule);
  folder.Write("rule.test.yml", R"(
given: {source.ip: 192.0.2.1, event.reason: bad_password}
tests:
  - name: good
    events: [{user.name: a, repeat: {times: 4, every: 10s}}]
    expect:
      alerts: [{rule: three_failures, at: 20s, value: 3, group: {source.ip: 192.0.2.1}}]
      decisions: [{action: block, scope: ip, value: 192.0.2.1, at: 20s, for: 5m}]
      verdicts: [allow x3, {verdict: deny, by: three_failures}]
  - name: wrong <&>
    events: [{user.name: a, repeat: {times: 3, every: 10s}}]
    expect: {alerts: [other_rule], verdicts: deny}
)");
  const Ran ran = Run(&RunTest, {folder.path(), "--junit", folder.path() + "/junit.xml"});
  CHECK(ran.code == kExitFindings);
  CHECK(Has(ran.out, "rule.test.yml: good\n"));
  CHECK(Has(ran.out, "- other_rule"));
  CHECK(Has(ran.out, "+ three_failures at 20s, value 3 (gte 3), source.ip 192.0.2.1"));
  CHECK(Has(ran.out, "- event 1 at 0: deny"));
  CHECK(Has(ran.out, "2 cases in 1 file: 1 ok, 1 failed"));
  const std::string junit = folder.Read("junit.xml");
  CHECK(Has(junit, "tests=\"2\" failures=\"1\" errors=\"0\""));
  CHECK(Has(junit, "name=\"wrong &lt;&amp;&gt;\""));
  CHECK(Run(&RunTest, {folder.path() + "/rule.yml", "--json"})
            .out.starts_with("{\"files\":1,\"cases\":2,\"ok\":1,\"failed\":1"));
}

TEST_CASE("a test file with a key that nobody knows is an error with its place, not a test that passes",
          "[rules]") {
  const Folder folder;
  folder.Write("base.yml", kBase);
  folder.Write("base.test.yml", "tests:\n  - name: x\n    evnts: []\n    expect: {alerts: none}\n");
  const Ran ran = Run(&RunTest, {folder.path()});
  CHECK(ran.code == kExitFindings);
  CHECK(Has(ran.out, "base.test.yml:3:5: tests.evnts: unknown key; did you mean 'events'?"));
  CHECK(Has(ran.out, "1 could not be run"));

  folder.Write("base.test.yml",
               "tests:\n  - name: x\n    events: [{source.ip: 300.1.1.1}]\n    expect: {alerts: none}\n");
  CHECK(Has(Run(&RunTest, {folder.path()}).out, "base.test.yml:3:14: events: "));
  folder.Write("base.test.yml",
               "tests:\n  - name: x\n    events: [{user.name: a}]\n    expect: {verdicts: [allow x2]}\n");
  CHECK(Has(Run(&RunTest, {folder.path()}).out, "names 2 verdicts, and there are 1 events"));
}

TEST_CASE("nothing to test is a wrong argument", "[rules]") {
  const Folder folder;
  CHECK(Run(&RunTest, {folder.path()}).code == kExitUsage);
  CHECK(Run(&RunTest, {folder.path() + "/none.test.yml"}).code == kExitUsage);
  CHECK(Run(&RunCheck, {folder.path() + "/none.yml"}).code == kExitUsage);
}

TEST_CASE("check is silent about good rules and points at the place of bad ones", "[rules]") {
  const Folder folder;
  folder.Write("base.yml", kBase);
  folder.Write("rule.yml", kRule);
  const std::string test = "tests: [{name: x, events: [], expect: {alerts: none}}]\n";
  folder.Write("base.test.yml", test);
  folder.Write("rule.test.yml", test);
  Ran ran = Run(&RunCheck, {folder.path()});
  CHECK(ran.out == "0 errors, 0 warnings in 4 files\n");
  CHECK(ran.code == kExitFine);

  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = kRule;
    text.replace(text.find(from), from.size(), to);
    folder.Write("rule.yml", text);
    return Run(&RunCheck, {folder.path() + "/rule.yml"});
  };
  ran = with("timespan: 1m", "timespan: 90min");
  CHECK(ran.code == kExitFindings);
  CHECK(Has(ran.out, "rule.yml:11:13: error: correlation.timespan: "));
  CHECK(Has(ran.out, "  11 |   timespan: 90min\n     |             ^\n"));
  // What refers to the rule did not parse; that nobody refers to it is no finding of its own.
  std::string base = kBase;
  base.replace(base.find("level: low"), 10, "level: informational");
  folder.Write("base.yml", base);
  ran = Run(&RunCheck, {folder.path()});
  CHECK(Has(ran.out, "1 error, 0 warnings"));
  // One misspelt field is one finding, however many values it has.
  base = kBase;
  base.replace(base.find("event.outcome: failure"), 22, "'event.outcoem|contains': [fail, no]");
  folder.Write("base.yml", base);
  ran = Run(&RunCheck, {folder.path() + "/base.yml"});
  CHECK(Has(ran.out, "0 errors, 1 warning in"));
  folder.Write("base.yml", kBase);
  CHECK(Has(with("[source.ip]", "[source.pi]").out,
            "rule.yml:10:13: warning: correlation.group-by: field 'source.pi' is not one Stockade fills; did "
            "you mean 'source.ip'?"));
  CHECK(Has(with("{gte: 3}", "{lt: 1}").out, "can never hold"));
  CHECK(Has(with("[failed]", "[fialed]").out, "error: "));
  CHECK(Has(with("level: low\n", "").out, "level: is missing"));
  CHECK(Has(with("event_count", "value_count").out, "error: "));
  CHECK(Has(with("target: source.ip", "target: source.asn").out, "every customer of that provider"));

  folder.Write("rule.yml", kRule);
  std::filesystem::remove(folder.path() + "/rule.test.yml");
  CHECK(Has(Run(&RunCheck, {folder.path()}).out, "has no test; write rule.test.yml beside it"));
  CHECK(Has(Run(&RunCheck, {folder.path(), "--json"}).out, "\"warnings\":1,\"findings\":[{\"file\":"));
}

TEST_CASE("check reads settings, too", "[rules]") {
  const Folder folder;
  folder.Write("base.yml", kBase);
  folder.Write("base.test.yml", "tests: [{name: x, events: [], expect: {alerts: none}}]\n");
  const std::string settings = folder.Write(
      "stockade.yaml",
      "rules: [base.yml]\nmode: certificate-only\ncertificates: ignored\nplaceholders: {unused: [a]}\n");
  const Ran ran = Run(&RunCheck, {"-c", settings});
  CHECK(ran.code == kExitFindings);
  CHECK(Has(ran.out, "denies everybody"));
  CHECK(Has(ran.out, "no rule asks for %unused%"));
  folder.Write("stockade.yaml", "modee: protect\n");
  CHECK(Has(Run(&RunCheck, {"-c", settings, folder.path() + "/base.yml"}).out,
            "stockade.yaml:1:1: error: modee: unknown key; did you mean 'mode'?"));
}

}  // namespace
}  // namespace stockade
