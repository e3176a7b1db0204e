// Compiled rule sets match what the trees say, on any event; and what cannot work is refused with its place.
#include "engine/rule/compile.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "engine/rule/sigma_parse.h"
#include "engine/rule/test_truth.h"
#include "tests/oracle/rule_oracle.h"

namespace stockade {
namespace {

using namespace std::string_literals;

std::unique_ptr<const RuleSet> CompileYaml(const std::string& yaml, FieldTable* fields) {
  SigmaDocuments documents;
  const absl::Status parsed = ParseSigma(yaml, "r.yml", &documents);
  INFO(parsed.ToString());
  REQUIRE(parsed.ok());
  auto rules = Compile(std::move(documents), fields);
  INFO(rules.status().ToString());
  REQUIRE(rules.ok());
  return std::move(rules).value();
}

std::string ErrorOf(const std::string& yaml) {
  SigmaDocuments documents;
  const absl::Status parsed = ParseSigma(yaml, "r.yml", &documents);
  INFO(parsed.ToString());
  REQUIRE(parsed.ok());
  FieldTable fields;
  auto rules = Compile(std::move(documents), &fields);
  REQUIRE_FALSE(rules.ok());
  return std::string(rules.status().message());
}

std::string Base(const std::string& name, const std::string& selection) {
  return "title: " + name + "\nname: " + name +
         "\nlogsource: {category: authentication}\ndetection:\n  selection:\n    " + selection +
         "\n  condition: selection\n---\n";
}
std::string Count(const std::string& name, const std::string& rules, const std::string& more = "") {
  return "title: " + name + "\nname: " + name + "\ncorrelation:\n  type: event_count\n  rules: " + rules +
         "\n  group-by: [source.ip]\n  timespan: 5m\n  condition: {gte: 5}\n" + more + "---\n";
}

std::vector<std::string> MatchedNames(const RuleSet& rules, const LoginEvent& event) {
  MatchScratch scratch(rules);
  std::vector<std::string> names;
  for (const uint16_t rule : rules.Match(event, &scratch)) names.push_back(rules.header(rule).name);
  return names;
}

// ---- Random rules on random events

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  size_t Below(size_t n) { return engine_() % n; }
  bool Once(size_t in) { return Below(in) == 0; }
  template <typename List>
  auto Of(const List& list) {
    return *(std::begin(list) + static_cast<ptrdiff_t>(Below(std::size(list))));
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kFields = {
    "user.name", "user.name",     "event.outcome",    "event.reason",       "user_agent.original",
    "source.ip", "source.prefix", "source.as.number", "login.certificate",  "login.challenge",
    "x.list",    "x.one",         "url.path",         "source.fingerprint", "x.one",
    "x.list",    "login.can_ask"};
const std::vector<std::string> kTexts = {
    "admin",     "Admin", "root",  "failure",   "success",     "bad_password", "valid",
    "",          "22",    "a\0b"s, "adm\xff",   "10.1.2.3",    "passed",       "a\nb",
    "192.0.2.7", "ad",    "1.5e3", "unchecked", "2001:db8::1", "unknown",      "-7"};

// One pattern in `keyword_in` is a keyword.
Test RandomTest(Random& random, size_t keyword_in) {
  Test test;
  test.field = random.Of(kFields);
  switch (random.Below(10)) {
    case 0:
      test.kind = Test::Kind::kNumber;
      test.comparison = static_cast<Test::Comparison>(random.Once(2) ? 0 : random.Below(6));
      test.number = random.Of(std::vector<double>{22, 0, -7, 1500, 64500});
      break;
    case 1:
      test.kind = Test::Kind::kCidr;
      test.prefix = *Prefix::Parse(
          random.Of(std::vector<std::string>{"10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "10.1.2.3"}));
      break;
    case 2:
      test.kind =
          random.Of(std::vector<Test::Kind>{Test::Kind::kExists, Test::Kind::kNull, Test::Kind::kEmpty});
      break;
    case 3:
      test.kind = Test::Kind::kFieldRef;
      test.other_field = random.Of(kFields);
      test.text_relation = static_cast<Test::TextRelation>(random.Below(4));
      test.caseless = random.Once(2);
      break;
    case 4:
      test.kind = Test::Kind::kTimePart;
      test.field = random.Once(4) ? "user.name" : "@timestamp";
      test.time_part = static_cast<Test::TimePart>(random.Below(6));
      test.comparison = static_cast<Test::Comparison>(random.Below(6));
      test.number = test.time_part == Test::TimePart::kYear ? 1990 : static_cast<double>(random.Below(24));
      break;
    default:
      test.caseless = random.Once(2);
      if (random.Once(keyword_in)) test.field.clear();
      if (random.Once(3)) {
        test.pattern = random.Of(
            std::vector<std::string>{"adm.n", "\\Aroot", "a.*b", "^.?$", "f|s", "\\d+", "[^a]\\z", "x*"});
        test.dot_all = random.Once(2);
        break;
      }
      test.has_literal = true;
      test.literal = random.Of(kTexts);
      test.text_relation = static_cast<Test::TextRelation>(random.Below(4));
      if (test.text_relation == Test::TextRelation::kEquals ||
          test.text_relation == Test::TextRelation::kStartsWith)
        test.pattern = "\\A";
      for (const char c : test.literal) {
        const char hex[] = "0123456789abcdef";
        const auto byte = static_cast<uint8_t>(c);
        test.pattern +=
            std::isalnum(byte) != 0 ? std::string(1, c) : "\\x"s + hex[byte >> 4] + hex[byte & 15];
      }
      if (test.text_relation == Test::TextRelation::kEquals ||
          test.text_relation == Test::TextRelation::kEndsWith)
        test.pattern += "\\z";
  }
  return test;
}

Expression RandomExpression(Random& random, size_t tests, int depth) {
  Expression expression;
  expression.kind = depth == 0 ? Expression::Kind::kTest : static_cast<Expression::Kind>(random.Below(4));
  if (expression.kind == Expression::Kind::kTest) {
    expression.test = static_cast<int>(random.Below(tests));
    return expression;
  }
  const size_t operands = expression.kind == Expression::Kind::kNot ? 1 : random.Below(4);
  for (size_t i = 0; i < operands; ++i)
    expression.operands.push_back(RandomExpression(random, tests, depth - 1));
  return expression;
}

struct RandomEvent {
  RandomEvent(Random& random, FieldTable* fields) {
    const auto text = [&](std::string_view* member) {
      if (!random.Once(3)) *member = kTexts[random.Below(kTexts.size())];
    };
    Attempt& attempt = event.attempt;
    attempt.time_ns = static_cast<int64_t>(random.Below(2'000'000'000)) * 1'000'000'000;
    if (!random.Once(4))
      attempt.source =
          *Address::Parse(random.Of(std::vector<std::string>{"10.1.2.3", "192.0.2.7", "2001:db8::1"}));
    text(&attempt.account);
    text(&attempt.user_agent);
    text(&attempt.ja4);
    text(&attempt.path);
    if (random.Once(2)) attempt.asn = random.Once(2) ? 22 : 64500;
    attempt.certificate = static_cast<CertificateStatus>(random.Below(kCertificateNames.size()));
    if (random.Once(3)) attempt.can_ask = static_cast<CanAsk>(random.Below(kCanAskNames.size()));
    attempt.certificate_present = random.Once(2);
    event.aftermath.outcome = static_cast<Outcome>(random.Below(kOutcomeNames.size()));
    event.aftermath.challenge = {static_cast<ChallengeResult>(random.Below(4)),
                                 static_cast<ChallengeResult>(random.Below(4))};
    for (size_t i = random.Below(5); i > 0; --i) {
      ExtraField field;
      field.id = *fields->Intern(random.Once(3) ? "x.one" : random.Once(4) ? "x.other" : "x.list");
      switch (random.Below(6)) {
        case 0:
          field.value = {FieldValue::Kind::kNull, 0, "null"};
          break;
        case 1:
          field.value = {FieldValue::Kind::kNumber, 22, "22"};
          break;
        case 2:
          field.value = {FieldValue::Kind::kBool, 1, "true"};
          break;
        default:
          field.value = {FieldValue::Kind::kText, 0, kTexts[random.Below(kTexts.size())]};
      }
      extra.push_back(field);
    }
    attempt.extra = extra;
  }
  LoginEvent event;
  std::vector<ExtraField> extra;
};

TEST_CASE("random rules match random events exactly as their trees say, with both engines") {
  const auto seed = static_cast<uint32_t>(Catch::rngSeed());
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 30; ++round) {
    SigmaDocuments documents;
    const size_t keyword_in = round % 4 == 0 ? 2 : 12;
    for (size_t i = 1 + random.Below(70); i > 0; --i) {
      SigmaRule& rule = documents.rules.emplace_back();
      for (size_t n = 1 + random.Below(5); n > 0; --n) rule.tests.push_back(RandomTest(random, keyword_in));
      rule.expression = RandomExpression(random, rule.tests.size(), 3);
    }
    FieldTable fields;
    for (const std::string& name : kFields) fields.Intern(name);
    Findings findings;
    const auto engines = random.Once(3) ? PatternSet::Engines::kRe2Only : PatternSet::Engines::kAll;
    const auto rules = Compile(documents, &fields, &findings, engines);
    INFO(findings.ToStatus().ToString());
    REQUIRE(rules != nullptr);
    const RuleOracle oracle(&fields);
    MatchScratch scratch(*rules);
    for (int i = 0; i < 60; ++i) {
      const RandomEvent random_event(random, &fields);
      const LoginEvent& event = random_event.event;
      std::vector<uint16_t> expected;
      for (size_t rule = 0; rule < documents.rules.size(); ++rule)
        if (oracle.Meets(documents.rules[rule], event)) expected.push_back(static_cast<uint16_t>(rule));
      const auto matched = rules->Match(event, &scratch);
      if (!std::equal(matched.begin(), matched.end(), expected.begin(), expected.end())) {
        for (size_t rule = 0; rule < documents.rules.size(); ++rule) {
          const std::vector<bool> truths = rules->ExplainTests(event, rule);
          for (size_t t = 0; t < truths.size(); ++t) {
            const Test& test = documents.rules[rule].tests[t];
            INFO("rule " << rule << " test " << t << " kind " << static_cast<int>(test.kind) << " of "
                         << test.field << " pattern " << test.pattern << " number " << test.number);
            CHECK(truths[t] == oracle.Holds(test, event));
          }
        }
        REQUIRE(std::vector<uint16_t>(matched.begin(), matched.end()) == expected);
      }
      // Again, now that its words may be remembered.
      const auto again = rules->Match(event, &scratch);
      REQUIRE(std::vector<uint16_t>(again.begin(), again.end()) == expected);
      const size_t one = random.Below(documents.rules.size());
      const std::vector<bool> truths = rules->ExplainTests(event, one);
      for (size_t t = 0; t < truths.size(); ++t)
        REQUIRE(truths[t] == oracle.Holds(documents.rules[one].tests[t], event));
    }
    REQUIRE(scratch.scan_failures() == 0);
  }
}

TEST_CASE("a rule matches what it says and nothing else") {
  FieldTable fields;
  const auto rules =
      CompileYaml(Base("failed", "event.outcome: failure") + Base("admins", "user.name: [admin, root]") +
                      Base("tool", "user_agent.original|contains: python"),
                  &fields);
  LoginEvent event;
  event.attempt.account = "Root";
  event.attempt.user_agent = "Python-urllib/3.9";
  event.aftermath.outcome = Outcome::kBadPassword;
  CHECK(MatchedNames(*rules, event) == std::vector<std::string>{"failed", "admins", "tool"});
  event.aftermath.outcome = Outcome::kSuccess;
  event.attempt.account = "roots";
  event.attempt.user_agent = {};
  CHECK(MatchedNames(*rules, event).empty());
}

TEST_CASE("keywords are asked of values that nobody named, whatever other rules name") {
  const std::string keywords =
      "title: k\nname: k\nlogsource: {category: authentication}\ndetection:\n  words: [needle]\n"
      "  condition: words\n---\n";
  for (const std::string& others : {std::string(), Base("other", "message: never")}) {
    FieldTable fields;
    const auto rules = CompileYaml(keywords + others, &fields);
    CHECK(fields.keeps_unnamed());
    LoginEvent event;
    const ExtraField extra[] = {{kUnnamedField, {FieldValue::Kind::kText, 0, "a needle in it"}}};
    event.attempt.extra = extra;
    CHECK(MatchedNames(*rules, event) == std::vector<std::string>{"k"});
  }
  FieldTable fields;
  CompileYaml(Base("other", "message: never"), &fields);
  CHECK_FALSE(fields.keeps_unnamed());
}

TEST_CASE("a value remembered is answered as it was when it was scanned") {
  FieldTable fields;
  const auto rules = CompileYaml(Base("tool", "user_agent.original|contains: python"), &fields);
  MatchScratch scratch(*rules);
  for (int i = 0; i < 5000; ++i) {
    const std::string agent = (i % 3 == 0 ? "python " : "firefox ") + std::to_string(i % 7);
    LoginEvent event;
    event.attempt.user_agent = agent;
    REQUIRE(rules->Match(event, &scratch).size() == (i % 3 == 0 ? 1 : 0));
  }
  CHECK(scratch.memo_hits() > 4000);
}

TEST_CASE("what the words of a login decide is the same, remembered or not, however they change") {
  FieldTable fields;
  const auto rules = CompileYaml(
      Base("failed", "event.outcome: failure") + Base("with_agent", "user_agent.original|exists: true") +
          Base("without_ja4", "tls.client.ja4: null") + Base("empty_path", "url.path: ''") +
          "title: admin failed\nname: admin_failed\nlogsource: {category: authentication}\ndetection:\n"
          "  failed: {event.outcome: failure}\n  admin: {user.name|startswith: adm}\n"
          "  inside: {source.ip|cidr: 10.0.0.0/8}\n  condition: failed and admin and not inside\n---\n",
      &fields);
  // Far more combinations than are kept, in an order in which none comes again soon, then one that stays.
  for (const int period : {4096, 1}) {
    MatchScratch scratch(*rules);
    for (int i = 0; i < 10'000; ++i) {
      const int bits = i * 7 % period;
      LoginEvent event;
      event.aftermath.outcome = (bits & 1) != 0 ? Outcome::kBadPassword : Outcome::kSuccess;
      event.attempt.account = (bits & 2) != 0 ? "admin" : "customer";
      event.attempt.source = *Address::Parse((bits & 4) != 0 ? "10.1.2.3" : "192.0.2.1");
      if ((bits & 8) != 0) event.attempt.user_agent = (bits & 16) != 0 ? "curl" : "";
      if ((bits & 32) != 0) event.attempt.ja4 = "t13d";
      if ((bits & 64) != 0) event.attempt.path = (bits & 128) != 0 ? "/login" : "";
      event.attempt.certificate = static_cast<CertificateStatus>(bits / 256 % 16);
      std::vector<uint16_t> expected;
      if ((bits & 1) != 0) expected.push_back(0);
      if ((bits & 8) != 0) expected.push_back(1);
      if ((bits & 32) == 0) expected.push_back(2);
      if ((bits & (64 | 128)) == 64) expected.push_back(3);
      if ((bits & (1 | 2 | 4)) == 3) expected.push_back(4);
      const auto matched = rules->Match(event, &scratch);
      REQUIRE(std::vector<uint16_t>(matched.begin(), matched.end()) == expected);
    }
  }
}

TEST_CASE("networks of the source are asked as they are written, of both families and of any width") {
  FieldTable fields;
  const auto rules =
      CompileYaml(Base("all_v4", "source.ip|cidr: 0.0.0.0/0") + Base("wide", "source.ip|cidr: 8.0.0.0/6") +
                      Base("one", "source.ip|cidr: 192.0.2.7/32") + Base("v6", "source.ip|cidr: fc00::/7") +
                      Base("mapped", "source.ip|cidr: '::ffff:10.0.0.0/104'"),
                  &fields);
  const auto names = [&](std::string_view source) {
    LoginEvent event;
    if (!source.empty()) event.attempt.source = *Address::Parse(source);
    return MatchedNames(*rules, event);
  };
  CHECK(names("192.0.2.7") == std::vector<std::string>{"all_v4", "one"});
  CHECK(names("192.0.2.8") == std::vector<std::string>{"all_v4"});
  CHECK(names("10.9.9.9") == std::vector<std::string>{"all_v4", "wide", "mapped"});
  CHECK(names("11.255.255.255") == std::vector<std::string>{"all_v4", "wide"});
  CHECK(names("fdff::1") == std::vector<std::string>{"v6"});
  CHECK(names("2001:db8::1").empty());
  CHECK(names("").empty());
}

TEST_CASE("a value of 1 MiB and values that do not repeat are matched whole") {
  FieldTable fields;
  const auto rules = CompileYaml(Base("tail", "user.name|endswith: needle"), &fields);
  MatchScratch scratch(*rules);
  LoginEvent event;
  const std::string huge = std::string(1 << 20, 'x') + "needle";
  event.attempt.account = huge;
  CHECK(rules->Match(event, &scratch).size() == 1);
  for (int i = 0; i < 3000; ++i) {
    const std::string name = std::to_string(i) + (i % 2 == 0 ? "needle" : "");
    event.attempt.account = name;
    REQUIRE(rules->Match(event, &scratch).size() == (i % 2 == 0 ? 1 : 0));
  }
}

TEST_CASE("times are read in UTC, weeks as ISO 8601 counts them") {
  CHECK(ParseTimeMs("1970-01-01T00:00:00Z") == 0);
  CHECK(ParseTimeMs("2024-02-29T12:00:00.250+02:00") == 1709200800250);
  CHECK(ParseTimeMs("2024-02-29 10:00:00") == 1709200800000);
  CHECK_FALSE(ParseTimeMs("2023-02-29T10:00:00Z").has_value());
  CHECK_FALSE(ParseTimeMs("2024-02-29").has_value());
  CHECK_FALSE(ParseTimeMs("2024-02-29T10:00:00Zx").has_value());
  CHECK(TimePartOf(*ParseTimeMs("2021-01-03T23:59:59Z"), Test::TimePart::kWeek) == 53);
  CHECK(TimePartOf(*ParseTimeMs("2021-01-04T00:00:00Z"), Test::TimePart::kWeek) == 1);
  CHECK(TimePartOf(*ParseTimeMs("2024-12-30T00:00:00Z"), Test::TimePart::kWeek) == 1);
}

// ---- What rules say of each other

TEST_CASE("correlations stand after what feeds them, and what only feeds does not alert alone") {
  FieldTable fields;
  const auto rules =
      CompileYaml(Count("outer", "[inner, ok]") + Count("inner", "[failed]", "generate: true\n") +
                      Base("failed", "event.outcome: failure") + Base("ok", "event.outcome: success"),
                  &fields);
  REQUIRE(rules->correlations().size() == 2);
  CHECK(rules->header(2).name == "inner");
  CHECK(rules->header(3).name == "outer");
  CHECK(rules->correlations()[1].references[0].unified == 2);
  CHECK(rules->correlations()[1].references[1].unified == 1);
  REQUIRE(rules->consumers(0).size() == 1);
  CHECK(rules->consumers(0)[0].correlation == 0);
  REQUIRE(rules->consumers(2).size() == 1);
  CHECK(rules->consumers(2)[0].correlation == 1);
  CHECK(rules->consumers(2)[0].reference == 0);
  CHECK(rules->consumers(3).empty());
  CHECK_FALSE(rules->alerts_alone(1));
  CHECK_FALSE(rules->alerts_alone(2));
  CHECK(rules->alerts_alone(3));
}

TEST_CASE("an alias is one field for each referenced rule") {
  FieldTable fields;
  const auto rules = CompileYaml(Base("a", "event.outcome: failure") + Base("b", "event.outcome: success") +
                                     "title: c\ncorrelation:\n  type: temporal\n  rules: [a, b]\n  "
                                     "aliases:\n    who:\n      a: user.name\n"
                                     "      b: x.login\n  group-by: [who, source.ip]\n  timespan: 5m\n",
                                 &fields);
  const auto& references = rules->correlations().at(0).references;
  CHECK(references[0].group_by == std::vector<FieldId>{FieldId::kUserName, FieldId::kSourceIp});
  CHECK(references[1].group_by == std::vector<FieldId>{*fields.Find("x.login"), FieldId::kSourceIp});
  CHECK(std::count(rules->fields().begin(), rules->fields().end(), *fields.Find("x.login")) == 1);
}

TEST_CASE("a filter is joined into the rules it names") {
  FieldTable fields;
  const auto rules =
      CompileYaml(Base("failed", "event.outcome: failure") + Base("other", "event.outcome: failure") +
                      "title: not the scanner\nlogsource: {category: authentication}\nfilter:\n"
                      "  rules: [failed]\n  selection:\n    user.name: scanner\n"
                      "  condition: not selection\n",
                  &fields);
  LoginEvent event;
  event.attempt.account = "scanner";
  event.aftermath.outcome = Outcome::kBadPassword;
  CHECK(MatchedNames(*rules, event) == std::vector<std::string>{"other"});
  event.attempt.account = "somebody";
  CHECK(MatchedNames(*rules, event) == std::vector<std::string>{"failed", "other"});
}

TEST_CASE("what cannot be resolved is refused with place, key and what would be right") {
  const std::string failed = Base("failed", "event.outcome: failure");
  using Catch::Contains;
  CHECK_THAT(ErrorOf(failed + Count("c", "[faild]")), Contains("r.yml:") && Contains("correlation.rules") &&
                                                          Contains("'faild'") &&
                                                          Contains("did you mean 'failed'"));
  CHECK_THAT(ErrorOf(failed + failed), Contains("name: 'failed' is taken by the rule at r.yml:1"));
  // At the key that says it, not at the first one of the document.
  const std::string second = failed + failed;
  const auto line =
      1 + std::count(second.begin(), second.begin() + static_cast<ptrdiff_t>(second.rfind("name:")), '\n');
  CHECK_THAT(ErrorOf(second), Catch::StartsWith("r.yml:" + std::to_string(line) + ":1: name: "));
  CHECK_THAT(
      ErrorOf("title: x\nid: 6f7e1c10-2dc9-4312-adb6-9574ff09a5c8\n" + failed.substr(failed.find("name:")) +
              Count("c", "[failed, 6f7e1c10-2dc9-4312-adb6-9574ff09a5c8]")),
      Contains("named twice"));
  CHECK_THAT(ErrorOf(Count("a", "[b]") + Count("b", "[c]") + Count("c", "[a]")),
             Contains("circle: a (r.yml:") && Contains(") -> b (r.yml:") && Contains(") -> a (r.yml:"));
  CHECK_THAT(ErrorOf(Count("a", "[a]")), Contains("circle: a (r.yml:1"));
  CHECK_THAT(ErrorOf(Base("t", "\"@timestamp|contains\": \"2024\"")), Contains("@timestamp is a time"));
  CHECK_THAT(ErrorOf(failed + Count("c", "[failed]") +
                     "title: f\nlogsource: {category: authentication}\nfilter:\n  rules: [c]\n  selection:\n"
                     "    user.name: x\n  condition: not selection\n"),
             Contains("filters apply to the base rules"));
}

TEST_CASE("a pattern that neither engine takes is refused with file, line, key and reasons") {
  SigmaDocuments documents;
  SigmaRule& rule = documents.rules.emplace_back();
  Test& test = rule.tests.emplace_back();
  test.field = "user.name";
  test.pattern = "(a)\\1";
  test.place = {"r.yml", 7, 5};
  FieldTable fields;
  const auto rules = Compile(documents, &fields);
  REQUIRE_FALSE(rules.ok());
  CHECK_THAT(std::string(rules.status().message()),
             Catch::Contains("r.yml:7:5: user.name: no engine takes the pattern "
                             "'(a)\\1': Hyperscan: ") &&
                 Catch::Contains("RE2: "));
}

TEST_CASE("every rule of the Sigma corpus that is read also compiles, or says why not") {
  const std::filesystem::path folder = std::filesystem::path(STOCKADE_CORPORA) / "sigma-rules";
  if (!std::filesystem::exists(folder)) {
    WARN("corpus sigma-rules is absent: skipped");
    return;
  }
  SigmaDocuments documents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".yml") continue;
    std::ifstream in(entry.path());
    const std::string yaml((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    static_cast<void>(ParseSigma(yaml, entry.path().filename().string(), &documents));
  }
  REQUIRE(documents.rules.size() > 200);
  FieldTable fields;
  Findings findings;
  const size_t count = documents.rules.size();
  const auto rules = Compile(std::move(documents), &fields, &findings);
  INFO(findings.ToStatus().ToString());
  REQUIRE(rules != nullptr);
  CHECK(rules->rules().size() == count);
  LoginEvent nothing;
  MatchScratch scratch(*rules);
  rules->Match(nothing, &scratch);
  CHECK(scratch.scan_failures() == 0);
}

}  // namespace
}  // namespace stockade
