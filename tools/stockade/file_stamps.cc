#include "tools/stockade/file_stamps.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace stockade {

FileStamps::Stamps FileStamps::Read() const {
  Stamps stamps;
  const auto add = [&stamps](const std::string& file) {
    struct stat about;
    Stamp& stamp = stamps[file];
    if (stat(file.c_str(), &about) != 0) return;  // gone, or never there: a stamp of nothing
    stamp = {about.st_ino, about.st_size,
             int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec};
  };
  for (const std::string& path : paths_) {
    std::error_code failed;
    if (!std::filesystem::is_directory(path, failed)) {
      add(path);
      continue;
    }
    for (std::filesystem::directory_iterator at(path, failed), end; !failed && at != end;
         at.increment(failed))
      add(at->path().string());
  }
  return stamps;
}

}  // namespace stockade
