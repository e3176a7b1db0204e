// Opens what a user named: files, archives, standard input; detects their formats; merges them into one
// stream.
//
// Several inputs are merged in order of time: always the input whose next readable record is earliest, of
// equal ones the one named first. An input is never reordered in itself, and unreadable records travel with
// the next readable one of their input (those at its end, or after kLookaheadRecords without a readable one,
// at once). Positions count lines over all inputs in the order in which they are delivered, so a log cut into
// consecutive files gives the same records at the same positions as the log in one file; of CSV only the
// first part need have the header.
//
// An input costs its batch buffers, about 1 MiB, and a file descriptor until its end.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/source/options.h"
#include "adapters/source/source.h"

namespace stockade {

// What was opened, for people: which format was chosen for an input, and why.
struct InputDescription {
  std::string name;    // as given; "-" is standard input
  std::string format;  // of registry.h
  std::string why;  // one sentence: "the first 12 lines are JSON objects with @timestamp", or "as asked for"
};

struct OpenedInputs {
  std::unique_ptr<Source> source;
  std::vector<InputDescription> inputs;  // index = Record::input
};

// Opens all inputs or none. Errors: invalid options; a file that cannot be opened; a format that cannot be
// told, with the list of formats; standard input named twice. An empty input is fine and gives no records.
absl::StatusOr<OpenedInputs> OpenInputs(std::span<const std::string> inputs, const SourceOptions& options);

// The same over one text in memory, for tests and inline events: the text is copied. `name` stands in errors.
absl::StatusOr<OpenedInputs> OpenText(std::string_view text, std::string_view name,
                                      const SourceOptions& options);

}  // namespace stockade
