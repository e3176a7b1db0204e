// Files of a tail that are there and not followed, by device and inode: so that none is begun again.
//
//   copies      of what is followed: never read
//   over        rotated or gone, and read to their end: read on from there if they come back
//   waiting     for a descriptor, of a glob that finds more files than may be followed: read on once they are written
//
// Inodes are used again: each keeps how it begins. Not thread-safe: the tail's thread owns it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapters/live/tail_position.h"

namespace stockade {

struct FileAside {
  enum class Why : uint8_t { kCopy, kOver, kWaiting };
  Why why = Why::kCopy;
  FileBegin begin;
  uint64_t offset = 0;  // of the first byte that was not read
  // Of kWaiting.
  std::string path;
  uint64_t id = 0;     // of its position
  uint64_t size = 0;   // when it was looked at last; it waits for more than that
  uint64_t order = 0;  // FilesAside's
};

class FilesAside {
 public:
  // Of copies and what is over; the oldest goes. Enough for a year of days, as rotation keeps them. Those that wait are as
  // many as the glob finds.
  static constexpr size_t kKeptMax = 512;

  void Add(uint64_t device, uint64_t inode, FileAside file);
  // Null: none. Until the next change.
  FileAside* Find(const struct stat& about);
  // Whether the open file is one of them, and not another under its inode.
  bool Holds(int file, const struct stat& about);
  void Remove(const struct stat& about);
  // Those that wait and are at none of `paths`, which is sorted: are over. Gives their ids.
  std::vector<uint64_t> EndWaiting(const std::vector<std::string>& paths);

 private:
  std::map<std::pair<uint64_t, uint64_t>, FileAside> files_;
  size_t waiting_ = 0;
  uint64_t last_order_ = 0;
};

}  // namespace stockade
