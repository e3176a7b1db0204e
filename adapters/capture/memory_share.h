// What all conversations of a capture may keep together: heads that came in pieces, bodies of logins, bytes that wait for
// their turn. Each takes before it keeps and gives back when it lets go; who gets nothing gives up what it follows, and a
// flood of connections that never end a head costs its own connections and no more memory.
//
// One capture's; not thread-safe.
#pragma once

#include <cstddef>

#include "engine/status.h"

namespace stockade {

class MemoryShare {
 public:
  explicit MemoryShare(size_t bytes_max) : bytes_max_(bytes_max) {}

  [[nodiscard]] bool Take(size_t bytes) noexcept {
    if (bytes > bytes_max_ - taken_) return false;
    taken_ += bytes;
    return true;
  }
  void Give(size_t bytes) noexcept {
    STOCKADE_CHECK(bytes <= taken_);
    taken_ -= bytes;
  }
  size_t taken() const noexcept { return taken_; }

 private:
  const size_t bytes_max_;
  size_t taken_ = 0;
};

}  // namespace stockade
