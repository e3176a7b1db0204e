// An input that can be read once, standard input or a pipe, as a file that can be read again.
//
// The copy has no name that others see, is readable to nobody else, and is gone with its owner, however that ends. It lies in
// $TMPDIR, or /tmp, and is as large as the input.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stockade {

class InputCopy {
 public:
  // Whether an input has to be copied: "-", or what is no file and no folder.
  static bool Needs(const std::string& input);
  // Reads the input to its end. Errors: that it cannot be read, or the copy not be written, with the folder; kCancelled: interrupted.
  static absl::StatusOr<InputCopy> Of(const std::string& input);

  InputCopy(InputCopy&& other) noexcept;
  InputCopy& operator=(InputCopy&&) = delete;
  ~InputCopy();

  // Opens it anew, at its begin. Lives as long as this.
  const std::string& path() const noexcept { return path_; }

 private:
  explicit InputCopy(int descriptor);

  int descriptor_;
  std::string path_;
};

}  // namespace stockade
