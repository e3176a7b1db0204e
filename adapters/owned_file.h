// A file descriptor that is closed when its owner goes. Moves nowhere; one owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace stockade {

class OwnedFile {
 public:
  // Negative: none.
  explicit OwnedFile(int file = -1) : file_(file) {}
  OwnedFile(const OwnedFile&) = delete;
  OwnedFile& operator=(const OwnedFile&) = delete;
  ~OwnedFile() { Close(); }

  int get() const noexcept { return file_; }
  // Now somebody else's.
  int Release() noexcept { return std::exchange(file_, -1); }
  void Close() noexcept {
    if (file_ >= 0) close(Release());
  }
  void Own(int file) noexcept {
    Close();
    file_ = file;
  }

 private:
  int file_;
};

}  // namespace stockade
