// How far a journal was read, kept in a file so that a restart goes on there: a cursor, as sd_journal_get_cursor(3) gives it.
//
//   stockade-journal 1
//   <cursor>           empty: all that comes is behind it
//
// Written whole beside its place and renamed over it. Any thread, one at a time. Errors name the file.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stockade {

// `sync`: also over a loss of power, for some milliseconds of the disk.
absl::Status SaveCursor(const std::string& file, const std::string& cursor, bool sync);
// Nothing where there is no such file. Errors: one that cannot be read, or that is none of these; an empty one is none, as a loss
// of power can leave it.
absl::StatusOr<std::optional<std::string>> LoadCursor(const std::string& file);

}  // namespace stockade
