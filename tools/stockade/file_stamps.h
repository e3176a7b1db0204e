// Whether files have been written or replaced since they were last looked at, by what the file system says of them.
// A folder stands for the files in it. Files written by renaming (mv new.crl bank.crl) are seen whole; one that is read
// half written is seen again at its next change. One thread; one stat a file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace stockade {

class FileStamps {
 public:
  // Looks at once.
  explicit FileStamps(std::vector<std::string> paths) : paths_(std::move(paths)), stamps_(Read()) {}

  // Since the last look, or the start; looks anew.
  bool HaveChanged() {
    Stamps stamps = Read();
    stamps.swap(stamps_);
    return stamps != stamps_;
  }

 private:
  struct Stamp {
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::map<std::string, Stamp>;

  Stamps Read() const;

  const std::vector<std::string> paths_;
  Stamps stamps_;
};

}  // namespace stockade
