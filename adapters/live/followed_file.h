// One log file that a tail follows: whole lines from an offset on, whatever happens to its name. What happens to its
// content, that it was cut and begun anew, is told from its size and its first bytes.
//
// Not thread-safe: the tail's thread owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/live/tail_position.h"
#include "adapters/owned_file.h"
#include "adapters/source/live_reader.h"

namespace stockade {

class FollowedFile {
 public:
  static constexpr size_t kChunkBytes = size_t{64} << 10;

  // `file` is open for reading, and its own from now on.
  FollowedFile(int file, uint64_t device, uint64_t inode, std::string path, uint64_t offset);

  // Whether what was read up to offset() is not there any more.
  bool WasCut() const;
  // After that: from the begin again. Gives whether bytes that were seen there were not read.
  bool BeginAnew();

  enum class Got : uint8_t {
    kLines,    // *lines holds whole lines, the last with its end; behind() is where they end
    kTooLong,  // a line longer than kLineBytesMax; it is skipped to its end, of which nothing more is said
    kSkipped,  // of such a line, or of a hole
    kNothing,  // no whole line for now
  };
  // The next lines at offset(), which stays where it is until Advance.
  Got Next(std::string* lines);
  // The rest that has no end, of a file that nobody writes any more: as kLines, with an end.
  Got Last(std::string* lines);
  void Advance();

  uint64_t offset() const noexcept { return offset_; }
  uint64_t behind() const noexcept { return behind_; }
  // Where the bytes end that the last Next saw, in kNothing: of half a line behind offset().
  uint64_t seen_to() const noexcept { return offset_ + text_.size(); }
  uint64_t device() const noexcept { return device_; }
  uint64_t inode() const noexcept { return inode_; }
  const FileBegin& begin() const noexcept { return begin_; }
  int get() const noexcept { return file_.get(); }

  std::string path;        // where it was found last
  bool is_current = true;  // it is what stands at `path`; else it was renamed, replaced or deleted
  bool is_fresh = false;   // found by a glob, and nothing of it was read yet: it may be a copy
  bool is_copy = false;    // it is
  bool is_read = false;    // to its end, when that was looked for last
  absl::Time last_news;    // when it last gave lines, or was replaced
  std::unique_ptr<LiveReader> reader;  // of its lines
  int watch = -1;                      // of inotify
  uint64_t id = 0;

 private:
  uint64_t Size() const;
  // A log that was begun over, once cut, by a program that writes on at its old place begins with a hole.
  bool SkipHole(std::string_view text);

  OwnedFile file_;
  const uint64_t device_;
  const uint64_t inode_;
  uint64_t offset_;
  uint64_t behind_;
  uint64_t seen_bytes_ = 0;  // the largest size it was seen with
  FileBegin begin_;
  bool skipping_ = false;  // inside a line too long
  std::string text_;
};

}  // namespace stockade
