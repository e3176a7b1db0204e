// Whole documents: what is read, and for every mistake the exact line that `check` prints.
#include "engine/rule/sigma_parse.h"

#include <catch2/catch.hpp>

#include "engine/rule/modifier.h"
#include "tests/engine/rule/rule_text.h"

namespace stockade {
namespace {

SigmaDocuments Load(std::string_view yaml) {
  SigmaDocuments documents;
  const absl::Status status = ParseSigma(yaml, "r.yml", &documents);
  INFO(status.message());
  REQUIRE(status.ok());
  return documents;
}

std::string FirstOf(std::string_view yaml) {
  const std::vector<std::string> findings = FindingsOf(yaml);
  return findings.empty() ? "" : findings[0];
}

constexpr std::string_view kRule = R"(title: Failed logins
id: 5638f7c0-ac70-491d-8465-2a65075e0d86
name: failed_login
status: test
description: A login that did not succeed.
author: Somebody
date: 2026-01-31
references: [https://example.org/a]
tags:
  - attack.credential-access
  - attack.t1110
logsource:
  category: authentication
  product: gateway
detection:
  selection:
    event.outcome: failure
    user.name|startswith:
      - adm
      - root
  filter_inside:
    source.ip|cidr: 10.0.0.0/8
  condition: selection and not 1 of filter_*
level: medium
response:
  action: block
  target: source.ip
  for: 15m
  escalate: {factor: 4, up-to: 7d}
explanation: a key of one's own
)";

TEST_CASE("a base rule is read with all that it says", "[rule]") {
  CHECK(FindingsOf(kRule).empty());
  const SigmaDocuments documents = Load(kRule);
  REQUIRE(documents.rules.size() == 1);
  const SigmaRule& rule = documents.rules[0];
  CHECK(rule.header.title == "Failed logins");
  CHECK(rule.header.handle() == "failed_login");
  CHECK(rule.header.level == "medium");
  CHECK(rule.header.logsource == "authentication/gateway/*");
  CHECK(rule.header.tags == std::vector<std::string>{"attack.credential-access", "attack.t1110"});
  CHECK(rule.header.place.line == 1);
  REQUIRE(rule.tests.size() == 4);
  CHECK(TreeText(rule.expression) == "and(and(0, or(1, 2)), not(3))");
  CHECK(rule.tests[1].written == "user.name|startswith: 'adm'");
  CHECK(rule.tests[1].place.line == 19);
  CHECK(rule.tests[1].place.column == 9);
  REQUIRE(rule.response.has_value());
  CHECK(rule.response->action == Action::kBlock);
  CHECK(rule.response->target == Target::kSourceIp);
  CHECK(rule.response->for_ms == 15 * 60'000);
  CHECK(rule.response->escalate_factor == 4);
  CHECK(rule.response->escalate_up_to_ms == int64_t{7} * 86'400'000);
}

std::string Detection(std::string_view detection) {
  return "title: T\nlogsource: {product: p}\ndetection:\n" + std::string(detection);
}

TEST_CASE("maps are and, lists are or, bare texts are keywords", "[rule]") {
  const auto tree = [](std::string_view detection) {
    return TreeText(Load(Detection(detection)).rules.at(0).expression);
  };
  CHECK(tree("  s: {a: 1, b: 2}\n  condition: s\n") == "and(0, 1)");
  CHECK(tree("  s: [{a: 1, b: 2}, {c: 3}]\n  condition: s\n") == "or(and(0, 1), 2)");
  CHECK(tree("  s: [one, two]\n  condition: s\n") == "or(0, 1)");
  CHECK(tree("  s: [one, {a: [2, 3]}]\n  condition: s\n") == "or(0, or(1, 2))");
  CHECK(tree("  s: one\n  condition: s\n") == "0");
  CHECK(tree("  s: {'|all': [one, two]}\n  condition: s\n") == "and(0, 1)");
  CHECK(tree("  a: {x: 1}\n  b: {y: 2}\n  condition: [a, not b]\n") == "or(0, not(1))");
}

TEST_CASE("errors of a detection name line, column and key", "[rule]") {
  const auto first = [](std::string_view detection) { return FirstOf(Detection(detection)); };
  CHECK(first("  s:\n    user.name|startwith: a\n  condition: s\n") ==
        "r.yml:5:15: detection.s.user.name|startwith: unknown modifier 'startwith'; did you mean "
        "'startswith'?");
  CHECK(first("  s: {a: b}\n  condition: s and t\n") ==
        "r.yml:5:20: detection.condition: no selection 't'; there is s");
  CHECK(first("  s: {a: b}\n  condition: 's and t'\n") ==
        "r.yml:5:21: detection.condition: no selection 't'; there is s");
  CHECK(first("  s: {a: b}\n") ==
        "r.yml:4:3: detection.condition: is missing; it says which selections must match");
  CHECK(first("  s: {a: b}\n  conditon: s\n") ==
        "r.yml:4:3: detection.condition: is missing; did you mean it by 'conditon'?");
  CHECK(first("  condition: s\n") == "r.yml:4:3: detection: has no selection, only a condition");
  CHECK(first("  s: {}\n  condition: s\n") ==
        "r.yml:4:6: detection.s: is empty; a selection names fields and values, or keywords");
  CHECK(first("  s:\n  condition: s\n") ==
        "r.yml:4:3: detection.s: is empty; a selection names fields and values, or keywords");
  CHECK(first("  s: [[a]]\n  condition: s\n") == "r.yml:4:7: detection.s: a list in a list; write one list");
  CHECK(first("  s: {a: [[b]]}\n  condition: s\n") ==
        "r.yml:4:11: detection.s.a: a list in a list; write one list of values");
  CHECK(first("  s: {a: b}\n  timeframe: 5m\n  condition: s\n") ==
        "r.yml:5:3: detection.timeframe: belonged to `| count()`; write a correlation rule, whose timespan "
        "it becomes");
  CHECK(
      first("  s: {a: b}\n  condition: s | count() by c > 5\n") ==
      "r.yml:5:16: detection.condition: aggregations after | are no longer Sigma; write a correlation rule: "
      "event_count for count(), value_count for count(field), value_sum, value_avg, temporal for near");
  CHECK(first("  s: {a: b}\n  t: {a: b}\n  condition: s\n") ==
        "r.yml:5:3: warning: detection.t: no condition asks for this selection");
  CHECK(first("  s: {a: b, a: c}\n  condition: s\n") ==
        "r.yml:4:13: a: written twice in one map, first in line 4; one of the two would be lost");
}

TEST_CASE("all errors of a file are found in one run, and the sound documents are kept", "[rule]") {
  const std::string yaml = Detection("  s: {a|x: 1, b|y: 2}\n  condition: s\n") + "---\n" +
                           Detection("  s: {a: 1}\n  condition: s\n") + "---\n" +
                           Detection("  s: {a|cidr: 1}\n  condition: t\n");
  SigmaDocuments documents;
  const absl::Status status = ParseSigma(yaml, "r.yml", &documents);
  CHECK(documents.rules.size() == 1);
  CHECK(std::string(status.message()) ==
        "r.yml:4:9: detection.s.a|x: unknown modifier 'x'\n"
        "r.yml:4:17: detection.s.b|y: unknown modifier 'y'\n"
        "r.yml:16:15: detection.s.a|cidr: '1' is no network such as 192.0.2.0/24 or 2001:db8::/32\n"
        "r.yml:17:14: detection.condition: no selection 't'; there is s");
}

TEST_CASE("what a document is must be clear", "[rule]") {
  CHECK(FirstOf("title: T\n") ==
        "r.yml:1:1: neither detection, correlation nor filter: this is no Sigma rule");
  CHECK(FindingsOf("title: T\ndetecton: {}\n").at(1) ==
        "r.yml:2:1: warning: detecton: unknown key; did you mean 'detection'?");
  CHECK(FirstOf("- a\n") == "r.yml:1:1: a document of rules is a map with title and detection");
  CHECK(FirstOf("action: global\ntitle: T\n") ==
        "r.yml:1:1: action: rule collections (action: global) were taken out of Sigma; write each rule in "
        "full, "
        "divided by ---");
  CHECK(FirstOf("logsource: {product: p}\ndetection:\n  s: {a: b}\n  condition: s\n") ==
        "r.yml:1:1: title: is missing; every rule says in a few words what it finds");
  CHECK(FirstOf("title: T\ndetection:\n  s: {a: b}\n  condition: s\n") ==
        "r.yml:1:1: warning: logsource: is missing; Sigma asks for it: category, product or service of the "
        "log");
  CHECK(
      FirstOf("title: T\nrespones: {}\nlogsource: {product: p}\ndetection:\n  s: {a: b}\n  condition: s\n") ==
      "r.yml:2:1: warning: respones: unknown key; did you mean 'response'?");
  CHECK(
      FirstOf("title: T\nlevel: hihg\nlogsource: {product: p}\ndetection:\n  s: {a: b}\n  condition: s\n") ==
      "r.yml:2:8: warning: level: 'hihg' is not informational, low, medium, high or critical");
  CHECK(FirstOf("title: [T]\ncorrelation: {}\n") == "r.yml:1:8: title: must be a text");
  CHECK(FindingsOf("").empty());
  CHECK(FindingsOf("---\n---\n# nothing\n").empty());
}

std::string Correlation(std::string_view correlation) {
  return "title: T\ncorrelation:\n" + std::string(correlation);
}

TEST_CASE("a correlation is read with all that it says", "[rule]") {
  const SigmaDocuments documents = Load(Correlation(R"(  type: value_count
  rules: [a, b]
  group-by: [source.ip, who]
  timespan: 10m
  aliases:
    who: {a: user.name, b: user.id}
  generate: true
  condition: {field: user.name, gte: 5, lt: 10}
response: {action: lock, target: user.name, for: 1h, lanes: all}
)"));
  REQUIRE(documents.correlations.size() == 1);
  const CorrelationRule& rule = documents.correlations[0];
  CHECK(rule.type == CorrelationRule::Type::kValueCount);
  REQUIRE(rule.rules.size() == 2);
  CHECK(rule.rules[1].rule == "b");
  CHECK(rule.rules[1].place.line == 4);
  CHECK(rule.rules[1].place.column == 14);
  CHECK(rule.group_by == std::vector<std::string>{"source.ip", "who"});
  CHECK(rule.span_ms == 600'000);
  CHECK(rule.generate);
  REQUIRE(rule.aliases.size() == 1);
  CHECK(rule.aliases[0].entries.size() == 2);
  REQUIRE(rule.bounds.size() == 2);
  CHECK(rule.bounds[0].comparison == Test::Comparison::kGte);
  CHECK(rule.bounds[1].number == 10);
  CHECK(rule.condition_field == "user.name");
  CHECK(rule.condition_written == "gte 5, lt 10");
  REQUIRE(rule.response.has_value());
  CHECK(rule.response->all_lanes);
}

TEST_CASE("all seven types are read", "[rule]") {
  const std::string rest = "\n  rules: a\n  timespan: 1h\n";
  CHECK(Load(Correlation("  type: event_count" + rest + "  condition: {gte: 1}\n"))
            .correlations[0]
            .rules.size() == 1);
  for (const char* type : {"value_count", "value_sum", "value_avg"}) {
    Load(Correlation(std::string("  type: ") + type + rest + "  condition: {gt: 1, field: f}\n"));
  }
  const std::string percentile = "  type: value_percentile" + rest;
  CHECK(Load(Correlation(percentile + "  condition: {gt: 1, field: f, percentile: 95}\n"))
            .correlations[0]
            .percentile == 95);
  CHECK(Load(Correlation(percentile + "  percentile: 99.9\n  condition: {gt: 1, field: f}\n"))
            .correlations[0]
            .percentile == 99.9);
  CHECK(Load(Correlation(percentile + "  condition: {gt: 1, field: f}\n")).correlations[0].percentile == 50);
  for (const char* type : {"temporal", "temporal_ordered"}) {
    CHECK_FALSE(Load(Correlation(std::string("  type: ") + type + rest))
                    .correlations[0]
                    .temporal_condition.has_value());
  }
  const std::string temporal = "  type: temporal\n  rules: [a, b, c]\n  timespan: 1h\n";
  CHECK(TreeText(*Load(Correlation(temporal + "  condition: a and (b or c)\n"))
                      .correlations[0]
                      .temporal_condition) == "and(0, or(1, 2))");
  CHECK(
      TreeText(*Load(Correlation(temporal + "  condition: {gte: 2}\n")).correlations[0].temporal_condition) ==
      "or(and(0, 1), and(0, 2), and(1, 2))");
}

TEST_CASE("rules in their order are all asked for: a condition that says else is refused, not passed over",
          "[rule]") {
  const std::string ordered = "  type: temporal_ordered\n  rules: [a, b, c]\n  timespan: 1h\n";
  for (const char* condition :
       {"a and b and c", "c and a and b and a", "all of them", "{gte: 3}", "{gt: 2}"}) {
    INFO(condition);
    CHECK(Load(Correlation(ordered + "  condition: " + condition + "\n")).correlations.size() == 1);
  }
  for (const char* condition : {"a and not b and c", "not (a and b and c)", "a or b or c", "a and (b or c)",
                                "1 of them", "{gte: 2}"}) {
    INFO(condition);
    CHECK(FirstOf(Correlation(ordered + "  condition: " + condition + "\n")) ==
          "r.yml:6:14: correlation.condition: goes with type: temporal; temporal_ordered is met when all of "
          "its "
          "rules have matched, in their order");
  }
}

TEST_CASE("errors of a correlation name line, column and key", "[rule]") {
  const auto first = [](std::string_view text) { return FirstOf(Correlation(text)); };
  const std::string head = "  type: event_count\n  rules: [a]\n";
  CHECK(first(head + "  timespan: 90min\n  condition: {gte: 1}\n") ==
        "r.yml:5:13: correlation.timespan: \"90min\" has no unit s, m, h or d; write 90m");
  CHECK(first(head + "  timespan: 60d\n  condition: {gte: 1}\n") ==
        "r.yml:5:13: correlation.timespan: \"60d\" is longer than 30d, the longest span there may be");
  CHECK(first(head + "  timeframe: 5m\n  condition: {gte: 1}\n") ==
        "r.yml:5:3: correlation.timeframe: unknown key; did you mean 'timespan'?");
  CHECK(first(head + "  timespan: 5m\n  groupby: [x]\n  condition: {gte: 1}\n") ==
        "r.yml:6:3: correlation.groupby: unknown key; did you mean 'group-by'?");
  CHECK(first(head + "  condition: {gte: 1}\n") == "r.yml:3:3: correlation.timespan: is missing");
  CHECK(first(head + "  timespan: 5m\n") ==
        "r.yml:3:3: correlation.condition: event_count needs one, such as {gte: 10}");
  CHECK(first(head + "  timespan: 5m\n  condition: {}\n") ==
        "r.yml:6:14: correlation.condition: names no number to compare with, such as gte: 10");
  CHECK(first(head + "  timespan: 5m\n  condition: {gte: many}\n") ==
        "r.yml:6:20: correlation.condition.gte: must be a number, not 'many'");
  CHECK(first(head + "  timespan: 5m\n  condition: {gte: 1.5}\n") ==
        "r.yml:6:20: correlation.condition.gte: a count is a whole number from 0 on, not 1.5");
  CHECK(first(head + "  timespan: 5m\n  condition: {gt: 5, lt: 6}\n") ==
        "r.yml:6:14: correlation.condition: no number is gt 5, lt 6");
  CHECK(first(head + "  timespan: 5m\n  condition: {lt: 0}\n") ==
        "r.yml:6:14: correlation.condition: no number is lt 0");
  CHECK(first(head + "  timespan: 5m\n  condition: {ge: 5}\n") ==
        "r.yml:6:15: correlation.condition.ge: unknown comparison; there is gt, gte, lt, lte, eq, neq and "
        "field");
  CHECK(first(head + "  timespan: 5m\n  condition: {gte: 5, field: f}\n") ==
        "r.yml:6:30: correlation.condition.field: event_count counts events; to count different values of a "
        "field "
        "write type: value_count");
  CHECK(first("  type: value_count\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 5}\n") ==
        "r.yml:6:14: correlation.condition.field: value_count needs the field it looks at");
  CHECK(first("  type: evnt_count\n  rules: [a]\n") ==
        "r.yml:3:9: correlation.type: 'evnt_count' is not event_count, value_count, temporal, "
        "temporal_ordered, "
        "value_sum, value_avg or value_percentile");
  CHECK(first("  type: temporal\n  rules: [a, a]\n  timespan: 5m\n") ==
        "r.yml:4:14: correlation.rules: rule 'a' is there twice");
  CHECK(first("  type: temporal\n  rules: [a, b]\n  timespan: 5m\n  condition: a and c\n") ==
        "r.yml:6:20: correlation.condition: no rule 'c'; there is a, b");
  CHECK(first("  type: temporal\n  rules: [a, b]\n  timespan: 5m\n  condition: {gte: 3}\n") ==
        "r.yml:6:14: correlation.condition: asks for 3 of 2 rules");
  CHECK(first("  type: temporal\n  rules: [aa, b]\n  timespan: 5m\n  aliases: {x: {ab: f}}\n") ==
        "r.yml:6:17: correlation.aliases.x: rule 'ab' is not among correlation.rules");
  CHECK(first(head + "  timespan: 5m\n  group-by: [usr.name]\n  condition: {gte: 1}\n") ==
        "r.yml:6:13: warning: correlation.group-by: field 'usr.name' is not one Stockade fills; did you mean "
        "'user.name'?");
  CHECK(first("  type: value_percentile\n  rules: [a]\n  timespan: 5m\n  condition: {gt: 5, field: f, "
              "percentile: 101}\n") ==
        "r.yml:6:44: correlation.condition.percentile: is above 0 and up to 100, not 101");
  CHECK(first("  type: value_percentile\n  rules: [a]\n  timespan: 5m\n  condition: {gt: 5, field: f, "
              "percentile: 0}\n") ==
        "r.yml:6:44: correlation.condition.percentile: is above 0 and up to 100, not 0");
}

std::string ResponseError(std::string_view response) {
  return FirstOf("title: T\ncorrelation: {type: temporal, rules: [a], timespan: 5m}\nresponse: " +
                 std::string(response) + "\n");
}

TEST_CASE("a response is understood wholly or refused", "[rule]") {
  CHECK(
      ResponseError("{action: challenge, target: source.fingerprint, for: 1h, challenge: identity}").empty());
  CHECK(ResponseError("{action: throttle, target: source.prefix, for: 90s}").empty());
  CHECK(ResponseError("{action: lock, target: user.name, for: 1h, lanes: unfamiliar}").empty());
  CHECK(ResponseError("{action: blok, target: source.ip, for: 1h}") ==
        "r.yml:3:20: response.action: 'blok' is not challenge, throttle, block or lock");
  CHECK(ResponseError("{action: block, target: source.ip}") == "r.yml:3:11: response.for: is missing");
  CHECK(ResponseError("{action: block, for: 1h}") == "r.yml:3:11: response.target: is missing");
  CHECK(ResponseError("{action: lock, target: source.ip, for: 1h}") ==
        "r.yml:3:34: response.target: lock closes a lane of an account; write target: user.name, or action: "
        "block for "
        "source.ip");
  CHECK(ResponseError("{action: block, target: user.name, for: 1h}") ==
        "r.yml:3:35: response.target: block of an account would shut out its customer; write action: lock, "
        "which "
        "closes the unfamiliar lane");
  CHECK(ResponseError("{action: block, target: source.ip, for: 1h, lanes: all}") ==
        "r.yml:3:62: response.lanes: goes only with action: lock");
  CHECK(ResponseError("{action: block, target: source.ip, for: 1h, challenge: human}") ==
        "r.yml:3:66: response.challenge: goes only with action: challenge");
  CHECK(ResponseError("{action: block, target: source.ip, for: 15 minutes}") ==
        "r.yml:3:51: response.for: \"15 minutes\" has no unit s, m, h or d; write 15m");
  CHECK(ResponseError("{action: block, target: source.ip, for: 1h, escalate: {factor: 1, up-to: 7d}}") ==
        "r.yml:3:74: response.escalate.factor: must be above 1 and at most 1000, not 1");
  CHECK(ResponseError("{action: block, target: source.ip, for: 1h, escalate: {factor: 2, up-to: 5m}}") ==
        "r.yml:3:84: response.escalate.up-to: 5m is shorter than `for`, 1h");
  CHECK(ResponseError("{action: block, target: source.ip, for: 1h, escalte: {factor: 2, up-to: 5m}}") ==
        "r.yml:3:55: response.escalte: unknown key; did you mean 'escalate'?");
  CHECK(ResponseError("{action: challenge, target: source.ip, for: 1h, kind: human}") ==
        "r.yml:3:59: response.kind: unknown key; there is action, target, for, escalate, challenge, lanes or "
        "shadow");
}

TEST_CASE("a filter is read; it has no response", "[rule]") {
  const std::string filter = "title: F\nlogsource: {product: p}\nfilter:\n";
  const SigmaDocuments one =
      Load(filter + "  rules: [a, b]\n  selection: {user.name: test}\n  condition: not selection\n");
  REQUIRE(one.filters.size() == 1);
  CHECK(one.filters[0].rules.size() == 2);
  CHECK(TreeText(one.filters[0].expression) == "not(0)");
  CHECK(one.filters[0].place.line == 3);
  CHECK(Load(filter + "  rules: any\n  s: {a: 1}\n  condition: s\n").filters[0].any);
  CHECK(Load(filter + "  rules: a\n  s: {a: 1}\n  condition: s\n").filters[0].rules.size() == 1);
  CHECK(FirstOf(filter + "  s: {a: 1}\n  condition: s\n") ==
        "r.yml:4:3: filter.rules: is missing; name the rules by name or id, or write any");
  CHECK(FirstOf(filter + "  rules: []\n  s: {a: 1}\n  condition: s\n") ==
        "r.yml:4:10: filter.rules: an empty list; name a rule by its name or id");
  CHECK(FirstOf(filter + "  rules: a\n  s: {a: 1}\n  condition: s\nresponse: {}\n") ==
        "r.yml:7:1: response: a filter has none; its rules have");
}

TEST_CASE("documents stand in any order in a file", "[rule]") {
  const SigmaDocuments documents = Load(Correlation("  type: temporal\n  rules: [x]\n  timespan: 5m\n") +
                                        "---\n" + Detection("  s: {a: 1}\n  condition: s\n") +
                                        "---\ntitle: F\nfilter: {rules: any, s: {a: 1}, condition: s}\n");
  CHECK(documents.rules.size() == 1);
  CHECK(documents.correlations.size() == 1);
  CHECK(documents.filters.size() == 1);
  CHECK(documents.rules[0].header.place.line == 7);
}

TEST_CASE("an error in text that is not for printing is printed safely", "[rule]") {
  const std::string yaml = Detection("  s: {\"a|\\e[2J\": 1}\n  condition: s\n");
  CHECK(FirstOf(yaml) == "r.yml:4:7: detection.s.a|\\x1b[2J: unknown modifier '\\x1b[2J'");
}

TEST_CASE("a rule of too many tests is refused once", "[rule]") {
  std::string values = "[1";
  for (size_t i = 0; i < kTestsMax + 50; ++i) values += ",1";
  const auto findings = FindingsOf(Detection("  s: {a: " + values + "]}\n  condition: s\n"));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].find("more than 20000 tests in one rule; split it") != std::string::npos);
}

}  // namespace
}  // namespace stockade
