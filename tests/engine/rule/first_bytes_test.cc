// Proves that no text is told apart by its first byte that a pattern matches: against RE2, over random patterns and all
// short texts of their letters; and that the sets are small where rules list names.
#include "engine/rule/first_bytes.h"

#include <re2/re2.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/rule/byte_pattern.h"

namespace stockade {
namespace {

std::string BytesOf(const std::string& pattern, bool caseless = false, bool multi_line = false) {
  const ByteSet bytes = FirstBytes(pattern, caseless, multi_line);
  if (bytes.all()) return "any";
  std::string text;
  for (size_t byte = 0; byte < bytes.size(); ++byte)
    if (bytes[byte]) text.push_back(static_cast<char>(byte));
  return text;
}

TEST_CASE("lists of names begin with few bytes") {
  CHECK(BytesOf("^(test|tester|uat|qa)([-_.][a-z0-9._-]{0,32})?[0-9]{0,6}(@.*)?$") == "qtu");
  CHECK(BytesOf("^(?:test|uat)", true) == "TUtu");
  CHECK(BytesOf("\\Aadmin") == "a");
  CHECK(BytesOf("\\A(?-i:\\xc3\\x89)x", true) == "\xc3");
  CHECK(BytesOf("^x?y*z") == "xyz");
  CHECK(BytesOf("^(a|b?)c") == "abc");
  CHECK(BytesOf("^[a-c_]+@") == "_abc");
  CHECK(BytesOf("^a{2,3}b") == "a");
  CHECK(BytesOf("^a{0}b") == "ab");
  CHECK(BytesOf("^\\bfoo|^bar") == "bf");
  CHECK(BytesOf("^\\n\\.x") == "\n");
}

TEST_CASE("what may match further on, or nothing, or is not followed may begin with any byte") {
  for (const char* pattern :
       {"admin",         "^a|b", "^",      "^$",   "^a?",     "^(a|b*)", "^(?i)a",  "(^a)", "^(?=a)b", "^\\1",
        "^[[:alpha:]]x", "^.a",  "^[^a]b", "^\\d", "^\\p{L}", "^a{",     "^a{1|b}", "^(a",  "^a)",     "^*",
        "^a\\",          ""}) {
    INFO(pattern);
    CHECK(BytesOf(pattern) == "any");
  }
  CHECK(BytesOf("^a", false, true) == "any");
  CHECK(BytesOf("^\\xe9", true) == "any");
  CHECK(BytesOf(std::string(200, '(') + "^a") == "any");
  CHECK(BytesOf("^" + std::string(200, '(') + "a" + std::string(200, ')')) == "any");
}

TEST_CASE("every text that a random pattern matches begins with one of its first bytes", "[oracle]") {
  const std::vector<std::string> parts = {"a",   "B",    "c",     "^",   "$",   "|",      "(",     ")",
                                          "(?:", "[ab]", "[^a]",  "*",   "+",   "?",      "{0,1}", "{2}",
                                          ".",   "\\.",  "\\x41", "\\A", "\\b", "(?-i:",  "\\w",   "[a-c]",
                                          "\\n", "]",    "(?i:",  "{",   "\\z", "[\\w.]", "a|^b",  "|\\Ab"};
  std::vector<std::string> texts;
  const std::string letters = "abcABC.{\n";
  for (const char first : letters) {
    texts.push_back({first});
    for (const char second : letters) {
      texts.push_back({first, second});
      for (const char third : letters) texts.push_back({first, second, third});
    }
  }
  const auto seed = static_cast<uint32_t>(Catch::rngSeed());
  CAPTURE(seed);
  std::mt19937 random(seed);
  int told_apart = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string written = random() % 4 == 0 ? "" : "^";
    for (size_t n = 1 + random() % 6; n > 0; --n) written += parts[random() % parts.size()];
    const bool caseless = random() % 2 == 0;
    const BytePattern pattern = ToBytePattern(written, caseless, true, false);
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!caseless);
    options.set_dot_nl(true);
    const re2::RE2 oracle(pattern.text, options);
    const ByteSet bytes = FirstBytes(pattern.text, caseless, false);
    if (!oracle.ok() || bytes.all()) continue;
    ++told_apart;
    for (const std::string& text : texts) {
      if (bytes[static_cast<unsigned char>(text.front())]) continue;
      INFO(pattern.text << " on " << text);
      REQUIRE_FALSE(re2::RE2::PartialMatch(text, oracle));
    }
  }
  CHECK(told_apart > 1000);
}

}  // namespace
}  // namespace stockade
