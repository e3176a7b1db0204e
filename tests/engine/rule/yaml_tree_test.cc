// YAML trees: places, what is text and what is not, and every way in which YAML can hurt.
#include "engine/rule/yaml_tree.h"

#include <catch2/catch.hpp>

namespace stockade {
namespace {

std::vector<YamlNode> Read(std::string_view text, std::vector<std::string>* errors) {
  Findings findings;
  std::vector<YamlNode> documents = ReadYaml(text, "f.yml", &findings);
  for (const Finding& finding : findings.all()) errors->push_back(finding.ToString());
  return documents;
}

std::string YamlError(std::string_view text) {
  std::vector<std::string> errors;
  Read(text, &errors);
  return errors.empty() ? "" : errors[0];
}

TEST_CASE("every node knows its line and column, from 1", "[rule]") {
  std::vector<std::string> errors;
  const auto documents =
      Read("a:\n  - one\n  - 'two'\n  - \"th\\x72ee\"\nb: {c: 5}\n---\n\nd: |\n  text\n", &errors);
  CHECK(errors.empty());
  REQUIRE(documents.size() == 2);
  const YamlNode* list = documents[0].Find("a");
  REQUIRE(list != nullptr);
  REQUIRE(list->items.size() == 3);
  CHECK(PlaceOf(list->items[0], "f").line == 2);
  CHECK(PlaceOf(list->items[0], "f").column == 5);
  CHECK(list->items[0].plain);
  CHECK(PlaceOf(list->items[0], "f", 2).column == 7);
  CHECK_FALSE(list->items[1].plain);
  CHECK(PlaceOf(list->items[1], "f", 1).column == 7);
  // What stands in the file is not what it says: only the beginning can be told.
  CHECK(list->items[2].text == "three");
  CHECK_FALSE(list->items[2].verbatim);
  CHECK(PlaceOf(list->items[2], "f", 3).column == 5);
  const YamlNode* inner = documents[0].Find("b")->Find("c");
  REQUIRE(inner != nullptr);
  CHECK(inner->line == 5);
  CHECK(inner->column == 8);
  CHECK(documents[1].entries[0].key.line == 8);
  CHECK(documents[1].Find("d")->text == "text\n");
  CHECK(documents[1].Find("e") == nullptr);
}

TEST_CASE("columns count from 1 behind a byte order mark, too", "[rule]") {
  std::vector<std::string> errors;
  const auto documents = Read(
      "\xef\xbb\xbf"
      "a: b\r\nc: d\r\n",
      &errors);
  CHECK(errors.empty());
  REQUIRE(documents.size() == 1);
  CHECK(documents[0].entries[0].value.column == 4);
  CHECK(documents[0].entries[1].key.line == 2);
  CHECK(documents[0].entries[1].value.text == "d");
}

TEST_CASE("aliases are written out, at the place where they stand", "[rule]") {
  std::vector<std::string> errors;
  const auto documents = Read("a: &x [1, 2]\nb: *x\n", &errors);
  CHECK(errors.empty());
  REQUIRE(documents.size() == 1);
  const YamlNode* copy = documents[0].Find("b");
  REQUIRE(copy->items.size() == 2);
  CHECK(copy->line == 2);
  CHECK(copy->column == 4);
}

TEST_CASE("what two readers would read differently is refused", "[rule]") {
  CHECK(YamlError("a: 1\nb: 2\na: 3\n") ==
        "f.yml:3:1: a: written twice in one map, first in line 1; one of the two would be lost");
  CHECK(YamlError("x: &x {a: 1}\ny:\n  <<: *x\n") ==
        "f.yml:3:3: merge keys (<<) are not of YAML 1.2; write the entries out");
  CHECK(YamlError("? [a, b]\n: c\n") == "f.yml:1:3: a key must be a text, not a list or a map");
  CHECK(YamlError("&a [*a]\n") == "f.yml:1:5: an alias inside its own anchor never ends; write the text out");
  CHECK(YamlError(std::string("a: b\nc: \x04\nd: e\n")) ==
        "f.yml:2:4: control character '\\x04' in the text");
  CHECK(YamlError(std::string("a: \0b\n", 6)) == "f.yml:1:4: control character '\\x00' in the text");
  CHECK(YamlError("a: \xff\n") == "f.yml:1:4: not UTF-8; save the file as UTF-8");
  CHECK(YamlError("a: \xed\xa0\x80\n") == "f.yml:1:4: not UTF-8; save the file as UTF-8");
  CHECK(YamlError("a: [b\n").rfind("f.yml:", 0) == 0);
  CHECK(YamlError("a: 'b\n") == "f.yml:1:4: a quote that is never closed");
  CHECK(YamlError("a: 'it''s\nc: d\n") == "f.yml:1:4: a quote that is never closed");
  CHECK(YamlError("a: \"b\\\"\nc: d\n") == "f.yml:1:4: a quote that is never closed");
  CHECK(YamlError("a: 'it''s'\nb: \"say \\\"x\\\"\"\nc: ''\n").empty());
  CHECK(YamlError("a: b: c\n").find("not YAML: ") != std::string::npos);
}

TEST_CASE("documents before a breach of YAML are kept", "[rule]") {
  std::vector<std::string> errors;
  const auto documents = Read("a: b\n---\nc: [d\n---\ne: f\n", &errors);
  CHECK(documents.size() == 1);
  CHECK(errors.size() == 1);
}

TEST_CASE("a billion laughs are refused at the bound", "[rule]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + previous;
    for (int j = 0; j < 9; ++j) bomb += ", " + previous;
    bomb += "]\n";
  }
  CHECK(YamlError(bomb).find("more than 200000 nodes") != std::string::npos);

