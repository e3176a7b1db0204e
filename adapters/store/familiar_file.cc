#include "adapters/store/familiar_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "adapters/store/disk_file.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status CheckMode(const std::string& path, const struct stat& file) {
  if (S_ISLNK(file.st_mode))
    return absl::FailedPreconditionError(
        Concat(path, ": is a link, and what it leads to may be changed by others. Name the file itself"));
  if (!S_ISREG(file.st_mode))
    return absl::FailedPreconditionError(Concat(path, ": is no file. Name one for the snapshot"));
  if (file.st_uid != geteuid() && file.st_uid != 0)
    return absl::FailedPreconditionError(
        Concat(path, ": belongs to another user (id ", file.st_uid,
               "), who may write it. Give it to the user of this process: chown"));
  if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return absl::FailedPreconditionError(Concat(
        path, ": others may write it, and it says who is let in. Make sure of it, then: chmod 0600 ", path));
  return absl::OkStatus();
}

absl::Status CheckFolder(const std::string& path) {
  const std::string folder = FolderOf(path);
  struct stat found;
  if (stat(folder.c_str(), &found) != 0) return DiskError(folder, "cannot be looked at", errno);
  if ((found.st_mode & S_IWOTH) == 0 || (found.st_mode & S_ISVTX) != 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat(folder, ": everybody may put files there. Name another folder for the snapshot, or: chmod o-w ",
             folder));
}

absl::Status WriteAll(int file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return DiskError(path, "cannot be written", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FamiliarFile>> FamiliarFile::Open(const std::string& path) {
  if (path.empty() || path.ends_with("/"))
    return absl::InvalidArgumentError(Concat("\"", path, "\" is no name of a file for a snapshot"));
  RETURN_IF_ERROR(CheckFolder(path));
  ASSIGN_OR_RETURN(const int lock, LockFile(path, "snapshot"));
  return std::unique_ptr<FamiliarFile>(new FamiliarFile(path, lock));
}

absl::StatusOr<uint64_t> FamiliarFile::Save(const std::function<bool(std::string*)>& step) {
  RETURN_IF_ERROR(CheckFolder(path_));
  const std::string fresh = path_ + ".new";
  unlink(fresh.c_str());  // of one that was killed; nobody else writes here
  const auto fill = [&]() -> absl::StatusOr<uint64_t> {
    const OwnedFile file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return DiskError(fresh, "cannot be created", errno);
    constexpr size_t kWriteBytes = size_t{1} << 20;
    uint64_t written = 0;
    std::string bytes;
    for (bool more = true; more;) {
      more = step(&bytes);
      if (more && bytes.size() < kWriteBytes) continue;
      RETURN_IF_ERROR(WriteAll(file.get(), fresh, bytes));
      written += bytes.size();
      bytes.clear();
    }
    if (fsync(file.get()) != 0) return DiskError(fresh, "cannot be written to disk", errno);
    if (std::rename(fresh.c_str(), path_.c_str()) != 0) return DiskError(path_, "cannot be replaced", errno);
    RETURN_IF_ERROR(SyncPath(FolderOf(path_), O_RDONLY | O_DIRECTORY));
    return written;
  };
  absl::StatusOr<uint64_t> written = fill();
  if (!written.ok()) unlink(fresh.c_str());
  return written;
}

absl::StatusOr<std::string> FamiliarFile::PutAside() {
  // A good one may have been put aside under the wrong key: nothing takes its place.
  for (int number = 0; number < kAsideMax; ++number) {
    std::string aside = number == 0 ? path_ + ".refused" : Concat(path_, ".refused.", number);
    if (link(path_.c_str(), aside.c_str()) == 0) {
      if (unlink(path_.c_str()) != 0) return DiskError(path_, "cannot be removed", errno);
      return aside;
    }
    if (errno != EEXIST) return DiskError(aside, "cannot be made", errno);
  }
  return absl::FailedPreconditionError(
      Concat(path_, ".refused: and ", kAsideMax - 1, " more were put aside before; move them away"));
}

absl::StatusOr<std::string> FamiliarFile::KeepBegun() {
  std::string begun = path_ + ".begun";
  unlink(begun.c_str());
  if (link(path_.c_str(), begun.c_str()) != 0) return DiskError(begun, "cannot be made", errno);
  return begun;
}

absl::StatusOr<std::unique_ptr<FamiliarBytes>> FamiliarBytes::Open(const std::string& path) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return absl::NotFoundError(Concat(path, ": no snapshot is there"));
    return DiskError(path, "cannot be read", errno);
  }
  RETURN_IF_ERROR(CheckFolder(path));
  RETURN_IF_ERROR(CheckMode(path, found));
  // Without waiting, if it has become a pipe since.
  OwnedFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0 || fstat(file.get(), &found) != 0) return DiskError(path, "cannot be read", errno);
  RETURN_IF_ERROR(CheckMode(path, found));
  if (static_cast<uint64_t>(found.st_size) > kBytesMax)
    return absl::FailedPreconditionError(Concat(path, ": has ", found.st_size,
                                                " bytes, and no snapshot has more than ", kBytesMax,
                                                ". Name another file"));
  return std::unique_ptr<FamiliarBytes>(new FamiliarBytes(path, file.Release()));
}

absl::StatusOr<std::string_view> FamiliarBytes::Next() {
  piece_.resize(kPieceBytes);
  ssize_t size = 0;
  do {
    size = read(file_.get(), piece_.data(), piece_.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return DiskError(path_, "cannot be read", errno);
  read_ += static_cast<uint64_t>(size);
  if (read_ > kBytesMax)
    return absl::FailedPreconditionError(Concat(path_, ": grows while it is read. Name another file"));
  return std::string_view(piece_).substr(0, static_cast<size_t>(size));
}

}  // namespace stockade
