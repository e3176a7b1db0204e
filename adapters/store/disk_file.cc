#include "adapters/store/disk_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "adapters/owned_file.h"
#include "engine/text.h"

namespace stockade {

absl::Status DiskError(std::string_view path, std::string_view what, int error) {
  const std::string text = Concat(path, ": ", what, ": ", std::string_view(std::strerror(error)));
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(
          Concat(text, ". The file, its folder and their disk must be writable"));
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(Concat(text, ". Free space on its disk"));
    case ENOENT:
    case ENOTDIR:
      return absl::FailedPreconditionError(Concat(text, ". Its folder must be there"));
    default:
      return absl::UnavailableError(text);
  }
}

absl::Status SyncPath(const std::string& path, int flags) {
  const OwnedFile file(open(path.c_str(), flags | O_CLOEXEC));
  if (file.get() < 0 || fsync(file.get()) != 0) return DiskError(path, "cannot be written to disk", errno);
  return absl::OkStatus();
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::StatusOr<int> LockFile(const std::string& path, std::string_view what) {
  const std::string name = path + ".lock";
  OwnedFile lock(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) return DiskError(name, "cannot be locked", errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return DiskError(name, "cannot be locked", errno);
    std::array<char, 24> digits{};
    const ssize_t size = pread(lock.get(), digits.data(), digits.size() - 1, 0);
    const std::string_view holder(digits.data(), size > 0 ? static_cast<size_t>(size) : 0);
    return absl::FailedPreconditionError(Concat(path, ": another Stockade",
                                                holder.empty() ? "" : ", process ", holder, ", writes this ",
                                                what, ". Stop that one, or name another file"));
  }
  // For the message above, to whoever comes second. Not needed for the lock, so a full disk is no error here.
  std::array<char, 24> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), getpid()).ptr;
  if (ftruncate(lock.get(), 0) == 0)
    static_cast<void>(!pwrite(lock.get(), digits.data(), static_cast<size_t>(end - digits.data()), 0));
  return lock.Release();
}

}  // namespace stockade
