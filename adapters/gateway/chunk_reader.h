// Finds the end of a chunked body (RFC 9112 §7.1) while its raw bytes pass by, and the data inside. Strict, as
// head_reader.h is: a size is hexadecimal digits and nothing else, every line ends in CRLF, extensions keep to their
// grammar and a limit, trailers are read as fields are, and a trailer that would change framing, routing or identity,
// were it merged into the head by somebody behind us, is refused (RFC 9110 §6.5.1).
//
//   ChunkReader chunks(limits);
//   while (!bytes.empty() && !chunks.done() && chunks.error() == ChunkError::kNone) {
//     const ChunkPiece piece = chunks.Read(bytes);   // piece.data: body bytes, perhaps none
//     bytes.remove_prefix(piece.consumed);
//   }
//
// Bytes behind the end are not consumed. Data is skipped over whole, framing is read byte by byte: its cost is the
// chunks', not the bytes'. 120 bytes, no allocation. Any thread, one at a time. Bad input: ChunkError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stockade {

enum class ChunkError : uint8_t {
  kNone,
  kBadSize,           // no hexadecimal digits, or something beside them
  kSizeTooLarge,      // more than kSizeDigitsMax digits, or above 2^63 - 1
  kBadExtension,      // not ;name, ;name=token or ;name="text"
  kExtensionTooLong,  // more than extension_bytes in one chunk
  kBadLineEnd,        // bare CR, bare LF, or data that does not end where its size said
  kBadTrailer,        // not a field line
  kForbiddenTrailer,  // a field that belongs in a head only
  kTrailersTooLong,   // more than trailer_bytes
};
inline constexpr size_t kChunkErrorCount = 9;
std::string_view Name(ChunkError error) noexcept;

struct ChunkLimits {
  size_t extension_bytes = 256;
  size_t trailer_bytes = size_t{8} << 10;
};

struct ChunkPiece {
  size_t consumed = 0;    // of the bytes given, framing and data
  std::string_view data;  // the last of them that are data; a view into the bytes given
};

class ChunkReader {
 public:
  // 16 digits hold 2^64 - 1; more can only be zeros in front, which nobody writes.
  static constexpr int kSizeDigitsMax = 16;
  // The longest name that kForbiddenTrailer knows has 33; a longer one is none of them.
  static constexpr size_t kTrailerNameBytes = 40;

  explicit ChunkReader(const ChunkLimits& limits = {}) : limits_(limits) {}
  void Reset(const ChunkLimits& limits) noexcept { *this = ChunkReader(limits); }

  // Reads on until a run of data ends, the body ends, an error is found, or the bytes are used up.
  ChunkPiece Read(std::string_view bytes) noexcept;

  bool done() const noexcept { return state_ == State::kDone; }
  ChunkError error() const noexcept { return error_; }
  uint64_t data_bytes() const noexcept { return data_bytes_; }  // given so far
  bool has_trailers() const noexcept { return trailer_bytes_ > 0; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kExtensionName,
    kExtensionValue,
    kExtensionToken,
    kExtensionQuoted,
    kExtensionEscape,
    kExtensionQuotedEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerFirst,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf,
    kDone,
  };
  // Takes one byte of framing.
  ChunkError Take(char byte) noexcept;
  ChunkError TakeExtension(char byte) noexcept;
  ChunkError TakeTrailer(char byte) noexcept;
  ChunkError EndTrailerName() noexcept;

  ChunkLimits limits_;
  State state_ = State::kSizeFirst;
  ChunkError error_ = ChunkError::kNone;
  int digits_ = 0;
  uint64_t size_ = 0;  // of this chunk; in kData what is left of it
  uint64_t data_bytes_ = 0;
  size_t extension_bytes_ = 0;
  size_t piece_bytes_ = 0;  // of the extension name or token being read
  size_t trailer_bytes_ = 0;
  size_t trailer_name_bytes_ = 0;
  char trailer_name_[kTrailerNameBytes] = {};
};

// Whether a field of this name may not stand among trailers: framing, routing, what says who the client is.
bool IsForbiddenTrailer(std::string_view name) noexcept;

}  // namespace stockade
