#include "adapters/live/followed_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/limits.h"

namespace stockade {

FollowedFile::FollowedFile(int file, uint64_t device, uint64_t inode, std::string found_at, uint64_t offset)
    : path(std::move(found_at)),
      last_news(absl::InfinitePast()),
      file_(file),
      device_(device),
      inode_(inode),
      offset_(offset),
      behind_(offset) {
  begin_ = ReadFileBegin(file_.get(), FileBegin::kBytesMax);
  seen_bytes_ = Size();
}

uint64_t FollowedFile::Size() const {
  struct stat about {};
  return fstat(file_.get(), &about) == 0 ? static_cast<uint64_t>(about.st_size) : 0;
}

bool FollowedFile::WasCut() const {
  return Size() < std::max<uint64_t>(offset_, begin_.bytes) || !BeginsWith(file_.get(), begin_);
}

bool FollowedFile::BeginAnew() {
  const bool missed = seen_bytes_ > offset_;
  offset_ = behind_ = 0;
  seen_bytes_ = 0;
  skipping_ = false;
  begin_ = ReadFileBegin(file_.get(), FileBegin::kBytesMax);
  return missed;
}

bool FollowedFile::SkipHole(std::string_view text) {
  if (text.empty() || text.front() != '\0') return false;
  const size_t end = text.find_first_not_of('\0');
  behind_ = offset_ + (end == std::string_view::npos ? text.size() : end);
  return true;
}

FollowedFile::Got FollowedFile::Next(std::string* lines) {
  seen_bytes_ = std::max(seen_bytes_, Size());
  if (begin_.bytes < FileBegin::kBytesMax && seen_bytes_ > begin_.bytes)
    begin_ = ReadFileBegin(file_.get(), FileBegin::kBytesMax);
  text_.clear();
  size_t searched = 0;
  while (true) {
    const size_t had = text_.size();
    text_.resize(had + kChunkBytes);
    ssize_t got = 0;
    do {
      got = pread(file_.get(), text_.data() + had, kChunkBytes, static_cast<off_t>(offset_ + had));
    } while (got < 0 && errno == EINTR);
    text_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (had == 0 && SkipHole(text_)) return Got::kSkipped;
    if (skipping_ && !text_.empty()) {
      const size_t end = text_.find('\n');
      skipping_ = end == std::string::npos;
      behind_ = offset_ + (skipping_ ? text_.size() : end + 1);
      return Got::kSkipped;
    }
    const size_t last = std::string_view(text_).substr(searched).rfind('\n');
    if (last != std::string_view::npos) {
      const size_t size = searched + last + 1;
      lines->assign(text_, 0, size);
      behind_ = offset_ + size;
      return Got::kLines;
    }
    if (text_.size() > kLineBytesMax + 1) {
      skipping_ = true;
      behind_ = offset_ + text_.size();
      return Got::kTooLong;
    }
    if (text_.size() - had < kChunkBytes) return Got::kNothing;
    searched = text_.size();
  }
}

FollowedFile::Got FollowedFile::Last(std::string* lines) {
  const Got got = Next(lines);
  if (got != Got::kNothing || text_.empty()) return got;
  lines->assign(text_).push_back('\n');
  behind_ = offset_ + text_.size();
  return Got::kLines;
}

void FollowedFile::Advance() {
  offset_ = behind_;
}

}  // namespace stockade
