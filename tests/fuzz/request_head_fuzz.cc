// head_reader on any bytes as a request: read whole and read byte by byte must say the same, and what is accepted keeps
// the promises its readers stand on.
#include "tests/fuzz/head_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::FuzzHead(stockade::HeadReader::Kind::kRequest, data, size);
  return 0;
}
