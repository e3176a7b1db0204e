// A regular expression while it is read from left to right.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace stockade {

class PatternReader {
 public:
  explicit PatternReader(std::string_view pattern) noexcept : rest_(pattern) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }
  // There must be one.
  char next() const noexcept { return rest_[0]; }
  bool At(std::string_view text) const noexcept { return rest_.substr(0, text.size()) == text; }
  void Skip(size_t n) noexcept { rest_.remove_prefix(std::min(n, rest_.size())); }
  void SkipAll() noexcept { rest_ = {}; }

  // At a quantifier for more than one.
  bool AtRepetition() const noexcept {
    return !rest_.empty() && (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '{');
  }

  // Behind a backslash, with something left: reads "x{..}", "xHH", "0oo", "cX", "e" and the like. Says the code, and
  // whether it names a character rather than a byte. False, and nothing read, if it is another escape.
  bool ReadCode(uint32_t* code, bool* is_character) noexcept;

 private:
  std::string_view rest_;
};

}  // namespace stockade
