#include "engine/window/lazy_memory.h"

#include <sys/mman.h>

#include <cstring>

namespace stockade {

LazyMemory::LazyMemory(size_t bytes) noexcept : bytes_(bytes) {
  void* const data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return;
  data_ = data;
#ifdef MADV_HUGEPAGE
  // A hint: where it is refused the table is slower, not wrong.
  static_cast<void>(madvise(data_, bytes_, MADV_HUGEPAGE));
#endif
}

void LazyMemory::Clear() noexcept {
  if (data_ == nullptr) return;
#ifdef __linux__
  // Of private memory without a file: the next read finds zeros (madvise(2)).
  if (madvise(data_, bytes_, MADV_DONTNEED) == 0) return;
#endif
  std::memset(data_, 0, bytes_);
}

LazyMemory::~LazyMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace stockade
