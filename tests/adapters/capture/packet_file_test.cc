// packet_file: pcap and pcapng of either byte order and precision, compressed or not; what is whole before a damage is given,
// and the damage said.
#include "adapters/capture/packet_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/adapters/capture/packets.h"
#include "tests/adapters/capture/text_bytes.h"
#include "tests/gzip_text.h"

namespace stockade {
namespace {

struct FileRead {
  absl::Status status;
  std::vector<std::string> packets;
  std::vector<int64_t> times_ns;
};

FileRead ReadAll(const std::string& text) {
  FileRead read;
  auto file = PacketFile::OverStream(std::make_unique<test::TextBytes>(text, 100), "some.pcap");
  if (!file.ok()) {
    read.status = file.status();
    return read;
  }
  Packet packet;
  while (true) {
    const auto more = (*file)->Next(&packet);
    read.status = more.status();
    if (!more.ok() || !*more) break;
    read.packets.emplace_back(reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size());
    read.times_ns.push_back(packet.time_ns);
    REQUIRE(packet.number == read.packets.size());
  }
  // Once over, over for ever.
  REQUIRE((*file)->Next(&packet).status() == read.status);
  return read;
}

const std::vector<std::string> kPackets = {test::Ipv4(6, test::Tcp({.bytes = "one"})), std::string(3000, 'x'),
                                           "z"};

std::string Block(uint32_t type, std::string body) {
  const auto le32 = [](uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
  body.resize((body.size() + 3) & ~size_t{3}, '\0');
  const std::string size = le32(static_cast<uint32_t>(12 + body.size()));
  return le32(type) + size + body + size;
}

std::string Pcapng() {
  const auto le32 = [](uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
  std::string file =
      Block(0x0a0d0d0a, le32(0x1a2b3c4d) + std::string("\1\0\0\0", 4) + std::string(8, '\xff'));
  // Nanoseconds: option if_tsresol 9.
  file +=
      Block(1, std::string("\1\0\0\0", 4) + le32(262144) + std::string("\x09\0\1\0\x09\0\0\0", 8) + le32(0));
  for (const std::string& packet : kPackets) {
    const auto size = static_cast<uint32_t>(packet.size());
    file += Block(6, le32(0) + le32(0x17979cfe) + le32(0x362d2015) + le32(size) + le32(size) + packet);
  }
  return file;
}

TEST_CASE("pcap and pcapng, plain and compressed, give their packets") {
  const std::string pcap = test::PcapFile(kPackets, test::kRawIp);
  for (const std::string& text : {pcap, Gzip(pcap), Pcapng(), Gzip(Pcapng())}) {
    const FileRead read = ReadAll(text);
    REQUIRE(read.status.ok());
    REQUIRE(read.packets == kPackets);
  }
  REQUIRE(ReadAll(pcap).times_ns == std::vector<int64_t>{1'700'000'000'000'000'000, 1'700'000'001'000'000'000,
                                                         1'700'000'002'000'000'000});
  REQUIRE(ReadAll(Pcapng()).times_ns[0] == 0x17979cfe'362d2015);
  REQUIRE(PacketFile::IsBegin(pcap));
  REQUIRE(PacketFile::IsBegin(Pcapng()));
  REQUIRE(!PacketFile::IsBegin("{\"@timestamp\": 1}"));
}

TEST_CASE("Interfaces of a pcapng file may have snap lengths of their own, and may come after packets") {
  const auto le32 = [](uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
  std::string file = Pcapng() + Block(1, std::string("\1\0\0\0", 4) + le32(8192));
  file += Block(0x0bad, "") + Block(6, le32(1) + le32(0) + le32(0) + le32(3) + le32(3) + "abc");
  const FileRead read = ReadAll(file);
  REQUIRE(read.status.ok());
  REQUIRE(read.packets.size() == kPackets.size() + 1);
  REQUIRE(read.packets.back() == "abc");
  // Another link type is what libpcap cannot tell.
  const FileRead other = ReadAll(Pcapng() + Block(1, std::string("\x71\0\0\0", 4) + le32(0)));
  REQUIRE(other.packets == kPackets);
  REQUIRE(other.status.code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("A file that ends anywhere gives every whole packet, and then says so") {
  const std::string pcap = test::PcapFile(kPackets, test::kRawIp);
  std::vector<size_t> ends = {24};
  for (const std::string& packet : kPackets) ends.push_back(ends.back() + 16 + packet.size());
  for (size_t size = 24; size <= pcap.size(); size += size < 200 ? 1 : 37) {
    INFO("of " << size << " bytes");
    const FileRead read = ReadAll(pcap.substr(0, size));
    size_t whole = 0;
    while (whole + 1 < ends.size() && ends[whole + 1] <= size) ++whole;
    REQUIRE(read.packets.size() == whole);
    REQUIRE(read.status.ok() == (ends[whole] == size));
    if (!read.status.ok()) {
      REQUIRE(read.status.code() == absl::StatusCode::kDataLoss);
      REQUIRE(std::string(read.status.message()).find("some.pcap: after packet " + std::to_string(whole)) ==
              0);
    }
  }
}

TEST_CASE("A compressed file that is cut off or damaged gives what is whole, and says which") {
  std::string noise;
  for (uint32_t i = 0; i < 20000; ++i) noise += static_cast<char>(i * 2654435761U >> 13);
  const std::string archive = Gzip(test::PcapFile({kPackets[0], noise, kPackets[0]}, test::kRawIp));
  const FileRead cut = ReadAll(archive.substr(0, archive.size() - 40));
  REQUIRE(cut.packets.size() >= 1);
  REQUIRE(cut.status.code() == absl::StatusCode::kDataLoss);
  REQUIRE(std::string(cut.status.message()).find("gzip archive ends early") != std::string::npos);
  std::string damaged = archive;
  damaged[damaged.size() - 6] ^= 1;  // its checksum
  REQUIRE(std::string(ReadAll(damaged).status.message()).find("is damaged") != std::string::npos);
}

TEST_CASE("What is no capture is refused, and a link type that is not read is named") {
  REQUIRE(ReadAll("").status.code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(ReadAll("no capture but a text\n").status.code() == absl::StatusCode::kInvalidArgument);
  const FileRead wifi = ReadAll(test::PcapFile(kPackets, 127));
  REQUIRE(wifi.status.code() == absl::StatusCode::kUnimplemented);
  REQUIRE(std::string(wifi.status.message()).find("some.pcap: packets of link type IEEE802_11_RADIO") == 0);
  REQUIRE(PacketFile::Open("/nonexistent/file.pcap").status().code() == absl::StatusCode::kNotFound);
  REQUIRE(!PacketFile::Open("/").ok());
}

TEST_CASE("A packet that claims to be larger than any is damage") {
  std::string pcap = test::PcapFile(kPackets, test::kRawIp);
  pcap.replace(24 + 8, 4, "\xff\xff\xff\x7f");
  const FileRead read = ReadAll(pcap);
  REQUIRE(read.packets.empty());
  REQUIRE(read.status.code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("Times beyond all reason are cut to what fits") {
  REQUIRE(CaptureTimeNs(-5, 7) == 7);
  REQUIRE(CaptureTimeNs(1, 5'000'000'000) == 1'999'999'999);
  REQUIRE(CaptureTimeNs(INT64_MAX, 0) > 0);
}

}  // namespace
}  // namespace stockade
