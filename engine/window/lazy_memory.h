// A range of zeroed addresses that costs memory only page by page, as it is first written.
//
// What the keyed table's ceiling is laid out in: reserved whole at the start, so that growing never moves,
// copies or fails, and resident memory still follows use. Asks the kernel for huge pages where it grants
// them: at ten million keys the misses of the address translation cost more than those of the data. Linux and
// other POSIX systems.
#pragma once

#include <cstddef>

namespace stockade {

class LazyMemory {
 public:
  // data() is nullptr if the system refuses.
  explicit LazyMemory(size_t bytes) noexcept;
  ~LazyMemory();
  LazyMemory(const LazyMemory&) = delete;
  LazyMemory& operator=(const LazyMemory&) = delete;

  // Page-aligned, zero until written.
  void* data() const noexcept { return data_; }
  size_t bytes() const noexcept { return bytes_; }
  // Zero again, and given back to the system.
  void Clear() noexcept;

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace stockade
