// How far a tail has read, kept in a file so that a restart goes on where the last one was: for each log file its device,
// inode, offset, and the hash of its first bytes, by which it is known again when it was renamed, copied or made anew.
//
//   stockade-tail 1
//   <device> <inode> <offset> <bytes hashed> <hash> <path>
//   end <entries>
//
// Written whole beside its place and renamed over it. Save and Load: any thread, one at a time. Errors name the file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

// The first bytes of a file, hashed. Of none: like every file.
struct FileBegin {
  // Two log files that begin with the same 256 bytes are copies of one: lines have dates.
  static constexpr size_t kBytesMax = 256;
  size_t bytes = 0;
  Hash128 hash;

  friend bool operator==(const FileBegin&, const FileBegin&) = default;
};
// Of the first `bytes` of an open file; fewer where it has fewer.
FileBegin ReadFileBegin(int file, size_t bytes);
// Whether an open file begins so.
bool BeginsWith(int file, const FileBegin& begin);

struct TailPosition {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t offset = 0;  // of the first byte that was not read
  FileBegin begin;
  std::string path;  // where it was found
};

// `sync`: also over a loss of power, for some milliseconds of the disk.
absl::Status SavePositions(const std::string& file, const std::vector<TailPosition>& positions, bool sync);
// Nothing where there is no such file, or an empty one. Errors: one that cannot be read, or that is none of these.
absl::StatusOr<std::vector<TailPosition>> LoadPositions(const std::string& file);

}  // namespace stockade
