#include "adapters/live/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "adapters/owned_file.h"
#include "engine/text.h"

namespace stockade {

absl::Status WriteWhole(const std::string& file, std::string_view text, bool sync) {
  const std::string fresh = file + ".new";
  OwnedFile out(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (out.get() < 0) return absl::ErrnoToStatus(errno, Concat(fresh, ": cannot be written"));
  while (!text.empty()) {
    const ssize_t size = write(out.get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return absl::ErrnoToStatus(errno, Concat(fresh, ": cannot be written"));
    text.remove_prefix(static_cast<size_t>(size));
  }
  if (sync && fdatasync(out.get()) != 0)
    return absl::ErrnoToStatus(errno, Concat(fresh, ": cannot be written"));
  if (rename(fresh.c_str(), file.c_str()) != 0)
    return absl::ErrnoToStatus(errno, Concat(file, ": cannot be replaced"));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ReadWhole(const std::string& file, size_t bytes_max) {
  const OwnedFile in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return absl::ErrnoToStatus(errno, Concat(file, ": cannot be read"));
  }
  std::string text(bytes_max, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(in.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, Concat(file, ": cannot be read"));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace stockade
