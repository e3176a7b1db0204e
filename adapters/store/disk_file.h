// What all files that Stockade keeps its own state in have in common: one writer, errors that say what to do, bytes that are on the
// disk when it says so.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stockade {

// An errno as a status with what to do: PermissionDenied, ResourceExhausted, FailedPrecondition, else Unavailable.
absl::Status DiskError(std::string_view path, std::string_view what, int error);

// Locks PATH.lock, made where it is not there, and returns its descriptor: closing it, or dying, lets go. `what` the file is, for the
// error: FailedPrecondition where another process has it.
absl::StatusOr<int> LockFile(const std::string& path, std::string_view what);

// Puts a file, or a folder's names, on the disk. `flags`: to open it with.
absl::Status SyncPath(const std::string& path, int flags);

// Where it lies: "." where the path names none.
std::string FolderOf(const std::string& path);

}  // namespace stockade
