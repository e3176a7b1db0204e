// Bytes of an unknown format: decompression, detection, and the reader that was chosen.
#include "tests/fuzz/source_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::FuzzSource(data, size, stockade::SourceOptions());
  return 0;
}
