// The chunk reader: data, end and trailers of good bodies, and each way in which a body may lie about its end.
#include "adapters/gateway/chunk_reader.h"

#include <catch2/catch.hpp>
#include <string>

namespace stockade {
namespace {

struct Reading {
  std::string data;
  size_t consumed = 0;
  bool done = false;
  ChunkError error = ChunkError::kNone;
};

Reading ReadIn(const std::string& bytes, size_t step, const ChunkLimits& limits) {
  ChunkReader reader(limits);
  Reading reading;
  while (reading.consumed < bytes.size() && !reader.done() && reader.error() == ChunkError::kNone) {
    const ChunkPiece piece = reader.Read(std::string_view(bytes).substr(reading.consumed, step));
    reading.data += piece.data;
    reading.consumed += piece.consumed;
  }
  reading.done = reader.done();
  reading.error = reader.error();
  return reading;
}

// The same however the bytes are cut.
Reading ReadAll(const std::string& bytes, const ChunkLimits& limits = {}) {
  const Reading whole = ReadIn(bytes, bytes.size(), limits);
  for (const size_t step : {1u, 2u, 3u, 7u}) {
    const Reading cut = ReadIn(bytes, step, limits);
    INFO(bytes << " in steps of " << step);
    CHECK(cut.data == whole.data);
    CHECK(cut.consumed == whole.consumed);
    CHECK(cut.done == whole.done);
    CHECK(cut.error == whole.error);
  }
  return whole;
}

TEST_CASE("a body ends behind its last chunk and trailers, and what follows is left", "[chunk_reader]") {
  const std::string body =
      "5\r\nhello\r\n006;ext;a=b;c=\"d;\\\"e\"\r\n world\r\nA\r\n0123456789\r\n0\r\nDigest: x "
      "y\r\nX:\r\n\r\n";
  const Reading reading = ReadAll(body + "GET / HTTP/1.1");
  CHECK(reading.done);
  CHECK(reading.data == "hello world0123456789");
  CHECK(reading.consumed == body.size());
  const Reading empty = ReadAll("0\r\n\r\nx");
  CHECK(empty.done);
  CHECK(empty.consumed == 5);
  CHECK_FALSE(ReadAll("5\r\nhel").done);
}

TEST_CASE("a body that lies about its end is refused where it does", "[chunk_reader]") {
  struct Row {
    std::string bytes;
    ChunkError error;
  };
  const Row rows[] = {
      {"\r\n", ChunkError::kBadSize},
      {"x\r\n", ChunkError::kBadSize},
      {"-1\r\n", ChunkError::kBadSize},
      {"+1\r\n", ChunkError::kBadSize},
      {"0x1\r\n", ChunkError::kBadSize},
      {" 1\r\n", ChunkError::kBadSize},
      {"1 \r\n", ChunkError::kBadSize},
      {"1\t;a\r\n", ChunkError::kBadSize},
      {"1_0\r\n", ChunkError::kBadSize},
      {"8000000000000000\r\n", ChunkError::kSizeTooLarge},
      {"10000000000000005\r\n", ChunkError::kSizeTooLarge},
      {"00000000000000005\r\n", ChunkError::kSizeTooLarge},
      {"5\nhello\r\n", ChunkError::kBadLineEnd},
      {"5\r\rhello", ChunkError::kBadLineEnd},
      {"5;a\nhello\r\n", ChunkError::kBadLineEnd},
      {"5\r\nhello!\r\n", ChunkError::kBadLineEnd},
      {"5\r\nhello\n", ChunkError::kBadLineEnd},
      {"5\r\nhello0\r\n\r\n", ChunkError::kBadLineEnd},
      {"0\r\n\n", ChunkError::kBadLineEnd},
      {"0\r\n\rx", ChunkError::kBadLineEnd},
      {"0\r\nA: b\n\r\n", ChunkError::kBadLineEnd},
      {"0\r\nA: b\rC", ChunkError::kBadLineEnd},
      {"5;\r\n", ChunkError::kBadExtension},
      {"5;a=\r\n", ChunkError::kBadExtension},
      {"5;a b\r\n", ChunkError::kBadExtension},
      {"5;a=\"b\rc\"\r\n", ChunkError::kBadExtension},
      {"5;a=\"b\"c\r\n", ChunkError::kBadExtension},
      {"5; a\r\n", ChunkError::kBadExtension},
      {"0\r\n A: b\r\n\r\n", ChunkError::kBadTrailer},
      {"0\r\nA : b\r\n\r\n", ChunkError::kBadTrailer},
      {"0\r\n: b\r\n\r\n", ChunkError::kBadTrailer},
      {"0\r\nA: \x01\r\n\r\n", ChunkError::kBadTrailer},
      {"0\r\nGET / HTTP/1.1\r\n\r\n", ChunkError::kBadTrailer},
      {"0\r\nContent-Length: 5\r\n\r\n", ChunkError::kForbiddenTrailer},
      {"0\r\ntransfer-encoding: chunked\r\n\r\n", ChunkError::kForbiddenTrailer},
      {"0\r\nX_Forwarded_For: 1.2.3.4\r\n\r\n", ChunkError::kForbiddenTrailer},
      {"0\r\nClient-Cert: :AA==:\r\n\r\n", ChunkError::kForbiddenTrailer},
  };
  for (const Row& row : rows) {
    INFO(row.bytes);
    const Reading reading = ReadAll(row.bytes);
    CHECK(reading.error == row.error);
    CHECK_FALSE(reading.done);
  }
}

TEST_CASE("extensions and trailers have limits", "[chunk_reader]") {
  const ChunkLimits limits{8, 12};
  CHECK(ReadAll("1;abcdefg\r\nx\r\n0\r\n\r\n", limits).done);
  CHECK(ReadAll("1;abcdefgh\r\nx\r\n0\r\n\r\n", limits).error == ChunkError::kExtensionTooLong);
  // A limit a chunk: the next begins anew.
  CHECK(ReadAll("1;abcdefg\r\nx\r\n1;abcdefg\r\nx\r\n0\r\n\r\n", limits).done);
  CHECK(ReadAll("0\r\nA: bcdefgh\r\n\r\n", limits).done);
  CHECK(ReadAll("0\r\nA: bcdefghijk\r\n\r\n", limits).error == ChunkError::kTrailersTooLong);
  CHECK(ReadAll("1;a\r\n", {0, 0}).error == ChunkError::kExtensionTooLong);
}

}  // namespace
}  // namespace stockade