  std::string wide = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 200; ++i) wide += ", *a";
  CHECK(YamlError(wide + "]\n").find("bytes with all aliases written out") != std::string::npos);

  std::string nested = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    nested += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  CHECK(YamlError(nested).find("nested deeper than 32 levels") != std::string::npos);
}

TEST_CASE("depth, size and documents are bounded", "[rule]") {
  CHECK(YamlError(std::string(40, '[') + std::string(40, ']')) == "f.yml:1:33: nested deeper than 32 levels");
  CHECK_FALSE(YamlError(std::string(100'000, '[')).empty());
  CHECK_FALSE(YamlError(std::string(100'000, '{')).empty());
  std::string maps;
  for (int i = 0; i < 2000; ++i) maps += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  CHECK(YamlError(maps) == "f.yml:33:33: nested deeper than 32 levels");
  CHECK(YamlError(std::string(kYamlBytesMax + 1, ' ')).find("split it") != std::string::npos);
  std::string documents;
  for (size_t i = 0; i <= kYamlDocumentsMax; ++i) documents += "--- a\n";
  CHECK(YamlError(documents).find("more than 10000 documents") != std::string::npos);
}

TEST_CASE("plain texts are numbers and booleans only as YAML 1.2 has them", "[rule]") {
  double number = 0;
  bool boolean = false;
  for (std::string_view text : {"0", "-1", "+5", "3.25", ".5", "5.", "1e3", "-2.5E-3"}) {
    INFO(text);
    CHECK(KindOfPlain(text, &number, &boolean) == ScalarKind::kNumber);
  }
  for (std::string_view text : {"", ".", "-", "e5", "1e", "0x10", "0o7", "1_000", "1:30", ".inf", ".nan",
                                "1e999", "nan", "infinity", " 1", "1 "}) {
    INFO(text);
    CHECK(KindOfPlain(text, &number, &boolean) == ScalarKind::kText);
  }
  CHECK(KindOfPlain("true", &number, &boolean) == ScalarKind::kBool);
  CHECK(boolean);
  CHECK(KindOfPlain("False", &number, &boolean) == ScalarKind::kBool);
  CHECK_FALSE(boolean);
  CHECK(KindOfPlain("yes", &number, &boolean) == ScalarKind::kText);
}

}  // namespace
}  // namespace stockade
