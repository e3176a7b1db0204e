// What a reader of rules or configuration has to say about a text that a person wrote: errors that keep a
// document out, and warnings about what is probably not what he meant. A reader says everything it finds, not
// only the first: whoever runs `check` wants one list.
//
//   Findings findings;
//   ReadSomething(text, &findings);
//   if (findings.errors() > 0) return findings.ToStatus();
//
// Load time only; not thread-safe: the caller of the reader owns it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

struct Finding {
  enum class Severity : uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  Place place;
  std::string key;   // "correlation.timespan"; empty: the document or the file as a whole
  std::string what;  // what is wrong and what would be right, one line: "unknown type 'x'; did you mean 'y'?"
  std::string suggestion;  // the text that could stand there instead, where there is just one; else empty

  // "file:line:column: key: what", as ErrorAt writes it; warnings with "warning: " before the key.
  std::string ToString() const;
};

class Findings {
 public:
  // A file of nonsense has as many errors as lines; nobody reads more than this, and the rest is only
  // counted.
  static constexpr size_t kFindingsMax = 1000;
  // As many lines go into a Status.
  static constexpr size_t kStatusLinesMax = 20;

  void Error(Place place, std::string_view key, std::string_view what, std::string_view suggestion = {});
  void Warn(Place place, std::string_view key, std::string_view what, std::string_view suggestion = {});

  // Puts those from `first` on, all of one file, in the order of their places.
  void SortFrom(size_t first);

  const std::vector<Finding>& all() const noexcept { return all_; }  // in the order of the files and places
  size_t errors() const noexcept { return errors_; }                 // those beyond kFindingsMax included
  size_t warnings() const noexcept { return warnings_; }

  // OK if there is no error; else InvalidArgument with one line an error, the first kStatusLinesMax of them.
  absl::Status ToStatus() const;

 private:
  void Add(Finding finding);

  std::vector<Finding> all_;
  size_t errors_ = 0;
  size_t warnings_ = 0;
};

// How many letters must be put in, taken out, exchanged or swapped with their neighbour to make `a` of `b`
// (optimal string alignment). O(|a|·|b|); texts over 64 bytes count as infinitely far.
int EditDistance(std::string_view a, std::string_view b);

// The one of `candidates` that a person who typed `word` most likely meant, or "" if none is near: at most 2
// edits, and at most a third of the word. Equal words are no near miss and give "".
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean 'x'?", or "" where Nearest gives "".
std::string DidYouMean(std::string_view nearest);

// `text` for an error message: in quotes, what a terminal obeys shown as \xHH, cut at kPrintedFieldBytesMax
// bytes.
std::string Quoted(std::string_view text, char quote = '\'');

}  // namespace stockade
