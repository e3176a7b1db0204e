// A capture file → reassembled streams, told to a listener that does nothing, and → logins, on one core; beside pcap_next_ex over
// the same file, and `tcpdump -r FILE -w /dev/null`, where that is installed. Then what a million connections cost in memory that
// nobody answers: SYNs, and requests that never end.
//
//   capture_bench [--mib N] [--repetitions N] [--file PATH]
//
// The file is written before a clock starts (256 MiB by default, at most 2 GiB) and removed afterwards. Before that, all
// sides read it once, and their packets, bytes and logins are compared. Of tcpdump its processor time counts, with its start.
#include <pcap/pcap.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "adapters/capture/assembly.h"
#include "adapters/capture/login_capture.h"
#include "adapters/capture/packet_file.h"
#include "bench/login_traffic.h"
#include "bench/measure.h"
#include "bench/traffic_file.h"
#include "engine/status.h"

namespace stockade {
namespace {

class Nothing final : public ConnectionListener {
 public:
  void Opened(const Connection&) override {}
  bool Bytes(const Connection&, Direction, std::string_view, int64_t) override { return true; }
  void Gap(const Connection&, Direction, uint64_t, int64_t) override {}
  void Ended(const Connection&, Direction, int64_t) override {}
  void Closed(const Connection&, ConnectionClose, int64_t) override {}
  void Received(const Datagram&) override {}
};

struct Read {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

Read ReadPlain(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* const handle = pcap_open_offline(path.c_str(), error);
  STOCKADE_CHECK(handle != nullptr);
  Read read;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  while (pcap_next_ex(handle, &header, &bytes) == 1) {
    ++read.packets;
    read.bytes += header->caplen;
  }
  pcap_close(handle);
  return read;
}

CaptureCounts ReadStreams(const std::string& path) {
  auto file = PacketFile::Open(path);
  STOCKADE_CHECK(file.ok());
  Nothing nothing;
  Assembly assembly({}, &nothing);
  Packet packet;
  while (true) {
    const auto more = (*file)->Next(&packet);
    STOCKADE_CHECK(more.ok());
    if (!*more) break;
    assembly.Take(packet);
  }
  assembly.Finish();
  return assembly.counts();
}

void Print(const char* name, double seconds, const Read& read) {
  std::printf("%-22s %7.2f Gbit/s  %6.2f million packets/s  %5.0f ns a packet\n", name,
              static_cast<double>(read.bytes) * 8 / seconds / 1e9,
              static_cast<double>(read.packets) / seconds / 1e6,
              seconds * 1e9 / static_cast<double>(read.packets));
}

// False: it is not installed, or cannot read the file.
bool TakeTcpdump(const std::string& path, Timing* timing) {
  // As root it would become another, who may not read the file.
  const std::optional<double> seconds =
      ProcessorSecondsOf({"tcpdump", "-Z", "root", "-r", path, "-w", "/dev/null"});
  if (seconds) timing->Add(*seconds);
  return seconds.has_value();
}

void PrintRatio(const char* beside, double floor, double ours) {
  std::printf("%-22s %7.2f of %s\n", "ratio", floor / ours, beside);
}

void Compare(const std::string& path, const TrafficOptions& options, int repetitions) {
  const auto traffic = WriteTraffic(path, options);
  STOCKADE_CHECK(traffic.ok());
  const Read read = ReadPlain(path);
  const CaptureCounts counts = ReadStreams(path);
  STOCKADE_CHECK(read.packets == traffic->packets && read.bytes == traffic->bytes);
  STOCKADE_CHECK(counts.packets == read.packets && counts.bytes == read.bytes);
  STOCKADE_CHECK(counts.told_bytes == traffic->content_bytes && counts.gaps == 0);
  std::printf(
      "%.0f MB, %.2f million packets of %.0f bytes, %lu connections, %u at a time, %.1f %% out of order\n",
      static_cast<double>(read.bytes) / 1e6, static_cast<double>(read.packets) / 1e6,
      static_cast<double>(read.bytes) / static_cast<double>(read.packets),
      static_cast<unsigned long>(counts.connections), options.connections_at_a_time,
      options.disorder_permille / 10.0);
  Timing plain, tcpdump, streams;
  bool has_tcpdump = true;
  for (int i = 0; i < repetitions; ++i) {
    plain.Take([&] { ReadPlain(path); });
    has_tcpdump = has_tcpdump && TakeTcpdump(path, &tcpdump);
    streams.Take([&] { ReadStreams(path); });
  }
  Print("pcap_next_ex", plain.best(), read);
  if (has_tcpdump) Print("tcpdump -w /dev/null", tcpdump.best(), read);
  Print("reassembled streams", streams.best(), read);
  PrintRatio("pcap_next_ex", plain.best(), streams.best());
  if (has_tcpdump) PrintRatio("tcpdump", tcpdump.best(), streams.best());
  std::printf("\n");
}

// Logins, each over a connection of its own, to records.
void CompareLogins(const std::string& path, int repetitions) {
  constexpr int kLogins = 40'000;
  Read read;
  {
    const MadeCapture made = LoginTraffic(kLogins, 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << made.bytes();
    read = ReadPlain(path);
    STOCKADE_CHECK(read.packets == made.packets());
  }
  const CaptureReading reading = LoginTrafficReading(/*by_body=*/true);
  const auto read_logins = [&] {
    auto bytes = ByteReader::Open(path);
    STOCKADE_CHECK(bytes.ok());
    STOCKADE_CHECK(CountLogins(*std::move(bytes), reading) == kLogins);
  };
  read_logins();
  std::printf("%.0f MB, %d logins, one a connection, told by what stands in the answer's body\n",
              static_cast<double>(read.bytes) / 1e6, kLogins);
  Timing plain, tcpdump, logins;
  bool has_tcpdump = true;
  for (int i = 0; i < repetitions; ++i) {
    plain.Take([&] { ReadPlain(path); });
    has_tcpdump = has_tcpdump && TakeTcpdump(path, &tcpdump);
    logins.Take(read_logins);
  }
  Print("pcap_next_ex", plain.best(), read);
  if (has_tcpdump) Print("tcpdump -w /dev/null", tcpdump.best(), read);
  Print("logins", logins.best(), read);
  std::printf("%-22s %7.0f logins/s\n", "", kLogins / logins.best());
  PrintRatio("pcap_next_ex", plain.best(), logins.best());
  if (has_tcpdump) PrintRatio("tcpdump", tcpdump.best(), logins.best());
  std::printf("\n");
}

// A million SYNs that nobody answers, each from an address of its own.
void Flood() {
  constexpr uint32_t kSyns = 1'000'000;
  Nothing nothing;
  AssemblyOptions options;
  options.tcp.connections_max = 1 << 20;
  Assembly assembly(options, &nothing);
  uint8_t frame[54] = {0};
  frame[12] = 0x08;
  frame[14] = 0x45;
  frame[17] = 40;
  frame[23] = 6;
  frame[46] = 0x50;
  frame[47] = TcpSegment::kSyn;
  frame[37] = 80;
  Packet packet;
  packet.bytes = frame;
  packet.wire_bytes = sizeof frame;
  packet.link_type = DLT_EN10MB;
  packet.time_ns = 1'700'000'000'000'000'000;
  const double before = ResidentBytesMax();
  Timing timing;
  timing.Take([&] {
    for (uint32_t i = 0; i < kSyns; ++i) {
      const uint32_t client = i * 2'654'435'761U;
      for (int b = 0; b < 4; ++b) frame[26 + b] = static_cast<uint8_t>(client >> (24 - 8 * b));
      packet.time_ns += 10'000;
      assembly.Take(packet);
    }
  });
  const auto bytes = static_cast<double>(assembly.memory_bytes());
  std::printf(
      "1 million half-open connections: %.0f MB by our count, %.0f bytes each; resident %+.0f MB; %.0f ns a "
      "SYN\n",
      bytes / 1e6, bytes / kSyns, (ResidentBytesMax() - before) / 1e6, timing.best() * 1e9 / kSyns);
  STOCKADE_CHECK(assembly.counts().evicted_silent == 0);
  // As many again: they push out the first, and memory stays.
  for (uint32_t i = 0; i < kSyns; ++i) {
    frame[35] = 1;
    const uint32_t client = i * 2'654'435'761U;
    for (int b = 0; b < 4; ++b) frame[26 + b] = static_cast<uint8_t>(client >> (24 - 8 * b));
    packet.time_ns += 10'000;
    assembly.Take(packet);
  }
  std::printf("after a million more: %.0f MB, %lu evicted\n",
              static_cast<double>(assembly.memory_bytes()) / 1e6,
              static_cast<unsigned long>(assembly.counts().evicted_silent));
}

// A million requests that never end, each from an address of its own, on connections that nobody answers.
void FloodOfRequests() {
  constexpr uint32_t kRequests = 1'000'000;
  const std::string begin = "POST /login HTTP/1.1\r\nHost: broker.example\r\nX-Slow: ";
  LoginReading reading(LoginTrafficReading(/*by_body=*/true), nullptr);
  const LoginCaptureOptions options;
  LoginCapture capture(options, &reading);
  Assembly assembly({}, &capture);
  std::string frame(54, '\0');
  frame[12] = 0x08;
  frame[14] = 0x45;
  frame[23] = 6;
  frame[37] = 80;
  frame[46] = 0x50;
  Packet packet;
  packet.link_type = DLT_EN10MB;
  packet.time_ns = 1'700'000'000'000'000'000;
  const auto take = [&](uint32_t client, uint8_t flags, uint8_t sequence, std::string_view content) {
    frame.resize(54);
    frame.append(content);
    frame[17] = static_cast<char>(40 + content.size());
    frame[41] = static_cast<char>(sequence);
    frame[47] = static_cast<char>(flags);
    for (int b = 0; b < 4; ++b)
      frame[static_cast<size_t>(26 + b)] = static_cast<char>(client >> (24 - 8 * b));
    packet.bytes = {reinterpret_cast<const uint8_t*>(frame.data()), frame.size()};
    packet.wire_bytes = static_cast<uint32_t>(frame.size());
    packet.time_ns += 10'000;
    assembly.Take(packet);
  };
  const double before = ResidentBytesMax();
  Timing timing;
  timing.Take([&] {
    for (uint32_t i = 0; i < kRequests; ++i) {
      const uint32_t client = i * 2'654'435'761U;
      take(client, TcpSegment::kSyn, 0, "");
      take(client, TcpSegment::kAck, 1, begin);
    }
  });
  STOCKADE_CHECK(capture.memory_bytes() <= options.memory_bytes);
  STOCKADE_CHECK(capture.talk().http == kRequests);
  std::printf(
      "1 million requests that never end: %.0f MB for connections, %.0f MB of %.0f MB for what they say; "
      "resident %+.0f MB; %.0f ns a request; %lu gave way\n",
      static_cast<double>(assembly.memory_bytes()) / 1e6, static_cast<double>(capture.memory_bytes()) / 1e6,
      static_cast<double>(options.memory_bytes) / 1e6, (ResidentBytesMax() - before) / 1e6,
      timing.best() * 1e9 / kRequests,
      static_cast<unsigned long>(capture.http().ended[static_cast<size_t>(FollowEnd::kNoRoom)]));
}

}  // namespace
}  // namespace stockade

int main(int argc, char** argv) {
  uint64_t mebibytes = 256;
  int repetitions = 5;
  std::string path = (std::filesystem::temp_directory_path() / "stockade_capture_bench.pcap").string();
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && std::strcmp(argv[i], "--mib") == 0) {
      mebibytes = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (i + 1 < argc && std::strcmp(argv[i], "--repetitions") == 0) {
      repetitions = std::max(1, std::atoi(argv[i + 1]));
    } else if (i + 1 < argc && std::strcmp(argv[i], "--file") == 0) {
      path = argv[i + 1];
    } else {
      std::fprintf(stderr, "usage: capture_bench [--mib N] [--repetitions N] [--file PATH]\n");
      return 2;
    }
  }
  stockade::StayOnOneCore();
  std::printf("%s\n", stockade::LoadText().c_str());
  stockade::Flood();
  stockade::FloodOfRequests();
  std::printf("\n");
  for (const uint32_t disorder : {0U, 20U}) {
    stockade::TrafficOptions options;
    options.bytes = mebibytes << 20;
    options.disorder_permille = disorder;
    stockade::Compare(path, options, repetitions);
  }
  stockade::TrafficOptions many;
  many.bytes = mebibytes << 20;
  many.connections_at_a_time = 100'000;
  stockade::Compare(path, many, repetitions);
  stockade::CompareLogins(path, repetitions);
  std::filesystem::remove(path);
  std::printf("%s\n", stockade::LoadText().c_str());
  return 0;
}
