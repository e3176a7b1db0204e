#include "adapters/live/log_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <utility>

namespace stockade {

bool IsCompressed(std::string_view name) {
  constexpr std::array<std::string_view, 4> kEnds = {".gz", ".zst", ".bz2", ".xz"};
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return name.ends_with(end); });
}

bool IsRotationMark(std::string_view behind) {
  return behind.size() >= 2 && (behind[0] == '.' || behind[0] == '-') &&
         behind.find_first_not_of("0123456789.-_") == std::string_view::npos;
}

std::string LogFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

int OpenLog(const std::string& path, struct stat* about) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return -1;
  if (fstat(file, about) == 0 && S_ISREG(about->st_mode)) return file;
  close(file);
  errno = EINVAL;
  return -1;
}

int64_t ChangedNs(const struct stat& about) {
  return int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
}

int64_t ChangedNs(int file) {
  struct stat about {};
  return fstat(file, &about) == 0 ? ChangedNs(about) : 0;
}

uint64_t LastLineEnd(int file, uint64_t size) {
  char text[4096];
  const uint64_t from = size - std::min<uint64_t>(size, sizeof text);
  const ssize_t got = pread(file, text, sizeof text, static_cast<off_t>(from));
  for (ssize_t i = got; i > 0; --i)
    if (text[i - 1] == '\n') return from + static_cast<uint64_t>(i);
  return size;
}

void PutNewestFirst(size_t count, std::vector<std::string>* paths) {
  if (paths->size() <= count) return;
  std::map<std::string_view, int64_t> changed_ns;
  std::vector<int64_t> times;
  for (const std::string& path : *paths) {
    struct stat about {};
    times.push_back(stat(path.c_str(), &about) == 0 ? ChangedNs(about) : 0);
    changed_ns[path] = times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(count) - 1, times.end(),
                   std::greater<>());
  const int64_t since_ns = times[count - 1];
  std::vector<std::string> sorted;
  for (const bool is_new : {true, false})
    for (const std::string& path : *paths)
      if ((changed_ns[path] >= since_ns) == is_new) sorted.push_back(path);
  *paths = std::move(sorted);
}

}  // namespace stockade
