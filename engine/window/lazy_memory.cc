#include "engine/window/lazy_memory.h"

#include <sys/mman.h>

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

LazyMemory::~LazyMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace stockade
