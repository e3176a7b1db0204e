// A format file, read: what it says of lines of text (text_pattern.h describes it for whoever writes one).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/source/options.h"
#include "engine/event/field.h"
#include "engine/event/outcome.h"
#include "re2/re2.h"

namespace stockade {

// A named group: where it stands among what all expressions of its pattern capture.
struct TextGroup {
  size_t place = 0;
  FieldId field;
};

struct TextPattern {
  std::vector<std::unique_ptr<re2::RE2>> match;  // a line is of the pattern if it fits them all
  std::vector<TextGroup> groups;
  std::optional<Outcome> outcome;
  std::optional<std::string> time;  // instead of the file's
  bool ignore = false;
  std::vector<std::pair<FieldId, std::string>> set;
};

// How many texts an expression captures, the whole match included.
inline size_t Captures(const re2::RE2& expression) {
  return static_cast<size_t>(expression.NumberOfCapturingGroups()) + 1;
}

struct TextFormat {
  std::string title;
  std::string time = "iso8601";
  bool syslog_head = false;
  std::vector<std::string> programs;
  absl::TimeZone zone;
  std::vector<TextPattern> patterns;
};

// Something in a format file that is probably not meant.
struct FormatDoubt {
  int line = 0;
  int column = 0;
  std::string key;
  std::string what;
};

// Reads SourceOptions::format_file; `doubts`, if not null, gets what is no error: a group that no rule asks for and whose name
// is nearly that of a known field. Errors, each with file:line:column: a file that is no such YAML, an unknown key, field,
// outcome or zone, a pattern RE2 refuses, one without a time.
absl::StatusOr<TextFormat> ReadTextFormat(const SourceOptions& options, std::vector<FormatDoubt>* doubts);

}  // namespace stockade
