// What a tail does with a glob: names that go, and more files than it may follow.
#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/live/log_files.h"
#include "adapters/live/tail_source.h"

namespace stockade {

void TailSource::LetGo(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  for (const auto& file : files_) {
    if (!file->is_current || std::binary_search(paths.begin(), paths.end(), file->path)) continue;
    file->is_current = false;
    file->last_news = absl::Now();
  }
  for (const uint64_t id : aside_.EndWaiting(paths)) DropPosition(id);
}

FollowedFile* TailSource::FindIdle() const {
  FollowedFile* idlest = nullptr;
  int64_t written_ns = 0;
  for (const auto& file : files_) {
    if (!file->is_current || !file->is_read) continue;
    const int64_t changed_ns = ChangedNs(file->get());
    if (idlest != nullptr && changed_ns >= written_ns) continue;
    idlest = file.get();
    written_ns = changed_ns;
  }
  return idlest;
}

void TailSource::LetWait(const FollowedFile* file) {
  if (file == nullptr) return;
  aside_.Add(
      file->device(), file->inode(),
      {FileAside::Why::kWaiting, file->begin(), file->offset(), file->path, file->id, file->seen_to(), 0});
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].get() != file) continue;
    Close(i);
    return;
  }
}

void TailSource::WaitAt(int file, const struct stat& about, const std::string& path, uint64_t offset,
                        uint64_t id) {
  const FileBegin begin = ReadFileBegin(file, FileBegin::kBytesMax);
  const uint64_t kept_id = id != 0 ? id : ++last_id_;
  KeepPosition(kept_id, {about.st_dev, about.st_ino, offset, begin, path});
  // What stands behind `offset` now is for later too.
  aside_.Add(about.st_dev, about.st_ino, {FileAside::Why::kWaiting, begin, offset, path, kept_id, offset, 0});
}

}  // namespace stockade
