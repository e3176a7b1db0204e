// Decompress: gzip and zstd through Boost.Iostreams. Its stream filters hide where a member ends, and with it
// whether an archive ended where it should, so the symmetric filters under them are driven here. Everything
// Boost throws is caught in this file.
#include <algorithm>
#include <array>
#include <boost/iostreams/filter/zlib.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <memory>
#include <optional>

#include "adapters/source/byte_reader.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using std::string_view_literals::operator""sv;

struct Gzip {
  static constexpr std::string_view kName = "gzip";
  using Filter = boost::iostreams::detail::zlib_decompressor_impl<std::allocator<char>>;
  // 15 bits of window, and 16: zlib's way to say that a gzip header and its checksum are expected.
  static void Start(std::optional<Filter>* filter) { filter->emplace(15 + 16); }
  static bool IsBegin(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"sv); }
};

struct Zstd {
  static constexpr std::string_view kName = "zstd";
  using Filter = boost::iostreams::detail::zstd_decompressor_impl<std::allocator<char>>;
  static void Start(std::optional<Filter>* filter) { filter->emplace(); }
  // A frame, or a skippable frame (RFC 8878 §3.1).
  static bool IsBegin(std::string_view bytes) {
    return bytes.starts_with("\x28\xb5\x2f\xfd"sv) ||
           (bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0U) == 0x50 &&
            bytes.substr(1, 3) == "\x2a\x4d\x18"sv);
  }
};

// Bytes that were read to look at them, then the rest.
class PeekedStream final : public ByteStream {
 public:
  PeekedStream(std::string peeked, std::unique_ptr<ByteStream> rest)
      : peeked_(std::move(peeked)), rest_(std::move(rest)) {}
  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    if (used_ == peeked_.size()) return rest_->Read(out, room);
    const size_t size = std::min(room, peeked_.size() - used_);
    std::memcpy(out, peeked_.data() + used_, size);
    used_ += size;
    return size;
  }

 private:
  std::string peeked_;
  size_t used_ = 0;
  std::unique_ptr<ByteStream> rest_;
};

template <typename Format>
class ArchiveStream final : public ByteStream {
 public:
  ArchiveStream(std::unique_ptr<ByteStream> stored, std::string_view name)
      : stored_(std::move(stored)), name_(name) {}

  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    if (!error_.ok()) return error_;
    char* to = out;
    char* const to_end = out + room;
    while (to == out) {
      if (from_ == from_end_ && !stored_ended_) {
        ASSIGN_OR_RETURN(const size_t got, stored_->Read(stored_bytes_.get(), kStoredBytes));
        from_ = stored_bytes_.get();
        from_end_ = from_ + got;
        stored_before_ += got;
        stored_ended_ = got == 0;
      }
      if (!filter_.has_value()) {
        // Between members zero bytes are padding (tar, tapes), as gzip itself takes them.
        while (from_ != from_end_ && *from_ == 0) ++from_;
        if (from_ == from_end_) {
          if (stored_ended_) return size_t{0};
          continue;
        }
      }
      try {
        if (!filter_.has_value()) Format::Start(&filter_);
        const bool more = filter_->filter(from_, from_end_, to, to_end, false);
        if (!more) filter_.reset();
        if (more && to == out && from_ == from_end_ && stored_ended_) return Fail("ends early");
      } catch (const std::exception&) {
        // At the end of what is stored zlib reports a lack of input as an error.
        const bool early = from_ == from_end_ && stored_ended_;
        absl::Status failed = Fail(early ? "ends early" : "is damaged");
        if (to == out) return failed;
      }
    }
    return static_cast<size_t>(to - out);
  }

 private:
  static constexpr size_t kStoredBytes = size_t{128} << 10;

  absl::Status Fail(std::string_view what) {
    const uint64_t place = stored_before_ - static_cast<uint64_t>(from_end_ - from_);
    error_ =
        absl::DataLossError(Concat(name_, ": the ", Format::kName, " archive ", what, " at byte ", place));
    return error_;
  }

  std::unique_ptr<ByteStream> stored_;
  std::string name_;
  std::unique_ptr<char[]> stored_bytes_ = std::make_unique<char[]>(kStoredBytes);
  const char* from_ = nullptr;
  const char* from_end_ = nullptr;
  uint64_t stored_before_ = 0;  // of all reads up to from_end_
  bool stored_ended_ = false;
  std::optional<typename Format::Filter> filter_;  // inside a member
  absl::Status error_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> Decompress(std::unique_ptr<ByteStream> stored,
                                                       std::string_view name) {
  std::string begin(6, '\0');
  size_t size = 0;
  while (size < begin.size()) {
    ASSIGN_OR_RETURN(const size_t got, stored->Read(begin.data() + size, begin.size() - size));
    if (got == 0) break;
    size += got;
  }
  begin.resize(size);
  const bool gzip = Gzip::IsBegin(begin);
  const bool zstd = Zstd::IsBegin(begin);
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOthers = {
      {{"\xfd"
        "7zXZ"sv,
        "xz"},
       {"BZh"sv, "bzip2"},
       {"PK\x03\x04"sv, "zip"}}};
  for (const auto& [magic, other] : kOthers) {
    if (std::string_view(begin).starts_with(magic)) {
      return absl::InvalidArgumentError(
          Concat(name, ": is a ", other, " archive; gzip and zstd are read, unpack others first"));
    }
  }
  std::unique_ptr<ByteStream> all = std::make_unique<PeekedStream>(std::move(begin), std::move(stored));
  if (gzip) return std::make_unique<ArchiveStream<Gzip>>(std::move(all), name);
  if (zstd) return std::make_unique<ArchiveStream<Zstd>>(std::move(all), name);
  return all;
}

}  // namespace stockade
