// Proves that a word is found by its index exactly where a walk through the list would find it: for the vocabularies of
// the wire, for every word with one letter changed, left out or put in, and for words that share a slot.
#include "engine/event/word_index.h"

#include <catch2/catch.hpp>
#include <string>

#include "engine/event/outcome.h"

namespace stockade {
namespace {

template <size_t N>
std::optional<size_t> Walk(const std::array<std::string_view, N>& words, std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (words[i] == text) return i;
  return std::nullopt;
}

template <size_t N>
void CheckAround(const std::array<std::string_view, N>& words) {
  const WordIndex index(words);
  const auto check = [&](const std::string& text) {
    INFO(text);
    REQUIRE(index.Find(text) == Walk(words, text));
  };
  for (const std::string_view word : words) {
    check(std::string(word));
    for (size_t at = 0; at <= word.size(); ++at) {
      for (const char c : {'a', 'Z', '_', 'd', '\0', '\xff'}) {
        std::string text(word);
        check(text.insert(at, 1, c));
        if (at == word.size()) continue;
        text = word;
        text[at] = c;
        check(text);
      }
      check(std::string(word.substr(0, at)) + std::string(word.substr(std::min(at + 1, word.size()))));
    }
  }
  check("");
  check(std::string(1000, 'x'));
}

TEST_CASE("a word is found where a walk through the list would find it", "[event][oracle]") {
  CheckAround(kOutcomeNames);
  CheckAround(kCertificateNames);
  CheckAround(kCanAskNames);
  // All of one slot: the same length, begin and end.
  CheckAround(std::array<std::string_view, 5>{"abcd", "aaad", "abbd", "acbd", "axyd"});
}

TEST_CASE("the words of the wire are read as they are written, and case counts", "[event]") {
  static_assert(ParseOutcome("bad_password") == Outcome::kBadPassword);
  static_assert(ParseCertificateStatus("withheld") == CertificateStatus::kWithheld);
  CHECK_FALSE(ParseOutcome("Success").has_value());
  CHECK_FALSE(ParseCertificateStatus("").has_value());
}

}  // namespace
}  // namespace stockade
