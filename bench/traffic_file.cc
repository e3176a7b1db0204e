#include "bench/traffic_file.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr size_t kSegmentBytes = 1448;  // of an Ethernet frame with time stamps

void Put16(char* at, uint32_t value) {
  at[0] = static_cast<char>(value >> 8);
  at[1] = static_cast<char>(value);
}
void Put32(char* at, uint32_t value) {
  Put16(at, value >> 16);
  Put16(at + 2, value & 0xffff);
}

// One connection on its way: the client asks, the server answers, both end.
struct Talk {
  uint32_t client = 0;
  uint16_t port = 0;
  uint32_t next[2] = {};  // sequence numbers, of client and server
  uint32_t left[2] = {};  // content that is to come
  int step = 0;
};

class Writer {
 public:
  explicit Writer(const std::string& path) : out_(path, std::ios::binary | std::ios::trunc) {
    struct {
      uint32_t magic = 0xa1b2c3d4;
      uint16_t major = 2, minor = 4;
      uint32_t zone = 0, digits = 0, snaplen = 262144, link_type = 1;
    } header;
    out_.write(reinterpret_cast<const char*>(&header), sizeof header);
  }

  void Segment(Talk* talk, int side, int flags, size_t content) {
    char* const frame = frame_;
    std::memset(frame, 2, 12);
    Put16(frame + 12, 0x0800);
    char* const ip = frame + 14;
    const size_t total = 20 + 32 + content;
    std::memset(ip, 0, 20 + 32);
    ip[0] = 0x45;
    Put16(ip + 2, static_cast<uint32_t>(total));
    ip[8] = 64;
    ip[9] = 6;
    constexpr uint32_t kServer = 0xc6336401;
    Put32(ip + 12, side == 0 ? talk->client : kServer);
    Put32(ip + 16, side == 0 ? kServer : talk->client);
    char* const tcp = ip + 20;
    Put16(tcp, side == 0 ? talk->port : 80);
    Put16(tcp + 2, side == 0 ? 80 : talk->port);
    Put32(tcp + 4, talk->next[side]);
    Put32(tcp + 8, (flags & 0x10) != 0 ? talk->next[1 - side] : 0);
    tcp[12] = static_cast<char>(0x80);
    tcp[13] = static_cast<char>(flags);
    Put16(tcp + 14, 65535);
    std::memset(tcp + 20, 1, 12);
    std::memset(tcp + 32, 'x', content);
    talk->next[side] += static_cast<uint32_t>(content) + ((flags & 3) != 0 ? 1 : 0);
    Record(14 + total);
    file_.content_bytes += content;
  }

  // The next record is written before the one that is.
  void Swap() { swap_ = waiting_.empty(); }
  TrafficFile& file() { return file_; }
  bool Close() {
    out_.write(waiting_.data(), static_cast<std::streamsize>(waiting_.size()));
    out_.flush();
    return out_.good();
  }

 private:
  void Record(size_t size) {
    time_us_ += 3;
    const uint32_t header[4] = {static_cast<uint32_t>(1'700'000'000 + time_us_ / 1'000'000),
                                static_cast<uint32_t>(time_us_ % 1'000'000), static_cast<uint32_t>(size),
                                static_cast<uint32_t>(size)};
    std::string record(reinterpret_cast<const char*>(header), sizeof header);
    record.append(frame_, size);
    ++file_.packets;
    file_.bytes += size;
    if (swap_) {
      swap_ = false;
      waiting_ = std::move(record);
      return;
    }
    out_.write(record.data(), static_cast<std::streamsize>(record.size()));
    if (!waiting_.empty()) out_.write(waiting_.data(), static_cast<std::streamsize>(waiting_.size()));
    waiting_.clear();
  }

  std::ofstream out_;
  char frame_[14 + 52 + kSegmentBytes];
  std::string waiting_;
  bool swap_ = false;
  uint64_t time_us_ = 0;
  TrafficFile file_;
};

}  // namespace

absl::StatusOr<TrafficFile> WriteTraffic(const std::string& path, const TrafficOptions& options) {
  Writer writer(path);
  std::mt19937_64 random(options.seed);
  std::vector<Talk> talks(options.connections_at_a_time);
  const uint64_t bytes_max = std::min(options.bytes, kTrafficBytesMax);
  while (writer.file().bytes < bytes_max) {
    Talk& talk = talks[random() % talks.size()];
    if (random() % 1000 < options.disorder_permille) writer.Swap();
    switch (talk.step++) {
      case 0:
        talk.client = 0x0a000000 | (static_cast<uint32_t>(random()) & 0xffffff);
        talk.port = static_cast<uint16_t>(1024 + random() % 60000);
        talk.next[0] = static_cast<uint32_t>(random());
        talk.next[1] = static_cast<uint32_t>(random());
        // Every second one a login with an answer of some hundred bytes, else a page or a file.
        talk.left[0] = static_cast<uint32_t>(400 + random() % 800);
        talk.left[1] =
            static_cast<uint32_t>(random() % 2 == 0 ? 300 + random() % 600 : 1000 + random() % 60000);
        ++writer.file().connections;
        writer.Segment(&talk, 0, 0x02, 0);
        break;
      case 1:
        writer.Segment(&talk, 1, 0x12, 0);
        break;
      case 2:
        writer.Segment(&talk, 0, 0x10, 0);
        break;
      case 3: {
        const int side = talk.left[0] != 0 ? 0 : 1;
        const size_t size = std::min<size_t>(talk.left[side], kSegmentBytes);
        writer.Segment(&talk, side, 0x18, size);
        talk.left[side] -= static_cast<uint32_t>(size);
        if (talk.left[0] + talk.left[1] != 0) talk.step = random() % 3 == 0 ? 2 : 3;
        break;
      }
      case 4:
        writer.Segment(&talk, 0, 0x11, 0);
        break;
      case 5:
        writer.Segment(&talk, 1, 0x11, 0);
        break;
      default:
        writer.Segment(&talk, 0, 0x10, 0);
        talk.step = 0;
    }
  }
  if (!writer.Close()) return absl::UnavailableError(Concat(path, ": cannot be written"));
  return writer.file();
}

}  // namespace stockade
