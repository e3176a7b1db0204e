// What a tail does about files that are not where they were: rotated, while it looked or since the last run, copied and cut.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "adapters/live/log_files.h"
#include "adapters/live/tail_source.h"
#include "engine/text.h"

namespace stockade {

void TailSource::ResumeOthers() {
  const std::vector<TailPosition> others = std::exchange(resumed_, {});
  for (const TailPosition& position : others) ResumeRotated(position, others);
}

void TailSource::ResumeRotated(const TailPosition& position, const std::vector<TailPosition>& others) {
  std::string found;
  OwnedFile file(FindCopy(position, &found));
  if (file.get() < 0) {
    if (position.begin.bytes == 0) return;  // it was empty
    Say(Concat(position.path, ": what was read last, to byte ", position.offset,
               ", is not there any more; what was written behind that, if anything was, is lost"));
    const std::lock_guard lock(mutex_);
    ++counters_.lost;
    return;
  }
  const int64_t changed_ns = ChangedNs(file.get());
  // Before whatever replaced it.
  size_t at = 0;
  const auto follow_at = [&](int descriptor, uint64_t offset) {
    if (Follow(descriptor, position.path, offset, /*is_current=*/false) == nullptr) return;
    std::rotate(files_.begin() + static_cast<ptrdiff_t>(at), files_.end() - 1, files_.end());
    ++at;
  };
  follow_at(file.Release(), position.offset);
  for (const std::string& path : FindBetween(position.path, changed_ns, others)) {
    struct stat one {};
    if (const int descriptor = OpenLog(path, &one); descriptor >= 0) follow_at(descriptor, 0);
  }
}

std::vector<std::string> TailSource::FindBetween(const std::string& path, int64_t after_ns,
                                                 const std::vector<TailPosition>& others) {
  std::vector<std::pair<int64_t, std::string>> between;
  const std::string base = std::filesystem::path(path).filename().string();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(LogFolderOf(path), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(base) || !IsRotationMark(std::string_view(name).substr(base.size()))) continue;
    struct stat about {};
    const OwnedFile file(OpenLog(entry.path().string(), &about));
    if (file.get() < 0) continue;
    const int64_t changed_ns = ChangedNs(file.get());
    const bool is_known = FindFollowed(about) != nullptr || aside_.Holds(file.get(), about) ||
                          std::any_of(others.begin(), others.end(), [&](const TailPosition& one) {
                            return one.begin.bytes != 0 && BeginsWith(file.get(), one.begin);
                          });
    if (changed_ns >= after_ns && !is_known) between.emplace_back(changed_ns, entry.path().string());
  }
  std::sort(between.begin(), between.end());
  std::vector<std::string> paths;
  for (auto& [changed_ns, found] : between) paths.push_back(std::move(found));
  return paths;
}

int TailSource::FindCopy(const TailPosition& position, std::string* found) {
  const std::string base = std::filesystem::path(position.path).filename().string();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(LogFolderOf(position.path), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(base) || IsCompressed(name)) continue;
    struct stat about {};
    OwnedFile file(OpenLog(entry.path().string(), &about));
    if (file.get() < 0 || FindFollowed(about) != nullptr ||
        static_cast<uint64_t>(about.st_size) < position.offset)
      continue;
    const bool is_it = position.begin.bytes != 0
                           ? BeginsWith(file.get(), position.begin)
                           : about.st_dev == position.device && about.st_ino == position.inode;
    if (!is_it) continue;
    *found = entry.path().string();
    return file.Release();
  }
  return -1;
}

bool TailSource::IsCopy(const FollowedFile& file) const {
  return std::any_of(files_.begin(), files_.end(), [&](const auto& other) {
    return !other->is_fresh && other->begin().bytes == FileBegin::kBytesMax &&
           BeginsWith(file.get(), other->begin());
  });
}

void TailSource::HandleCut(FollowedFile* file) {
  const FileBegin begin = file->begin();
  const uint64_t offset = file->offset();
  // The copy may be followed already, as one more that a glob found, and not be read yet.
  const bool is_known = begin.bytes == FileBegin::kBytesMax;
  for (size_t i = files_.size(); is_known && i-- > 0;)
    if (files_[i]->is_fresh && files_[i].get() != file && BeginsWith(files_[i]->get(), begin)) Forget(i);
  std::string found;
  OwnedFile copy(begin.bytes == 0 ? -1 : FindCopy({0, 0, offset, begin, file->path}, &found));
  const bool missed = file->BeginAnew();
  if (copy.get() >= 0) {
    struct stat about {};
    if (is_known && fstat(copy.get(), &about) == 0)
      aside_.Add(about.st_dev, about.st_ino, {FileAside::Why::kCopy, begin, offset, {}, 0, 0, 0});
    const size_t index = static_cast<size_t>(
        std::find_if(files_.begin(), files_.end(), [&](const auto& one) { return one.get() == file; }) -
        files_.begin());
    if (Follow(copy.Release(), file->path, offset, /*is_current=*/false) != nullptr)
      std::rotate(files_.begin() + static_cast<ptrdiff_t>(index), files_.end() - 1, files_.end());
  } else if (missed) {
    Say(Concat(file->path, ": was cut before all of it was read; what stood behind byte ", offset,
               " is lost"));
    const std::lock_guard lock(mutex_);
    ++counters_.lost;
  }
  told_->Update([&](Positions* positions) {
    (*positions)[file->id] = {file->device(), file->inode(), 0, file->begin(), file->path};
    return true;
  });
}

}  // namespace stockade
