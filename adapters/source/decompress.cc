// Decompress: gzip by zlib and zstd by its own library, used directly: Boost.Iostreams' filters hide where a
// member or frame ends, and with it whether an archive ended where it should. A build without libzstd refuses
// .zst by name.
#include <zlib.h>
#ifdef STOCKADE_HAS_ZSTD
#include <zstd.h>
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "adapters/source/byte_reader.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

using std::string_view_literals::operator""sv;

// What a decoder got done with one call.
enum class Step { kMore, kMemberEnd, kDamaged };

class GzipDecoder {
 public:
  static constexpr std::string_view kName = "gzip";
  GzipDecoder() {
    // 15 bits of window, and 16: zlib's way to say that a gzip header and its checksum are expected.
    STOCKADE_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);  // fails for want of memory alone
  }
  ~GzipDecoder() { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  static bool IsBegin(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"sv); }
  void Start() { inflateReset(&stream_); }
  Step Decode(const char** from, const char* from_end, char** to, char* to_end) {
    // zlib's interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(*from));
    stream_.avail_in = static_cast<uInt>(from_end - *from);
    stream_.next_out = reinterpret_cast<Bytef*>(*to);
    stream_.avail_out = static_cast<uInt>(std::min<ptrdiff_t>(to_end - *to, ptrdiff_t{1} << 30));
    const int result = inflate(&stream_, Z_NO_FLUSH);
    *from = reinterpret_cast<const char*>(stream_.next_in);
    *to = reinterpret_cast<char*>(stream_.next_out);
    if (result == Z_STREAM_END) return Step::kMemberEnd;
    return result == Z_OK || result == Z_BUF_ERROR ? Step::kMore
                                                   : Step::kDamaged;  // BUF_ERROR: wants more input
  }

 private:
  z_stream stream_{};
};

// A frame, or a skippable frame (RFC 8878 §3.1).
bool IsZstdBegin(std::string_view bytes) {
  return bytes.starts_with("\x28\xb5\x2f\xfd"sv) ||
         (bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0U) == 0x50 &&
          bytes.substr(1, 3) == "\x2a\x4d\x18"sv);
}

#ifdef STOCKADE_HAS_ZSTD
class ZstdDecoder {
 public:
  static constexpr std::string_view kName = "zstd";
  // As `zstd -d` itself: a frame may ask for this much memory and no more.
  static constexpr int kWindowLogMax = 27;

  ZstdDecoder() : stream_(ZSTD_createDStream()) {
    STOCKADE_CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~ZstdDecoder() { ZSTD_freeDStream(stream_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  void Start() { ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only); }
  Step Decode(const char** from, const char* from_end, char** to, char* to_end) {
    ZSTD_inBuffer in{*from, static_cast<size_t>(from_end - *from), 0};
    ZSTD_outBuffer out{*to, static_cast<size_t>(to_end - *to), 0};
    const size_t result = ZSTD_decompressStream(stream_, &out, &in);
    *from += in.pos;
    *to += out.pos;
    if (ZSTD_isError(result)) return Step::kDamaged;
    return result == 0 ? Step::kMemberEnd : Step::kMore;
  }

 private:
  ZSTD_DStream* stream_;
};
#endif

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

template <typename Decoder>
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
      if (!inside_) {
        // Between members zero bytes are padding (tar, tapes), as gzip itself takes them.
        while (from_ != from_end_ && *from_ == 0) ++from_;
        if (from_ == from_end_) {
          if (stored_ended_) return size_t{0};
          continue;
        }
        decoder_.Start();
        inside_ = true;
      }
      const Step step = decoder_.Decode(&from_, from_end_, &to, to_end);
      if (step == Step::kMemberEnd) inside_ = false;
      const bool early = step == Step::kMore && to == out && from_ == from_end_ && stored_ended_;
      if (early || step == Step::kDamaged) {
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
        absl::DataLossError(Concat(name_, ": the ", Decoder::kName, " archive ", what, " at byte ", place));
    return error_;
  }

  std::unique_ptr<ByteStream> stored_;
  std::string name_;
  std::unique_ptr<char[]> stored_bytes_ = std::make_unique<char[]>(kStoredBytes);
  const char* from_ = nullptr;
  const char* from_end_ = nullptr;
  uint64_t stored_before_ = 0;  // of all reads up to from_end_
  bool stored_ended_ = false;
  Decoder decoder_;
  bool inside_ = false;  // a member
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
  const bool gzip = GzipDecoder::IsBegin(begin);
  const bool zstd = IsZstdBegin(begin);
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
  if (gzip) return std::make_unique<ArchiveStream<GzipDecoder>>(std::move(all), name);
#ifdef STOCKADE_HAS_ZSTD
  if (zstd) return std::make_unique<ArchiveStream<ZstdDecoder>>(std::move(all), name);
#else
  if (zstd)
    return absl::UnimplementedError(Concat(name, ": is a zstd archive; this build is without libzstd"));
#endif
  return all;
}

}  // namespace stockade
