#include "adapters/firewall/file_replacement.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status WriteNew(const std::string& file, std::string_view content) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return FileError(file, "cannot be made");
  absl::Status written = WriteAllTo(fd, content, file);
  if (written.ok() && fsync(fd) != 0) written = FileError(file, "cannot be synced");
  if (close(fd) != 0 && written.ok()) written = FileError(file, "cannot be closed");
  return written;
}

}  // namespace

absl::Status FileError(const std::string& file, std::string_view what) {
  return absl::ErrnoToStatus(errno, ToAbsl(Concat(file, ": ", what)));
}

absl::Status WriteAllTo(int fd, std::string_view content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t size = write(fd, content.data(), content.size());
    if (size < 0 && errno != EINTR) return FileError(name, "cannot be written");
    if (size > 0) content.remove_prefix(static_cast<size_t>(size));
  }
  return absl::OkStatus();
}

absl::Status ReplaceFile(const std::string& file, std::string_view content) {
  const std::string beside = file + ".new";
  unlink(beside.c_str());  // what a crash left
  if (absl::Status written = WriteNew(beside, content); !written.ok()) {
    unlink(beside.c_str());
    return written;
  }
  if (rename(beside.c_str(), file.c_str()) != 0) return FileError(file, "cannot be replaced");
  const size_t slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FileError(folder, "cannot be opened");
  const bool synced = fsync(fd) == 0;
  const absl::Status result = synced ? absl::OkStatus() : FileError(folder, "cannot be synced");
  close(fd);
  return result;
}

}  // namespace stockade
