// head_reader on any bytes as an upstream's answer.
#include "tests/fuzz/head_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stockade::FuzzHead(stockade::HeadReader::Kind::kResponse, data, size);
  return 0;
}
