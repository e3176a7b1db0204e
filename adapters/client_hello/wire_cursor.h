// Reads numbers and runs of bytes off the front of a message, never past its end: the first read that would is false, and so
// are all after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stockade {

class WireCursor {
 public:
  explicit WireCursor(std::string_view bytes) : left_(bytes) {}

  std::string_view left() const noexcept { return left_; }
  bool empty() const noexcept { return left_.empty(); }
  bool failed() const noexcept { return failed_; }

  bool Take(size_t count, std::string_view* bytes) noexcept {
    if (failed_ || left_.size() < count) {
      failed_ = true;
      return false;
    }
    *bytes = left_.substr(0, count);
    left_.remove_prefix(count);
    return true;
  }
  // Big-endian, of `width` bytes, at most 8.
  bool TakeNumber(size_t width, uint64_t* number) noexcept {
    std::string_view bytes;
    if (!Take(width, &bytes)) return false;
    *number = 0;
    for (const char byte : bytes) *number = *number << 8 | static_cast<uint8_t>(byte);
    return true;
  }
  // A vector as TLS writes it: its length in `width` bytes, then itself.
  bool TakeVector(size_t width, std::string_view* bytes) noexcept {
    uint64_t size = 0;
    return TakeNumber(width, &size) && Take(size, bytes);
  }

 private:
  std::string_view left_;
  bool failed_ = false;
};

}  // namespace stockade
