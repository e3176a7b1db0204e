#include "adapters/http/gzip_body.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "engine/text.h"

namespace stockade {
namespace {

class Inflater {
 public:
  // 15 bits of window, and 16: zlib's way to say that a gzip header and its checksum are expected.
  Inflater() : ready_(inflateInit2(&stream_, 15 + 16) == Z_OK) {}
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  const bool ready_;
};

}  // namespace

absl::StatusOr<std::string> GunzipBody(std::string_view body, size_t bytes_max) {
  constexpr size_t kStep = size_t{64} << 10;
  if (body.size() > std::numeric_limits<uInt>::max())
    return absl::ResourceExhaustedError("the compressed body is too large");
  Inflater inflater;
  if (!inflater.ready()) return absl::ResourceExhaustedError("no memory to unpack the body");
  z_stream& stream = inflater.stream();
  // zlib's interface is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  while (true) {
    const size_t begin = out.size();
    // One byte more than is allowed shows that there is more.
    out.resize(begin + std::min(kStep, bytes_max + 1 - begin));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
    stream.avail_out = static_cast<uInt>(out.size() - begin);
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > bytes_max)
      return absl::ResourceExhaustedError(Concat("the body unpacks to more than ", bytes_max, " bytes"));
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return out;
      inflateReset(&stream);
      continue;
    }
    if (result != Z_OK) {
      return absl::InvalidArgumentError(result == Z_BUF_ERROR ? "the gzip body ends early"
                                                              : "the gzip body is damaged");
    }
  }
}

}  // namespace stockade
