// Bytes on their way from one socket to another: filled at the end, drained at the front. Memory comes with the first
// byte, grows to what a reader asks for, and is given back when there is nothing to hold: a connection that waits costs
// none. One thread at a time; a view lives until the next Room, Append or Release.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace stockade {

class WireBuffer {
 public:
  // A first read of a request: most heads fit, and small allocations are the allocator's fast ones.
  static constexpr size_t kFirstBytes = size_t{4} << 10;
  // A read of a body: more saves few system calls, and costs memory for every slow client.
  static constexpr size_t kBodyBytes = size_t{64} << 10;

  std::string_view view() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }
  size_t capacity() const noexcept { return capacity_; }

  void Consume(size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Room for at least `at_least` more bytes; what is held may move. Commit what was written into it.
  std::span<char> Room(size_t at_least) {
    if (capacity_ - end_ < at_least) {
      const size_t held = size();
      if (capacity_ >= held + at_least) {
        std::memmove(bytes_.get(), bytes_.get() + begin_, held);
      } else {
        const size_t capacity = std::max(std::max(kFirstBytes, capacity_ * 2), held + at_least);
        auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
        if (held > 0) std::memcpy(bytes.get(), bytes_.get() + begin_, held);
        bytes_ = std::move(bytes);
        capacity_ = capacity;
      }
      begin_ = 0;
      end_ = held;
    }
    return {bytes_.get() + end_, capacity_ - end_};
  }
  void Commit(size_t count) noexcept {
    end_ += count;
    was_filled_ = end_ == capacity_;
  }
  // Room for a read of a stream: small at first, larger as long as reads fill it, so that memory goes where bytes come.
  std::span<char> ReadRoom() {
    if (!empty()) return Room(kFirstBytes / 4);
    return Room(was_filled_ ? std::min(capacity_ * 4, kBodyBytes) : std::max(capacity_, kFirstBytes));
  }

  void Append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(Room(text.size()).data(), text.data(), text.size());
    end_ += text.size();
  }

  // Gives the memory back if nothing is held.
  void ReleaseIfEmpty() noexcept {
    if (!empty()) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
    was_filled_ = false;
  }
  void Clear() noexcept { begin_ = end_ = 0; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  bool was_filled_ = false;
};

}  // namespace stockade
