// A text as a stream of bytes, as a file would give it.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "adapters/source/byte_reader.h"

namespace stockade::test {

class TextBytes final : public ByteStream {
 public:
  // Gives at most `at_once` bytes a call.
  explicit TextBytes(std::string text, size_t at_once = SIZE_MAX)
      : text_(std::move(text)), at_once_(at_once) {}
  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    const size_t size = std::min({room, text_.size() - used_, at_once_});
    text_.copy(out, size, used_);
    used_ += size;
    return size;
  }

 private:
  std::string text_;
  size_t at_once_;
  size_t used_ = 0;
};

}  // namespace stockade::test
