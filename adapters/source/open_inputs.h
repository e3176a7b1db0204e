// Opens what a user named: files, archives, standard input; detects their formats; merges them into one
// stream.
//
// Several inputs are merged in order of time: always the input whose next readable record is earliest, of
// equal ones the one named first. An input is never reordered in itself, and unreadable records travel with
// the next readable one of their input (those at its end, or after kLookaheadRecords without a readable one,
// at once). Positions count lines over all inputs in the order in which they are delivered. A log cut into
// consecutive files between two lines therefore gives the same records at the same positions as the log in
// one file; of CSV only the first part need have the header. It does not hold, because every input is read by
// itself, where
// - times go back at a cut, or parts overlap in time: parts are merged by time, one file is not;
// - dates have no year, unless every part was last changed soon after its last line, or the parts lie in one
//   year and `year` is given: it is the year of the first date of each;
// - a cut parts lines of one sshd connection, which may then be counted once more, or logins of one user and
//   address by HTTP Basic (access_log.h);
// - a cut lies inside a CSV row of several lines, or a part is too short or damaged to tell its format by.
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
