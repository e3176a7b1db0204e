// Pattern sets on any pattern and any bytes: Build refuses or accepts, the two engines agree wherever both
// take the pattern, no value is told apart by its first byte that matches, a plain text is matched as memcmp would,
// and nothing crashes.
//
// Input: a byte of flags, the pattern up to the first newline, the value after it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/rule/pattern_set.h"

namespace {

using stockade::Pattern;
using stockade::PatternScratch;
using stockade::PatternSet;

std::vector<bool> Ask(const PatternSet& set, std::string_view value) {
  PatternScratch scratch;
  scratch.Prepare(set);
  std::vector<uint16_t> ids(set.size());
  const size_t count = set.Match(value, &scratch, ids.data());
  std::vector<bool> matched(set.size(), false);
  for (size_t i = 0; i < count; ++i) {
    if (matched[ids[i]]) std::abort();  // each id once
    matched[ids[i]] = true;
  }
  if (scratch.scan_failures() > 0) std::abort();
  return matched;
}

bool EqualsIgnoringAsciiCase(std::string_view a, std::string_view b) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (fold(a[i]) != fold(b[i])) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Long patterns only make the compilers slow; their limits have a unit test.
  if (size < 2 || size > 512) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view value = text.substr(std::min(end + 1, text.size()));
  // Two patterns: the regular expression, and its text taken plainly.
  std::vector<Pattern> patterns(2);
  patterns[0].text = std::string(text.substr(0, end));
  patterns[0].caseless = (data[0] & 1) != 0;
  patterns[0].dot_all = (data[0] & 2) != 0;
  // In multi-line mode the engines differ on a "^" behind the last newline of a value; it is not compared.
  patterns[0].multi_line = (data[0] & 4) != 0;
  patterns[1].has_literal = true;
  patterns[1].literal = std::string(text.substr(0, std::min<size_t>(end, 100)));
  patterns[1].caseless = false;

  std::vector<PatternSet::Refusal> refusals[2];
  const auto fast = PatternSet::Build(patterns, PatternSet::Engines::kAll, &refusals[0]);
  const auto slow = PatternSet::Build(patterns, PatternSet::Engines::kRe2Only, &refusals[1]);
  const std::vector<bool> left = Ask(*fast, value);
  const std::vector<bool> right = Ask(*slow, value);
  if (left[1] != (value == patterns[1].literal) || right[1] != left[1]) std::abort();
  patterns[1].caseless = true;
  std::vector<PatternSet::Refusal> none;
  patterns[1].text = "x";  // of no matter: a plain ASCII text goes to the table
  bool plain = true;
  for (const char c : patterns[1].literal) plain = plain && static_cast<uint8_t>(c) < 0x80;
  if (plain) {
    const auto caseless = PatternSet::Build({&patterns[1], 1}, PatternSet::Engines::kAll, &none);
    if (Ask(*caseless, value)[0] != EqualsIgnoringAsciiCase(value, patterns[1].literal)) std::abort();
  }
  if (!refusals[0].empty() || !refusals[1].empty()) return 0;
  // In a group of its own a pattern says nothing of first bytes.
  Pattern grouped = patterns[0];
  grouped.text = "(?:" + grouped.text + ")";
  const auto whole = PatternSet::Build({&grouped, 1}, PatternSet::Engines::kAll, &none);
  if (none.empty() && Ask(*whole, value)[0] != left[0]) std::abort();
  if (patterns[0].multi_line) return 0;
  // "(?m" inside the pattern is multi-line mode, too.
  if (patterns[0].text.find("(?") != std::string::npos && patterns[0].text.find('m') != std::string::npos)
    return 0;
  if (left[0] != right[0]) {
    std::fprintf(stderr, "pattern '%s' on %zu bytes: Hyperscan says %d, RE2 %d\n", patterns[0].text.c_str(),
                 value.size(), static_cast<int>(left[0]), static_cast<int>(right[0]));
    std::abort();
  }
  return 0;
}
