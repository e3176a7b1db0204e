// Remembers what the words of a login (vocabulary.h) decide among the rules: most rules ask for nothing else, or are out
// of the question once the outcome is known, and logins say the same dozen combinations all day.
//
// kStates combinations at most, each of some bits a rule and a predicate. A combination is worked out from the
// programs of all rules, which takes as long as they are; who chooses his words so that they hardly come twice must not
// have that done for every attempt. So each attempt pays kStepsEarned steps in, and where they do not suffice it is only
// looked up what each word says by itself and all rules stay open: with the same answers, for as much as rules cost
// without a memo. Not thread-safe; noexcept; allocates nothing after construction.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/rule/vocabulary.h"

namespace stockade {

// What is known of all rules once the words of an event are.
struct WordState {
  std::vector<uint64_t> truth;    // bit a predicate: true by the words
  std::vector<uint64_t> matched;  // bit a rule: it matches, whatever else the event says
  std::vector<uint64_t> open;     // bit a rule: it hangs on what else the event says …
  std::vector<uint64_t> awake;    // … and may match if no other predicate is true
};

class WordMemo {
 public:
  // Outcomes, certificates, and fields that are there or not: one gateway has a dozen combinations.
  static constexpr size_t kStates = 64;
  static constexpr size_t kWays = 4;  // places of one combination, from its own on
  // Combinations that may be worked out in a row, after as many calm attempts.
  static constexpr size_t kInARow = 16;
  // Some 250 instructions, a small part of what an attempt costs the engine.
  static constexpr size_t kStepsEarned = 32;

  // `steps`: of all programs, what a combination costs to work out.
  WordMemo(size_t predicates, size_t rules, size_t steps)
      : cost_(steps + kStepsEarned), credit_(kInARow * cost_), states_(kStates + 1) {
    words_.fill(kNone);
    for (WordState& state : states_) {
      state.truth.resize((predicates + 63) / 64);
      for (auto* of_rules : {&state.matched, &state.open, &state.awake}) of_rules->resize((rules + 63) / 64);
    }
  }

  // Call once an event. Null: not remembered; then Take.
  const WordState* Find(LoginWords words) noexcept {
    credit_ = std::min(credit_ + kStepsEarned, kInARow * cost_);
    for (size_t way = 0; way < kWays; ++way) {
      const size_t place = PlaceOf(words, way);
      if (words_[place] == words) return &states_[place];
    }
    return nullptr;
  }
  // A state to be filled for words that Find did not find. *is_kept: whole, for it will be found; if not, only for this
  // event.
  WordState* Take(LoginWords words, bool* is_kept) noexcept {
    *is_kept = credit_ >= cost_;
    if (!*is_kept) return &states_[kStates];
    credit_ -= cost_;
    size_t way = 0;
    while (way < kWays && words_[PlaceOf(words, way)] != kNone) ++way;
    if (way == kWays) way = turn_++ % kWays;
    const size_t place = PlaceOf(words, way);
    words_[place] = words;
    return &states_[place];
  }

 private:
  static constexpr LoginWords kNone = ~LoginWords{0};  // more bits than words have

  static size_t PlaceOf(LoginWords words, size_t way) noexcept {
    return ((words * 0x9e3779b97f4a7c15 >> 40) + way) % kStates;
  }

  size_t cost_;
  size_t credit_;
  size_t turn_ = 0;
  std::array<LoginWords, kStates> words_;
  std::vector<WordState> states_;  // the last one of none
};

}  // namespace stockade
