#include "adapters/live/files_aside.h"

#include <algorithm>

namespace stockade {
namespace {

bool IsWaiting(const FileAside& file) {
  return file.why == FileAside::Why::kWaiting;
}

}  // namespace

void FilesAside::Add(uint64_t device, uint64_t inode, FileAside file) {
  FileAside& at = files_[{device, inode}];
  waiting_ -= at.order != 0 && IsWaiting(at) ? 1 : 0;
  at = std::move(file);
  at.order = ++last_order_;
  waiting_ += IsWaiting(at) ? 1 : 0;
  while (files_.size() - waiting_ > kKeptMax)
    files_.erase(std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) {
      return std::pair(IsWaiting(a.second), a.second.order) < std::pair(IsWaiting(b.second), b.second.order);
    }));
}

FileAside* FilesAside::Find(const struct stat& about) {
  const auto found = files_.find({about.st_dev, about.st_ino});
  return found == files_.end() ? nullptr : &found->second;
}

bool FilesAside::Holds(int file, const struct stat& about) {
  const FileAside* const aside = Find(about);
  if (aside == nullptr) return false;
  // What was empty is known by its emptiness only.
  return aside->begin.bytes == 0 ? about.st_size == 0 : BeginsWith(file, aside->begin);
}

void FilesAside::Remove(const struct stat& about) {
  const auto found = files_.find({about.st_dev, about.st_ino});
  if (found == files_.end()) return;
  waiting_ -= IsWaiting(found->second) ? 1 : 0;
  files_.erase(found);
}

std::vector<uint64_t> FilesAside::EndWaiting(const std::vector<std::string>& paths) {
  std::vector<uint64_t> ended;
  for (auto& [key, file] : files_) {
    if (!IsWaiting(file) || std::binary_search(paths.begin(), paths.end(), file.path)) continue;
    ended.push_back(file.id);
    file.why = FileAside::Why::kOver;
    --waiting_;
  }
  return ended;
}

}  // namespace stockade
