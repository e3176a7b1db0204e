// What stands in a folder of logs: which names are logs, which are rotated ones, and what is in them to begin at.
//
// No state; any thread. Each call costs a few system calls.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stockade {

// Ends as what rotation packs: .gz, .zst, .bz2, .xz.
bool IsCompressed(std::string_view name);

// What rotation puts behind a name: ".1", "-20261127", ".2026-11-27_08".
bool IsRotationMark(std::string_view behind);

// Of a path or a pattern; "." where it names none.
std::string LogFolderOf(const std::string& path);

// What stands at a path, opened; -1 with errno where it cannot be, or is no file.
int OpenLog(const std::string& path, struct stat* about);

// When it was written last, in nanoseconds since 1970; of an open file 0 where that cannot be known.
int64_t ChangedNs(const struct stat& about);
int64_t ChangedNs(int file);

// Where the last whole line of an open file ends, for a start in the middle of one would read its rest as a line.
uint64_t LastLineEnd(int file, uint64_t size);

// The `count` that were written last before the others, and both as they stood.
void PutNewestFirst(size_t count, std::vector<std::string>* paths);

}  // namespace stockade
