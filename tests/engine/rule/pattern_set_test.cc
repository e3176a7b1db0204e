// Pattern sets: Hyperscan, RE2 and the table give the same answers, on any bytes.
#include "engine/rule/pattern_set.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/rule/byte_pattern.h"

namespace stockade {
namespace {

using namespace std::string_literals;

Pattern Regex(std::string text, bool caseless = false, bool dot_all = true, bool multi_line = false) {
  Pattern pattern;
  pattern.text = std::move(text);
  pattern.caseless = caseless;
  pattern.dot_all = dot_all;
  pattern.multi_line = multi_line;
  return pattern;
}

Pattern Plain(std::string literal, bool caseless, Test::TextRelation relation) {
  std::string text;
  for (const char c : literal) {
    if (c == '\0') {
      text += "\\x00";
      continue;
    }
    if (std::ispunct(static_cast<unsigned char>(c)) != 0) text += '\\';
    text += c;
  }
  using Relation = Test::TextRelation;
  if (relation == Relation::kEquals || relation == Relation::kStartsWith) text = "\\A" + text;
  if (relation == Relation::kEquals || relation == Relation::kEndsWith) text += "\\z";
  Pattern pattern = Regex(text, caseless);
  pattern.has_literal = true;
  pattern.literal = std::move(literal);
  pattern.relation = relation;
  return pattern;
}

std::vector<uint16_t> Ask(const PatternSet& set, std::string_view value, PatternScratch* scratch) {
  std::vector<uint16_t> ids(set.size());
  ids.resize(set.Match(value, scratch, ids.data()));
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Whether one pattern matches one value, with both engines, which must agree.
bool Matches(const Pattern& pattern, std::string_view value) {
  bool answer[2];
  for (const auto engines : {PatternSet::Engines::kAll, PatternSet::Engines::kRe2Only}) {
    std::vector<PatternSet::Refusal> refusals;
    const auto set = PatternSet::Build({&pattern, 1}, engines, &refusals);
    INFO(pattern.text << " refused: " << (refusals.empty() ? "" : refusals[0].reason));
    REQUIRE(refusals.empty());
    PatternScratch scratch;
    scratch.Prepare(*set);
    answer[engines == PatternSet::Engines::kAll ? 0 : 1] = !Ask(*set, value, &scratch).empty();
    REQUIRE(scratch.scan_failures() == 0);
  }
  INFO(pattern.text << " on '" << value << "'");
  REQUIRE(answer[0] == answer[1]);
  return answer[0];
}
bool Matches(std::string pattern, std::string_view value, bool caseless = false) {
  return Matches(Regex(std::move(pattern), caseless), value);
}

TEST_CASE("every relation of a plain text is answered, with and without regard to case") {
  using Relation = Test::TextRelation;
  CHECK(Matches(Plain("admin", true, Relation::kEquals), "ADMIN"));
  CHECK_FALSE(Matches(Plain("admin", false, Relation::kEquals), "ADMIN"));
  CHECK_FALSE(Matches(Plain("admin", true, Relation::kEquals), "admin2"));
  CHECK_FALSE(Matches(Plain("admin", true, Relation::kEquals), "admin\n"));
  CHECK(Matches(Plain("adm", true, Relation::kStartsWith), "Admin"));
  CHECK_FALSE(Matches(Plain("adm", true, Relation::kStartsWith), "sysadm"));
  CHECK(Matches(Plain("adm", true, Relation::kEndsWith), "sysADM"));
  CHECK(Matches(Plain("dm", true, Relation::kContains), "sysadmin"));
  CHECK(Matches(Plain("a.b", true, Relation::kContains), "xa.by"));
  CHECK_FALSE(Matches(Plain("a.b", true, Relation::kContains), "xa-by"));
}

TEST_CASE("an empty value matches what matches the empty text, and nothing else") {
  CHECK(Matches(Plain("", true, Test::TextRelation::kEquals), ""));
  CHECK_FALSE(Matches(Plain("", true, Test::TextRelation::kEquals), "x"));
  CHECK(Matches("\\A\\z", ""));
  CHECK_FALSE(Matches("\\A\\z", "a"));
  CHECK(Matches(".*", ""));
  CHECK(Matches("^$", ""));
  CHECK(Matches("x?", "abc"));
  CHECK_FALSE(Matches(".", ""));
  CHECK(Matches("\\A.*\\z", std::string_view()));
}

TEST_CASE("values are bytes: NUL and what is not UTF-8 are matched like anything else") {
  CHECK(Matches(Plain("a\0b"s, true, Test::TextRelation::kEquals), "A\0B"s));
  CHECK(Matches(Plain("\0b"s, true, Test::TextRelation::kContains), "a\0bc"s));
  CHECK(Matches("\\Aa\\x00b\\z", "a\0b"s));
  CHECK(Matches("\\Aadm.*n\\z", "adm\xff\xc3n"));
  CHECK(Matches("\\Aadm.n\\z", "adm\xffn"));
  CHECK(Matches("\\A[^a]\\z", "\xff"));
  CHECK(Matches("\\xff", "a\xff"));
  CHECK_FALSE(Matches("\\xe9", "a\xc9", true));
  CHECK(Matches("a\0b"s, "xa\0b"s));
}

TEST_CASE("a character beyond ASCII is one unit: for a quantifier, a dot and a class") {
  CHECK(Matches("\\Aé+\\z", "ééé"));
  CHECK(Matches("\\AM.ller\\z", "Müller"));
  CHECK(Matches("\\A.\\z", "€"));
  CHECK(Matches("\\A.\\z", "\xf0\x9f\x94\x92"));
  CHECK_FALSE(Matches("\\A.\\z", "ab"));
  CHECK(Matches("\\A[äöü]\\z", "ö"));
  CHECK_FALSE(Matches("\\A[äöü]\\z", "é"));
  CHECK(Matches("\\A[^äöü]\\z", "é"));
  CHECK(Matches("\\A[^äöü]\\z", "a"));
  CHECK_FALSE(Matches("\\A[^äöü]\\z", "ü"));
  CHECK(Matches("\\A[^a]\\z", "é"));
  CHECK(Matches("\\A[а-я]+\\z", "привет"));
  CHECK_FALSE(Matches("\\A[а-я]+\\z", "ПРИВЕТ"));
  CHECK(Matches("\\A[а-я]+\\z", "ПРИВЕТ", true));
  CHECK(Matches("\\x{2013}", "a–b"));
  CHECK(Matches("[–—―/-]q", "x―q"));
  CHECK(Matches("\\A\\W\\z", "–"));
}

TEST_CASE("case folds beyond ASCII in the scripts named, one to one") {
  CHECK(Matches("MÜLLER", "müller", true));
  CHECK_FALSE(Matches("MÜLLER", "müller", false));
  CHECK(Matches("ŽIŽKA", "žižka", true));
  CHECK(Matches("łódź", "ŁÓDŹ", true));
  CHECK(Matches("σίγμα", "ΣίΓΜΑ", true));
  CHECK(Matches("АДМИН", "админ", true));
  CHECK(Matches("ａｄｍｉｎ", "ＡＤＭＩＮ", true));
  CHECK_FALSE(Matches("×", "÷", true));
  CHECK_FALSE(Matches("straße", "STRASSE", true));
  CHECK_FALSE(Matches("kelvin", "\u212Aelvin", true));
}

TEST_CASE("PCRE's spellings mean the same in both engines") {
  CHECK(Matches("admin$", "admin\n"));
  CHECK_FALSE(Matches("admin$", "admin\n\n"));
  CHECK_FALSE(Matches("admin\\z", "admin\n"));
  CHECK(Matches(Regex("^b$", false, true, true), "a\nb\nc"));
  CHECK_FALSE(Matches(Regex("^b$"), "a\nb\nc"));
  CHECK(Matches(Regex("a.b", false, true), "a\nb"));
  CHECK_FALSE(Matches(Regex("a.b", false, false), "a\nb"));
  CHECK_FALSE(Matches(Regex("a.*b", false, false), "a\nb"));
  CHECK(Matches("(?i)ADMIN", "admin"));
  CHECK(Matches("x(?i:ADMIN)y", "xadminy"));
  CHECK_FALSE(Matches("x(?i:ADMIN)y", "xadminY"));
  CHECK(Matches("(?<who>root|toor)@", "toor@"));
  CHECK(Matches("a(?#comment)b", "ab"));
  CHECK(Matches("(?x) a  b # a and b\n c", "abc"));
  CHECK(Matches("\\Qa.b\\E+", "a.bb"));
  CHECK(Matches("\\s", "\v"));
  CHECK(Matches("[\\s]", "\v"));
  CHECK(Matches("[\\h]x", "\tx"));
  CHECK(Matches("a\\Rb", "a\r\nb"));
  CHECK(Matches("[\\b]", "\b"));
  CHECK(Matches("[]x]", "]"));
  CHECK(Matches("[^]x]", "y"));
  CHECK(Matches("[a\\-z]", "-"));
  CHECK(Matches("[[:digit:]é]", "7"));
  CHECK(Matches("\\bsu\\b", "a su b"));
}

TEST_CASE("Unicode properties are answered by RE2 on characters") {
  CHECK(Matches("\\A\\p{Greek}+\\z", "σίγμα"));
  CHECK_FALSE(Matches("\\A\\p{Greek}+\\z", "sigma"));
  CHECK(Matches("[\\p{L}]", "\xffé"));
}

TEST_CASE("what neither engine takes is refused with the reasons of both, and the rest still answers") {
  const std::vector<Pattern> patterns = {Regex("(a)\\1"),
                                         Regex("admin"),
                                         Regex("(?=x)y"),
                                         Regex("(unclosed"),
                                         Regex("[z-a]"),
                                         Regex("a++b"),
                                         Regex(std::string(20000, 'a'))};
  std::vector<PatternSet::Refusal> refusals;
  const auto set = PatternSet::Build(patterns, PatternSet::Engines::kAll, &refusals);
  std::vector<size_t> refused;
  for (const auto& refusal : refusals) {
    refused.push_back(refusal.pattern);
    CHECK_FALSE(refusal.reason.empty());
  }
  std::sort(refused.begin(), refused.end());
  CHECK(refused == std::vector<size_t>{0, 2, 3, 4, 5, 6});
  PatternScratch scratch;
  scratch.Prepare(*set);
  CHECK(Ask(*set, "xadminy", &scratch) == std::vector<uint16_t>{1});
}

TEST_CASE("a failed scan is counted and answered by RE2, never taken for no match") {
  const std::vector<Pattern> patterns = {Regex("adm.n", true), Regex("root"), Regex("\\A\\z")};
  std::vector<PatternSet::Refusal> refusals;
  const auto set = PatternSet::Build(patterns, PatternSet::Engines::kAll, &refusals);
  PatternScratch scratch;  // never prepared: Hyperscan refuses to scan
  CHECK(Ask(*set, "ADMIN root", &scratch) == std::vector<uint16_t>{0, 1});
  CHECK(Ask(*set, "", &scratch) == std::vector<uint16_t>{2});
  if (set->uses_hyperscan()) CHECK(scratch.scan_failures() == 2);
  CHECK(scratch.unanswered() == 0);
}

TEST_CASE("a value of 1 MiB is matched whole") {
  const std::vector<Pattern> patterns = {
      Regex("needle\\z"), Plain("needle", true, Test::TextRelation::kEquals), Regex("\\A.{10}x")};
  std::vector<PatternSet::Refusal> refusals;
  const auto set = PatternSet::Build(patterns, PatternSet::Engines::kAll, &refusals);
  PatternScratch scratch;
  scratch.Prepare(*set);
  CHECK(Ask(*set, std::string(1 << 20, 'x') + "needle", &scratch) == std::vector<uint16_t>{0, 2});
}

TEST_CASE("random patterns on random bytes: one scan, the table and RE2 agree") {
  const auto seed = static_cast<uint32_t>(Catch::rngSeed());
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](size_t n) { return random() % n; };
  const std::vector<std::string> atoms = {"a",        "B",    "é",          "Я",   ".",      "[ab]",  "[^a]",
                                          "[é-ü]",    "[^é]", "\\s",        "\\w", "\\W",    "\\x00", "\\xc3",
                                          "(?:a|bé)", "\\bb", "\n",         "\\d", "(?i:É)", "\\S",   "\\D",
                                          "$",        "\\z",  "(?-i:aB)|b", ".*",  "[\\s-x]"};
  const std::vector<std::string> quantifiers = {"", "", "", "*", "+", "?", "{2}", "{0,3}", "*?"};
  const std::vector<std::string> pieces = {"a",   "A",    "b",    "B", "é", "É", "я",  "Я",  "\n",
                                           "\0"s, "\xc3", "\xff", " ", "1", "–", "ab", "bé", "\v"};
  for (int round = 0; round < 100; ++round) {
    std::vector<Pattern> patterns;
    for (size_t i = 0; i < 12; ++i) {
      if (pick(4) == 0) {
        std::string literal;
        for (size_t n = pick(4); n > 0; --n) literal += pieces[pick(pieces.size())];
        patterns.push_back(Plain(literal, pick(2) == 0, static_cast<Test::TextRelation>(pick(4))));
        continue;
      }
      std::string text = pick(3) == 0 ? "\\A" : "";
      for (size_t n = 1 + pick(4); n > 0; --n)
        text += "(?:" + atoms[pick(atoms.size())] + ")" + quantifiers[pick(quantifiers.size())];
      patterns.push_back(Regex(text, pick(2) == 0, pick(2) == 0, pick(4) == 0));
    }
    std::vector<PatternSet::Refusal> refusals;
    const auto fast = PatternSet::Build(patterns, PatternSet::Engines::kAll, &refusals);
    const auto slow = PatternSet::Build(patterns, PatternSet::Engines::kRe2Only, &refusals);
    PatternScratch scratch;
    scratch.Prepare(*fast);
    for (int trial = 0; trial < 40; ++trial) {
      std::string value;
      for (size_t n = pick(7); n > 0; --n) value += pieces[pick(pieces.size())];
      const auto left = Ask(*fast, value, &scratch);
      const auto right = Ask(*slow, value, &scratch);
      if (left == right) continue;
      for (size_t i = 0; i < patterns.size(); ++i) {
        const bool in_left = std::count(left.begin(), left.end(), i) > 0;
        const bool in_right = std::count(right.begin(), right.end(), i) > 0;
        INFO("pattern " << patterns[i].text << " i" << patterns[i].caseless << " s" << patterns[i].dot_all
                        << " m" << patterns[i].multi_line << " value "
                        << Catch::StringMaker<std::string>::convert(value));
        CHECK(in_left == in_right);
      }
    }
  }
}

}  // namespace
}  // namespace stockade
