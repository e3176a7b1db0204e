// Captures of others through the whole way from packets to streams: tcpdump-pcaps (captures that once broke tcpdump among
// them), arkime-pcaps, zeek-traces, suricata-verify. None may crash, hang or break a bound; what is told follows the grammar
// of the listener and is the same at the second reading; every packet is counted once. How many are refused, and for which
// link type, is printed. Each skips, and says so, where its corpus is not present.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "adapters/capture/assembly.h"
#include "adapters/capture/packet_file.h"
#include "engine/text.h"
#include "tests/adapters/capture/told.h"
#include "tests/corpus/corpora.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

struct Run {
  absl::Status status;
  uint64_t packets = 0;
  size_t digest = 0;
  size_t memory_bytes_max = 0;
  CaptureCounts counts;
};

Run RunThrough(const fs::path& path, const AssemblyOptions& options) {
  Run run;
  auto file = PacketFile::Open(path.string());
  if (!file.ok()) {
    run.status = file.status();
    return run;
  }
  test::Told told;
  Assembly assembly(options, &told);
  Packet packet;
  while (true) {
    const auto more = (*file)->Next(&packet);
    run.status = more.status();
    if (!more.ok() || !*more) break;
    REQUIRE(packet.number == ++run.packets);
    assembly.Take(packet);
    run.memory_bytes_max = std::max(run.memory_bytes_max, assembly.memory_bytes());
  }
  assembly.Finish();
  run.digest = told.digest();
  run.counts = assembly.counts();
  for (const test::ToldConnection& connection : told.connections()) REQUIRE(connection.closed);
  return run;
}

// The packets of a pcap file, counted by its record headers alone; nothing where it is no plain pcap or ends in a record.
std::optional<uint64_t> CountRecords(const std::string& bytes) {
  if (bytes.size() < 24) return std::nullopt;
  uint32_t magic = 0;
  std::memcpy(&magic, bytes.data(), 4);
  if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) return std::nullopt;
  uint64_t records = 0;
  size_t at = 24;
  while (at + 16 <= bytes.size()) {
    uint32_t size = 0;
    std::memcpy(&size, bytes.data() + at + 8, 4);
    if (size > 262144 || at + 16 + size > bytes.size()) return std::nullopt;
    at += 16 + size;
    ++records;
  }
  return at == bytes.size() ? std::optional<uint64_t>(records) : std::nullopt;
}

struct Sum {
  int files = 0;
  int whole = 0;
  int damaged = 0;
  std::map<std::string, int> refused;
  CaptureCounts counts;
};

void CheckSum(const Run& run) {
  const CaptureCounts& c = run.counts;
  REQUIRE(c.packets == c.tcp_segments + c.udp_datagrams + c.other + c.malformed + c.cut_short + c.too_deep +
                           c.bad_checksums + c.fragments);
  REQUIRE(c.connections == c.closed_fin + c.closed_reset + c.closed_replaced + c.closed_idle +
                               c.closed_evicted + c.closed_capture_end);
}

void TakeAll(const std::string& corpus, Sum* sum) {
  if (Missing(corpus)) return;
  const fs::path folder = kCorpora / corpus;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name.find(".pcap") != std::string::npos) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    INFO(path.string());
    ++sum->files;
    const Run run = RunThrough(path, {});
    if (run.status.code() == absl::StatusCode::kUnimplemented) {
      const std::string message(run.status.message());
      const size_t begin = message.find("link type ") + 10;
      REQUIRE(begin != std::string::npos + 10);
      ++sum->refused[message.substr(begin, message.find(" are not read") - begin)];
      continue;
    }
    run.status.ok() ? ++sum->whole : ++sum->damaged;
    CheckSum(run);
    const std::optional<uint64_t> records = CountRecords(ReadText(path));
    if (records.has_value() && run.status.ok()) REQUIRE(run.packets == *records);
    // The same calls in the same order, also where there is hardly any room; within that room.
    REQUIRE(RunThrough(path, {}).digest == run.digest);
    AssemblyOptions tight;
    tight.tcp.connections_max = TcpAssemblerOptions::kConnectionsMaxMin;
    tight.tcp.held_bytes_max = 16 << 10;
    tight.tcp.held_bytes_a_direction_max = 4 << 10;
    tight.decoder.fragments = {.datagrams_max = 4, .bytes_max = 16 << 10};
    const Run in_tight = RunThrough(path, tight);
    CheckSum(in_tight);
    REQUIRE(in_tight.packets == run.packets);
    REQUIRE(in_tight.memory_bytes_max < 1 << 20);

    const auto add = [](uint64_t CaptureCounts::*of, const CaptureCounts& from, CaptureCounts* to) {
      to->*of += from.*of;
    };
    for (const auto of : {&CaptureCounts::packets, &CaptureCounts::tcp_segments,
                          &CaptureCounts::udp_datagrams, &CaptureCounts::other, &CaptureCounts::malformed,
                          &CaptureCounts::cut_short, &CaptureCounts::fragments, &CaptureCounts::tunnelled,
                          &CaptureCounts::connections, &CaptureCounts::connections_mid_stream,
                          &CaptureCounts::told_bytes, &CaptureCounts::gap_bytes, &CaptureCounts::too_deep}) {
      add(of, run.counts, &sum->counts);
    }
  }
  std::cout << corpus << ": " << sum->files << " files, " << sum->whole << " read to the end, "
            << sum->damaged << " damaged or no capture, refused:";
  int refused = 0;
  for (const auto& [name, count] : sum->refused) refused += count;
  std::cout << " " << refused << "\n";
  for (const auto& [name, count] : sum->refused) std::cout << "  " << count << "  " << name << "\n";
  const CaptureCounts& c = sum->counts;
  std::cout << "  packets " << c.packets << ": TCP " << c.tcp_segments << ", UDP " << c.udp_datagrams
            << ", other " << c.other << ", malformed " << c.malformed << ", cut short " << c.cut_short
            << ", too deep " << c.too_deep << ", fragments " << c.fragments << "; tunnelled " << c.tunnelled
            << "; connections " << c.connections << " (" << c.connections_mid_stream << " mid-stream), bytes "
            << c.told_bytes << ", in gaps " << c.gap_bytes << "\n";
  REQUIRE(sum->whole + sum->damaged + refused == sum->files);
}

TEST_CASE("Captures of tcpdump's tests are read to their end or refused by name") {
  Sum sum;
  TakeAll("tcpdump-pcaps", &sum);
}

TEST_CASE("Captures of Arkime's tests are read to their end or refused by name") {
  Sum sum;
  TakeAll("arkime-pcaps", &sum);
}

TEST_CASE("Captures of Zeek's tests are read to their end or refused by name") {
  Sum sum;
  TakeAll("zeek-traces", &sum);
}

TEST_CASE("Captures of Suricata's tests are read to their end or refused by name") {
  Sum sum;
  TakeAll("suricata-verify", &sum);
}

}  // namespace
}  // namespace stockade
