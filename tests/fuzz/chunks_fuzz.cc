// chunk_reader on any bytes: whole and byte by byte give the same data, the same end and the same error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapters/gateway/chunk_reader.h"

namespace {

struct Reading {
  std::string data;
  size_t consumed = 0;
  bool done = false;
  stockade::ChunkError error = stockade::ChunkError::kNone;
};

Reading ReadIn(const std::string& bytes, size_t step) {
  stockade::ChunkReader reader({64, 256});
  Reading reading;
  while (reading.consumed < bytes.size() && !reader.done() && reader.error() == stockade::ChunkError::kNone) {
    const std::string_view rest = std::string_view(bytes).substr(reading.consumed, step);
    const stockade::ChunkPiece piece = reader.Read(rest);
    reading.data += piece.data;
    reading.consumed += piece.consumed;
  }
  reading.done = reader.done();
  reading.error = reader.error();
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const Reading whole = ReadIn(bytes, bytes.size());
  const Reading cut = ReadIn(bytes, 1);
  if (whole.data != cut.data || whole.consumed != cut.consumed || whole.done != cut.done ||
      whole.error != cut.error)
    std::abort();
  if (whole.done && bytes.compare(whole.consumed - 2, 2, "\r\n") != 0) std::abort();
  return 0;
}
