// A text whose every byte is overwritten before its memory goes back: for what may hold a password, such as a request that
// is kept in whole or in part.
//
// Growing leaves no copy behind. It always lies outside of the object, so that moving and swapping leave none either.
// A plain value; any thread, each its own.
#pragma once

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace stockade {

class SecretText {
 public:
  // Above what a string holds inside itself.
  static constexpr size_t kBytesMin = 32;

  SecretText() = default;
  explicit SecretText(std::string_view text) { Append(text); }
  ~SecretText() { Wipe(); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText(SecretText&& other) noexcept { Swap(other); }
  SecretText& operator=(SecretText&& other) noexcept {
    Swap(other);
    other.Clear();
    return *this;
  }

  // Wipes, and makes room for `bytes_max` bytes.
  void Reset(size_t bytes_max) {
    Wipe();
    text_.reserve(std::max(bytes_max, kBytesMin));
  }
  // Wipes, and gives its memory back.
  void Clear() noexcept {
    Wipe();
    std::string().swap(text_);
  }
  // Makes room for so many bytes in all.
  void Reserve(size_t bytes) {
    if (bytes <= text_.capacity() && text_.capacity() >= kBytesMin) return;
    SecretText grown;
    grown.text_.reserve(std::max(bytes, kBytesMin));
    grown.text_.append(text_);
    Swap(grown);
  }
  void Append(char c) { Append(std::string_view(&c, 1)); }
  void Append(std::string_view piece) {
    const size_t size = text_.size() + piece.size();
    if (size > text_.capacity() || text_.capacity() < kBytesMin)
      Reserve(std::max(size, 2 * text_.capacity()));
    text_.append(piece);
  }
  void Swap(SecretText& other) noexcept { text_.swap(other.text_); }
  std::string_view view() const noexcept { return text_; }
  size_t size() const noexcept { return text_.size(); }
  size_t capacity() const noexcept { return text_.capacity(); }
  bool empty() const noexcept { return text_.empty(); }

 private:
  void Wipe() noexcept {
    text_.resize(text_.capacity());
    explicit_bzero(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

}  // namespace stockade
