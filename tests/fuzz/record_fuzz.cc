// The record source on any bytes.
#include "tests/fuzz/source_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::SourceOptions options;
  options.format = "record";
  stockade::FuzzSource(data, size, options);
  return 0;
}
