// Files, standard input, .gz and .zst → numbered lines in big blocks.
//
// Compression is told by the first bytes, not by the name; gzip members and zstd frames may follow one
// another. Lines end with LF or CR LF, the last one may lack its end; a UTF-8 byte order mark at the begin is
// dropped. NUL and any other byte may stand in a line. A line longer than kLineBytesMax comes as one empty
// line with `too_long` set and is skipped to its end, at a constant cost in memory.
//
// Lines are views into the batch's block, without a copy but for the one line that a block border cuts.
// Behind every line Batch::kBlockPadding bytes may be read. Blocks hold whole lines, and of a pipe what has
// come so far: a line that was written is not held back for a full block.
//
// Errors: cannot be opened or read; UTF-16 or UTF-32; another compression; an archive that is damaged or ends
// early. Everything before the error is delivered first: whole lines only. Not thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/source/source.h"
#include "engine/limits.h"

namespace stockade {

// Bytes in order, from wherever. Read gives at least one byte, or 0 at the end.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  virtual absl::StatusOr<size_t> Read(char* out, size_t room) = 0;
};

// Looks at the first bytes and puts the right decompressor before the stream, if any. `name` stands in
// errors.
absl::StatusOr<std::unique_ptr<ByteStream>> Decompress(std::unique_ptr<ByteStream> stored,
                                                       std::string_view name);

// A path, or "-" for standard input: its bytes as they are stored. Errors: cannot be opened; is a folder.
absl::StatusOr<std::unique_ptr<ByteStream>> OpenBytes(const std::string& name);

struct Line {
  std::string_view text;  // without its end
  uint64_t number = 0;    // 1-based
  bool too_long = false;
};

class ByteReader {
 public:
  // With the records made of it, small enough that reader and engine hand it over in the processor's second cache: at
  // 256 KiB, which fill it, a whole replay took a twentieth to a tenth longer.
  static constexpr size_t kBlockBytes = size_t{64} << 10;

  // A path, or "-" for standard input.
  static absl::StatusOr<std::unique_ptr<ByteReader>> Open(const std::string& name);
  // Bytes from anywhere, compressed or not. stored_bytes() stays 0.
  static absl::StatusOr<std::unique_ptr<ByteReader>> OverStream(std::unique_ptr<ByteStream> stream,
                                                                std::string name);
  // Lines of a log that is read while it is written: taken as they are, neither decompressed nor looked at for a byte order
  // mark. Where the stream has nothing for now its Read says absl::UnavailableError; so does NextBlock then, and may be
  // asked again, a line that is not whole yet being kept.
  static std::unique_ptr<ByteReader> OverLive(std::unique_ptr<ByteStream> stream, std::string name);
  // Bytes in memory, for tests and inline events; compressed ones too.
  static absl::StatusOr<std::unique_ptr<ByteReader>> OverText(std::string text, std::string name);

  // Up to `size` decompressed bytes from the begin, for format detection, before the first NextBlock.
  absl::StatusOr<std::string_view> Peek(size_t size);

  // Instead of blocks, for who reads no lines: up to `room` bytes, those that were peeked at first; 0 at the end.
  absl::StatusOr<size_t> ReadBytes(char* out, size_t room);

  // Reads the next block into batch->block, overwriting what was there. False: the end.
  absl::StatusOr<bool> NextBlock(Batch* batch);
  // The next line of the block; false when it is used up.
  bool NextLine(Line* line) noexcept {
    if (too_long_) [[unlikely]] {
      too_long_ = false;
      *line = Line{{}, ++lines_, true};
      return true;
    }
    if (next_ == end_) return false;
    const char* const begin = next_;
    const auto* const found =
        static_cast<const char*>(std::memchr(begin, '\n', static_cast<size_t>(end_ - begin)));
    const char* last = found != nullptr ? found : end_;
    next_ = found != nullptr ? found + 1 : end_;
    if (last != begin && last[-1] == '\r') --last;
    const auto size = static_cast<size_t>(last - begin);
    line->too_long = size > kLineBytesMax;
    line->text = line->too_long ? std::string_view() : std::string_view(begin, size);
    line->number = ++lines_;
    return true;
  }
  // Begins the next block with `line` again, and all that follows it: for records of several lines that the
  // block border cuts. The line must be of this block and is counted anew.
  void PutBack(const Line& line);
  // Goes back to `line`, of this block, which is then the next one.
  void Rewind(const Line& line) noexcept {
    next_ = line.text.data();
    lines_ = line.number - 1;
  }
  // What is left of the block, whole lines.
  std::string_view block() const noexcept { return {next_, static_cast<size_t>(end_ - next_)}; }
  // No more bytes will come after this block.
  bool at_end() const noexcept { return ended_ && carry_.empty(); }

  const std::string& name() const noexcept { return name_; }
  uint64_t lines() const noexcept { return lines_; }
  uint64_t bytes() const noexcept { return bytes_; }
  uint64_t stored_bytes() const noexcept { return *stored_bytes_; }
  uint64_t stored_bytes_total() const noexcept { return stored_bytes_total_; }  // 0: not known
  // When the input was last changed; nothing for pipes and texts.
  std::optional<absl::Time> changed() const noexcept { return changed_; }

 private:
  ByteReader() = default;
  absl::Status ReadMore(char* out, size_t room, size_t* got);
  absl::Status CheckBegin();

  std::string name_;
  std::unique_ptr<ByteStream> stream_;
  std::shared_ptr<uint64_t> stored_bytes_ = std::make_shared<uint64_t>(0);
  uint64_t stored_bytes_total_ = 0;
  std::optional<absl::Time> changed_;

  std::string carry_;           // read, but not yet in a block
  size_t put_back_ = 0;         // of carry_, that PutBack put there
  const char* next_ = nullptr;  // in the block
  const char* end_ = nullptr;
  absl::Status error_;  // told after what came before it
  uint64_t lines_ = 0;
  uint64_t bytes_ = 0;
  bool begin_checked_ = false;
  bool ended_ = false;
  bool too_long_ = false;  // the next line of this block is the token of a line too long
  bool skipping_ = false;  // inside such a line
};

}  // namespace stockade
