// Modifiers and values: what each becomes, every legal and illegal company, and the wildcards against a
// matcher that is as plain as can be, over all short strings.
#include "engine/rule/modifier.h"

#include <re2/re2.h>
#include <catch2/catch.hpp>

#include "absl/strings/escaping.h"
#include "engine/rule/sigma_string.h"
#include "tests/engine/rule/rule_text.h"

namespace stockade {
namespace {

struct Resolved {
  bool sound = false;
  Expression tree;
  std::vector<Test> tests;
  std::vector<std::string> findings;

  std::string text() const { return sound ? TreeText(tree) : "refused"; }
};

// `item` is one entry of a selection as YAML: "user.name|contains: [a, b]".
Resolved Resolve(std::string_view item, const Placeholders& placeholders = {}) {
  Resolved resolved;
  Findings findings;
  const std::vector<YamlNode> documents = ReadYaml(item, "f", &findings);
  REQUIRE(documents.size() == 1);
  REQUIRE(documents[0].entries.size() == 1);
  const YamlEntry& entry = documents[0].entries[0];
  const ModifierContext context{"f", "d.s", &placeholders, &resolved.tests, &findings};
  const auto values = entry.value.is_list() ? std::span<const YamlNode>(entry.value.items)
                                            : std::span<const YamlNode>(&entry.value, 1);
  std::optional<Expression> tree = ResolveModifiers(entry.key, values, entry.value.is_list(), context);
  resolved.sound = tree.has_value();
  CHECK(resolved.sound == (findings.errors() == 0));
  if (tree.has_value()) resolved.tree = *std::move(tree);
  for (const Finding& finding : findings.all()) resolved.findings.push_back(finding.ToString());
  return resolved;
}

Test One(std::string_view item) {
  const Resolved resolved = Resolve(item);
  INFO(item << (resolved.findings.empty() ? "" : "  " + resolved.findings[0]));
  REQUIRE(resolved.tests.size() == 1);
  REQUIRE(resolved.sound);
  return resolved.tests[0];
}

std::string ErrorOf(std::string_view item, const Placeholders& placeholders = {}) {
  const Resolved resolved = Resolve(item, placeholders);
  return resolved.findings.empty() ? "" : resolved.findings[0];
}

using Relation = Test::TextRelation;

TEST_CASE("a text without modifiers is the whole text, case ignored", "[rule]") {
  const Test test = One("user.name: Admin");
  CHECK(test.kind == Test::Kind::kPattern);
  CHECK(test.field == "user.name");
  CHECK(test.pattern == "\\AAdmin\\z");
  CHECK(test.caseless);
  CHECK(test.dot_all);
  CHECK(test.has_literal);
  CHECK(test.literal == "Admin");
  CHECK(test.text_relation == Relation::kEquals);
  CHECK(test.written == "user.name: 'Admin'");
  CHECK(test.place.line == 1);
  CHECK(test.place.column == 12);
}

TEST_CASE("wildcards at the ends are relations", "[rule]") {
  struct Row {
    const char* item;
    const char* pattern;
    const char* literal;
    Relation relation;
  };
  const Row rows[] = {
      {"f: adm*", "\\Aadm", "adm", Relation::kStartsWith},
      {"f: '*adm'", "adm\\z", "adm", Relation::kEndsWith},
      {"f: '*adm*'", "adm", "adm", Relation::kContains},
      {"f|startswith: adm", "\\Aadm", "adm", Relation::kStartsWith},
      {"f|endswith: adm", "adm\\z", "adm", Relation::kEndsWith},
      {"f|contains: adm", "adm", "adm", Relation::kContains},
      {"f|contains: '*adm*'", "adm", "adm", Relation::kContains},
      {"f|startswith: '*adm'", "adm", "adm", Relation::kContains},
      {"f: '*'", "", "", Relation::kContains},
      {"f|contains: ''", "", "", Relation::kContains},
      {"f|startswith: ''", "", "", Relation::kContains},
      {R"(f|endswith: '\')", R"(\\\z)", "\\", Relation::kEndsWith},
      {R"(f|contains: 'a.b(c)\d')", R"(a\.b\(c\)\\d)", R"(a.b(c)\d)", Relation::kContains},
  };
  for (const Row& row : rows) {
    INFO(row.item);
    const Test test = One(row.item);
    CHECK(test.pattern == row.pattern);
    CHECK(test.has_literal);
    CHECK(test.literal == row.literal);
    CHECK(test.text_relation == row.relation);
  }
  CHECK(One("f: a*b").pattern == "\\Aa.*b\\z");
  CHECK_FALSE(One("f: a*b").has_literal);
  CHECK(One("f: a?b").pattern == "\\Aa.b\\z");
}

TEST_CASE("backslashes escape wildcards and themselves, nothing else", "[rule]") {
  const auto literal = [](std::string_view item) { return One(item).literal; };
  CHECK(literal(R"(f: 'a\*b')") == "a*b");
  CHECK(literal(R"(f: 'a\?b')") == "a?b");
  CHECK(literal(R"(f: 'a\\b')") == R"(a\b)");
  CHECK(literal(R"(f: 'a\b')") == R"(a\b)");
  CHECK(literal(R"(f: 'C:\Windows\System32')") == R"(C:\Windows\System32)");
  CHECK(literal(R"(f: '\\\\host\share')") == R"(\\host\share)");
  CHECK(literal(R"(f: 'a\\\*')") == R"(a\*)");
  CHECK(One(R"(f: 'a\\*')").text_relation == Relation::kStartsWith);
  CHECK(literal(R"(f: 'a\\*')") == R"(a\)");
  CHECK(literal(R"(f: 'a\')") == R"(a\)");
}

// The plainest matcher of Sigma strings: reads escapes as it goes.
bool Matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  const bool escapes = pattern[0] == '\\' && pattern.size() > 1 &&
                       (pattern[1] == '*' || pattern[1] == '?' || pattern[1] == '\\');
  if (escapes) return !text.empty() && text[0] == pattern[1] && Matches(pattern.substr(2), text.substr(1));
  if (pattern[0] == '*') {
    return Matches(pattern.substr(1), text) || (!text.empty() && Matches(pattern, text.substr(1)));
  }
  if (pattern[0] == '?') return !text.empty() && Matches(pattern.substr(1), text.substr(1));
  return !text.empty() && text[0] == pattern[0] && Matches(pattern.substr(1), text.substr(1));
}

std::vector<std::string> AllStrings(std::string_view letters, size_t length_max) {
  std::vector<std::string> all = {""};
  for (size_t from = 0, length = 1; length <= length_max; ++length) {
    const size_t to = all.size();
    for (size_t i = from; i < to; ++i) {
      for (char letter : letters) all.push_back(all[i] + letter);
    }
    from = to;
  }
  return all;
}

TEST_CASE("every short string with wildcards matches what it should", "[rule][oracle]") {
  const std::vector<std::string> texts = AllStrings("a*\\\n", 3);
  for (const std::string& pattern : AllStrings("a*?\\", 4)) {
    Test test;
    SigmaString::Parse(pattern).Fill(&test);
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_case_sensitive(false);
    const RE2 re(test.pattern, options);
    REQUIRE(re.ok());
    for (const std::string& text : texts) {
      INFO("pattern [" << pattern << "] text [" << text << "] as " << test.pattern);
      const bool expected = Matches(pattern, text);
      REQUIRE(RE2::PartialMatch(text, re) == expected);
      if (!test.has_literal) continue;
      const size_t at = text.find(test.literal);
      const bool ends = text.size() >= test.literal.size() &&
                        text.compare(text.size() - test.literal.size(), std::string::npos, test.literal) == 0;
      const bool compared = test.text_relation == Relation::kEquals       ? text == test.literal
                            : test.text_relation == Relation::kStartsWith ? at == 0
                            : test.text_relation == Relation::kEndsWith   ? ends
                                                                          : at != std::string::npos;
      REQUIRE(compared == expected);
    }
  }
}

TEST_CASE("letters beyond ASCII keep their pattern; a plain comparison would mistake their case", "[rule]") {
  CHECK_FALSE(One("f: M\u00fcller").has_literal);
  CHECK(One("f: M\u00fcller").pattern == "\\AM\u00fcller\\z");
  CHECK(One("f|cased: M\u00fcller").has_literal);
}

TEST_CASE("null, empty, numbers and booleans are what YAML says they are", "[rule]") {
  CHECK(One("f: null").kind == Test::Kind::kNull);
  CHECK(One("f: ~").kind == Test::Kind::kNull);
  CHECK(One("f:").kind == Test::Kind::kNull);
  CHECK(One("f: ''").kind == Test::Kind::kEmpty);
  CHECK(One("f: 'null'").kind == Test::Kind::kPattern);
  CHECK(One("f: 4625").kind == Test::Kind::kNumber);
  CHECK(One("f: 4625").number == 4625);
  CHECK(One("f: -1.5e3").number == -1500);
  CHECK(One("f: 0").number == 0);
  CHECK(One("f: '4625'").literal == "4625");
  CHECK(One("f|contains: 4625").literal == "4625");
  CHECK(One("f: true").literal == "true");
  // What a double or a reader would change stays text.
  CHECK(One("f: 007").literal == "007");
  CHECK(One("f: 9007199254740993").literal == "9007199254740993");  // 2^53 + 1: no double says it
  CHECK(One("f: 0x10").literal == "0x10");
  CHECK(One("f: 12345678901234567890").literal == "12345678901234567890");
  CHECK(One("f: 1.2.3.4").literal == "1.2.3.4");
  CHECK(One("f: yes").literal == "yes");
}

TEST_CASE("several values are alternatives, with all each must hold, neq negates the whole", "[rule]") {
  CHECK(Resolve("f: [a, b, c]").text() == "or(0, 1, 2)");
  CHECK(Resolve("f|contains|all: [a, b]").text() == "and(0, 1)");
  CHECK(Resolve("f|all|contains: [a, b]").text() == "and(0, 1)");
  CHECK(Resolve("f|neq: a").text() == "not(0)");
  CHECK(Resolve("f|neq: [a, b]").text() == "not(or(0, 1))");
  CHECK(Resolve("f|startswith|neq: [a, b]").text() == "not(or(0, 1))");
  CHECK(Resolve("f: [a, null]").text() == "or(0, 1)");
  CHECK(Resolve("f|all: [a]").findings ==
        std::vector<std::string>{"f:1:1: warning: d.s.f|all: |all with one value changes nothing"});
}

TEST_CASE("exists asks for the field itself", "[rule]") {
  CHECK(Resolve("f|exists: true").text() == "0");
  CHECK(Resolve("f|exists: false").text() == "not(0)");
}

TEST_CASE("regular expressions mind case unless told otherwise", "[rule]") {
  const Test plain = One("f|re: '^[a-z]+$'");
  CHECK(plain.pattern == "^[a-z]+$");
  CHECK_FALSE(plain.caseless);
  CHECK_FALSE(plain.dot_all);
  CHECK_FALSE(plain.multi_line);
  CHECK_FALSE(plain.has_literal);
  const Test all = One("f|re|i|m|s: a.b");
  CHECK(all.caseless);
  CHECK(all.multi_line);
  CHECK(all.dot_all);
}

TEST_CASE("base64 and its offsets are those of the specification", "[rule]") {
  CHECK(One("f|base64|contains: foobar").literal == "Zm9vYmFy");
  const Resolved offsets = Resolve("f|base64offset|contains: /bin/bash");
  REQUIRE(offsets.tests.size() == 3);
  CHECK(offsets.text() == "or(0, 1, 2)");
  CHECK(offsets.tests[0].literal == "L2Jpbi9iYXNo");
  CHECK(offsets.tests[1].literal == "9iaW4vYmFza");
  CHECK(offsets.tests[2].literal == "vYmluL2Jhc2");
  CHECK(One("f|utf16le|base64|contains: cmd").literal == "YwBtAGQA");
  CHECK(One("f|wide|base64|contains: cmd").literal == "YwBtAGQA");
  CHECK(One("f|utf16be|base64|contains: cmd").literal == "AGMAbQBk");
  CHECK(One("f|utf16|base64|contains: cmd").literal == "//5jAG0AZAA=");
  CHECK(Resolve("f|windash|base64offset|contains: ' -foo'").tests.size() == 15);
  CHECK(EncodeUtf16("\U0001F600", true, false) == std::string("\xd8\x3d\xde\x00", 4));
}

// Every text that holds `needle` encodes to a base64 text that holds one of the offsets, at every position.
TEST_CASE("base64 offsets find the text wherever it was encoded", "[rule][oracle]") {
  for (const std::string& needle : AllStrings("ab\xff", 4)) {
    if (needle.size() < 3) continue;
    const std::vector<std::string> offsets = Base64Offsets(needle);
    for (size_t before = 0; before < 4; ++before) {
      for (size_t after = 0; after < 4; ++after) {
        const std::string text = std::string(before, 'x') + needle + std::string(after, '~');
        const std::string whole = absl::Base64Escape(text);
        bool found = false;
        for (const std::string& offset : offsets) found = found || whole.find(offset) != std::string::npos;
        INFO(before << " before, " << after << " after");
        REQUIRE(found);
      }
    }
  }
}

TEST_CASE("windash accepts every dash where an option begins", "[rule]") {
  const std::string dashes = "(?:-|/|\u2013|\u2014|\u2015)";
  CHECK(One("f|windash|contains: ' -param-name '").pattern == " " + dashes + "param\\-name ");
  CHECK(One("f|contains|windash: /x").pattern == dashes + "x");
  CHECK(One("f|windash: a-b").literal == "a-b");
  CHECK(One("f|windash: '--x'").pattern == "\\A\\-" + dashes + "x\\z");
}

TEST_CASE("numbers compare, parts of times too", "[rule]") {
  const Test gte = One("f|gte: 8");
  CHECK(gte.kind == Test::Kind::kNumber);
  CHECK(gte.comparison == Test::Comparison::kGte);
  CHECK(gte.number == 8);
  CHECK(One("f|lt: '2.5'").number == 2.5);
  const Test hour = One("'@timestamp|hour|lt': 7");
  CHECK(hour.kind == Test::Kind::kTimePart);
  CHECK(hour.time_part == Test::TimePart::kHour);
  CHECK(hour.comparison == Test::Comparison::kLt);
  CHECK(Resolve("f|week: [1, 2]").text() == "or(0, 1)");
  CHECK(ErrorOf("f|gte: many") == "f:1:8: d.s.f|gte: |gte takes a number, not 'many'");
  CHECK(ErrorOf("f|hour: 24") == "f:1:9: d.s.f|hour: |hour is a whole number from 0 to 23, not 24");
}

TEST_CASE("networks are checked, and slips are mended", "[rule]") {
  CHECK(One("f|cidr: 192.0.2.0/24").prefix == *Prefix::Parse("192.0.2.0/24"));
  CHECK(One("f|cidr: '2001:db8::/32'").prefix == *Prefix::Parse("2001:db8::/32"));
  CHECK(ErrorOf("f|cidr: 192.0.2.7/24") ==
        "f:1:9: d.s.f|cidr: '192.0.2.7/24' has bits behind its length; write 192.0.2.0/24");
  CHECK(ErrorOf("f|cidr: 10.0.0.0/33") ==
        "f:1:9: d.s.f|cidr: '10.0.0.0/33' is no network such as 192.0.2.0/24 or 2001:db8::/32");
}

TEST_CASE("fieldref compares with another field", "[rule]") {
  const Test test = One("f|fieldref|endswith: g");
  CHECK(test.kind == Test::Kind::kFieldRef);
  CHECK(test.other_field == "g");
  CHECK(test.text_relation == Relation::kEndsWith);
  CHECK(test.caseless);
  CHECK_FALSE(One("f|cased|fieldref: g").caseless);
}

TEST_CASE("placeholders stand for each of their values", "[rule]") {
  const Placeholders known = {{"admins", {"root", "adm*"}}, {"tlds", {"com", "net"}}, {"none", {}}};
  const Resolved admins = Resolve("f|expand: '%admins%'", known);
  REQUIRE(admins.tests.size() == 2);
  CHECK(admins.text() == "or(0, 1)");
  CHECK(admins.tests[1].text_relation == Relation::kStartsWith);
  CHECK(Resolve("f|contains|expand: '%admins%@x.%tlds%'", known).tests.size() == 4);
  CHECK(Resolve("f|expand: ['%admins%', '%tlds%']", known).text() == "or(or(0, 1), or(2, 3))");
  CHECK(Resolve("f|re|expand: '^%tlds%$'", known).tests[0].pattern == "^com$");
  CHECK(Resolve(R"(f|expand: '\%x%tlds%')", known).tests[0].literal == "%xcom");
  // Without |expand, percent signs are what they are.
  CHECK(One("f: '%TEMP%'").literal == "%TEMP%");
  CHECK(ErrorOf("f|expand: '%admin%'", known) ==
        "f:1:11: d.s.f|expand: placeholder %admin% is not defined; add it to `placeholders` of the "
        "configuration; did "
        "you mean 'admins'?");
  // A list that nobody has filled yet matches nothing.
  CHECK(Resolve("f|expand: '%none%'", known).text() == "or()");
  CHECK(Resolve("f|expand: ['x%none%', '%tlds%']", known).text() == "or(or(), or(0, 1))");
  CHECK(ErrorOf("f|expand: admin", known) ==
        "f:1:11: d.s.f|expand: |expand, but no %placeholder% in the value");
}

TEST_CASE("keywords are asked of every text, anywhere in it", "[rule]") {
  const Resolved all = Resolve("'|all': [Failed, 22]");
  CHECK(all.text() == "and(0, 1)");
  REQUIRE(all.tests.size() == 2);
  CHECK(all.tests[0].field.empty());
  CHECK(all.tests[0].text_relation == Relation::kContains);
  CHECK(all.tests[1].literal == "22");
  CHECK(ErrorOf("'|cidr': 10.0.0.0/8") == "f:1:1: d.s.|cidr: a keyword has no field that |cidr could ask");
  CHECK(ErrorOf("'': x") ==
        "f:1:1: d.s: a field without a name; keywords are written as a list, or under '|all'");
}

TEST_CASE("unknown and ill-matched modifiers are refused with a reason", "[rule]") {
  const auto error = [](std::string_view item) { return ErrorOf(item); };
  CHECK(error("user.name|startwith: a") ==
        "f:1:11: d.s.user.name|startwith: unknown modifier 'startwith'; did you mean 'startswith'?");
  CHECK(error("f|regex: a") == "f:1:3: d.s.f|regex: unknown modifier 'regex'; did you mean 're'?");
  CHECK(error("f|Contains: a") ==
        "f:1:3: d.s.f|Contains: unknown modifier 'Contains'; did you mean 'contains'?");
  CHECK(error("f|frobnicate: a") == "f:1:3: d.s.f|frobnicate: unknown modifier 'frobnicate'");
  CHECK(error("f|: a") == "f:1:3: d.s.f|: unknown modifier ''");
  CHECK(error("f|contains|contains: a") == "f:1:12: d.s.f|contains|contains: |contains is there twice");
  CHECK(error("f|startswith|endswith: a") ==
        "f:1:14: d.s.f|startswith|endswith: |startswith and |endswith do not go together; write the value as "
        "'start*end'");
  CHECK(error("f|re|contains: a") ==
        "f:1:6: d.s.f|re|contains: |re and |contains do not go together: a regular expression matches "
        "anywhere; anchor "
        "it with ^ or $ instead");
  CHECK(error("f|re|cased: a") ==
        "f:1:6: d.s.f|re|cased: |re and |cased do not go together: |re minds the case already");
  CHECK(error("f|i: a") == "f:1:3: d.s.f|i: |i is a flag of a regular expression; write |re|i");
  CHECK(
      error("f|all|neq: [a, b]") ==
      "f:1:7: d.s.f|all|neq: |all and |neq do not go together; write the field without |neq and `not` in the "
      "condition");
  CHECK(error("f|contains|base64offset: abc") ==
        "f:1:12: d.s.f|contains|base64offset: |base64offset works only before |contains; write "
        "|base64offset|contains");
  CHECK(error("f|gte|hour: 1") == "f:1:7: d.s.f|gte|hour: |hour works only before |gte; write |hour|gte");
  CHECK(error("f|gt|lt: 1") ==
        "f:1:6: d.s.f|gt|lt: |gt and |lt do not go together; a range is two keys, one for each end");
  CHECK(error("f|wide|contains: cmd") ==
        "f:1:1: d.s.f|wide|contains: |wide makes bytes that a log holds only as base64; add "
        "|base64offset|contains "
        "behind it");
  CHECK(error("f|base64: a*") ==
        "f:1:11: d.s.f|base64: base64 of a wildcard cannot be known; escape * and ? with \\ if they are "
        "meant as they "
        "stand");
  CHECK(error("f|exists: maybe") == "f:1:11: d.s.f|exists: |exists takes true or false, not 'maybe'");
  CHECK(error("f|contains: null") ==
        "f:1:13: d.s.f|contains: null does not go with |contains; write it under the bare field, or '' for "
        "an empty "
        "text");
  CHECK(error("f: []") ==
        "f:1:1: d.s.f: an empty list matches nothing; name a value, or null for an absent field");
  CHECK(error("f: {a: b}") ==
        "f:1:4: d.s.f: a map cannot be a value; a field's values are texts, numbers or null");
  CHECK(error("f|re: ''") ==
        "f:1:7: d.s.f|re: an empty regular expression matches everything; write |exists: true");
  CHECK(
      error("usr.name: a") ==
      "f:1:1: warning: d.s.usr.name: field 'usr.name' is not one Stockade fills; did you mean 'user.name'?");
}

TEST_CASE("values are bounded", "[rule]") {
  CHECK(ErrorOf("f: " + std::string(kValueBytesMax + 1, 'a')) ==
        "f:1:4: d.s.f: a value of 8193 bytes; at most 8192 are taken");
  Placeholders many;
  for (int i = 0; i < 100; ++i) many["p"].push_back(std::to_string(i));
  CHECK(ErrorOf("f|expand: '%p%%p%%p%'", many) ==
        "f:1:11: d.s.f|expand: its placeholders make more than 4096 values");
  CHECK(ErrorOf("f|windash|base64: -a -b -c -d -e -f") ==
        "f:1:19: d.s.f|windash|base64: its dashes make more than 4096 spellings");
}

}  // namespace
}  // namespace stockade
