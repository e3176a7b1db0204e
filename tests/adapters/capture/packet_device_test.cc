// packet_device on the loopback interface of a network of its own: what tcpreplay sends comes to the same streams as the file
// that it sends. Skips, and says so, where no such network may be made or tcpreplay is not installed.
#include "adapters/capture/packet_device.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "adapters/capture/assembly.h"
#include "adapters/capture/packet_file.h"
#include "tests/adapters/capture/packets.h"
#include "tests/adapters/capture/told.h"

namespace stockade {
namespace {

// Moves this process into a network with nothing but a loopback interface, once.
bool InOwnNetwork() {
  static const bool moved = [] {
    if (::unshare(CLONE_NEWNET) != 0) return false;
    const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
    const bool up = ::ioctl(descriptor, SIOCSIFFLAGS, &request) == 0;
    ::close(descriptor);
    return up;
  }();
  return moved;
}

bool Skipped() {
  if (InOwnNetwork()) return false;
  WARN("skipped: a network namespace needs root");
  return true;
}

std::unique_ptr<PacketDevice> OpenLoopback(const PacketDeviceOptions& options) {
  auto device = PacketDevice::Open(options);
  INFO(device.status());
  REQUIRE(device.ok());
  return *std::move(device);
}

std::vector<std::string> Talk() {
  std::vector<std::string> frames;
  const auto send = [&](bool client, uint32_t sequence, uint32_t acked, uint8_t flags,
                        const std::string& bytes) {
    const test::Segment segment{.from_port = static_cast<uint16_t>(client ? 40000 : 80),
                                .to_port = static_cast<uint16_t>(client ? 80 : 40000),
                                .sequence = sequence,
                                .acknowledged = acked,
                                .flags = flags,
                                .bytes = bytes};
    test::Ipv4Options options;
    if (!client) std::swap(options.from, options.to);
    frames.push_back(test::Ethernet(0x0800, test::Ipv4(6, test::Tcp(segment), options)));
  };
  send(true, 99, 0, TcpSegment::kSyn, "");
  send(false, 499, 100, TcpSegment::kSyn | TcpSegment::kAck, "");
  for (uint32_t i = 0; i < 50; ++i) {
    send(true, 100 + 8 * i, 500 + 1000 * i, TcpSegment::kAck, "question");
    send(false, 500 + 1000 * i, 108 + 8 * i, TcpSegment::kAck,
         std::string(1000, static_cast<char>('a' + i % 26)));
  }
  send(true, 500, 50500, TcpSegment::kAck | TcpSegment::kFin, "");
  send(false, 50500, 501, TcpSegment::kAck | TcpSegment::kFin, "");
  send(true, 501, 50501, TcpSegment::kAck, "");
  return frames;
}

TEST_CASE("What is replayed onto an interface is told as from its file, through the filter, and counted") {
  if (Skipped()) return;
  if (std::system("command -v tcpreplay >/dev/null") != 0) {
    WARN("skipped: tcpreplay is not installed");
    return;
  }
  const auto path =
      std::filesystem::temp_directory_path() / ("stockade_device_" + std::to_string(::getpid()) + ".pcap");
  std::vector<std::string> frames = Talk();
  const size_t wanted = frames.size();
  frames.push_back(test::Ethernet(0x0800, test::Ipv4(17, test::Udp(1, 2, "not through the filter"))));
  std::ofstream(path, std::ios::binary) << test::PcapFile(frames, test::kEthernet);

  PacketDeviceOptions options;
  options.interface = "lo";
  options.filter = "tcp port 80 and host 192.0.2.1";
  const auto device = OpenLoopback(options);
  const std::string command = "tcpreplay --quiet --topspeed --intf1=lo " + path.string() + " >/dev/null 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  test::Told told;
  Assembly assembly({}, &told);
  // The loopback interface shows each packet as sent and as received.
  Packet packet;
  while (assembly.counts().packets < wanted) {
    const auto ready = device->Wait(absl::Seconds(20));
    REQUIRE(ready.ok());
    REQUIRE(*ready);
    while (true) {
      const auto more = device->Next(&packet);
      REQUIRE(more.ok());
      if (!*more) break;
      REQUIRE(packet.time_ns > 1'700'000'000'000'000'000);
      assembly.Take(packet);
    }
  }
  assembly.Finish();
  REQUIRE(told.datagrams().empty());
  REQUIRE(told.connections().size() == 1);
  REQUIRE(told.connections()[0].why == ConnectionClose::kFin);

  const auto counts = device->Counts();
  REQUIRE(counts.ok());
  REQUIRE(counts->received >= assembly.counts().packets);
  REQUIRE(counts->dropped_by_kernel == 0);

  test::Told from_file;
  Assembly file_assembly({}, &from_file);
  auto file = PacketFile::Open(path.string());
  REQUIRE(file.ok());
  while (*(*file)->Next(&packet)) file_assembly.Take(packet);
  file_assembly.Finish();
  for (const size_t d : {size_t{0}, size_t{1}}) {
    REQUIRE(told.connections()[0].direction[d].bytes == from_file.connections()[0].direction[d].bytes);
  }
  std::filesystem::remove(path);
}

TEST_CASE("A quiet interface gives nothing and does not wait longer than it is told to") {
  if (Skipped()) return;
  PacketDeviceOptions options;
  options.interface = "lo";
  options.filter = "udp port 9";
  const auto device = OpenLoopback(options);
  Packet packet;
  const auto next = device->Next(&packet);
  REQUIRE(next.ok());
  REQUIRE(!*next);
  const auto ready = device->Wait(absl::Milliseconds(1));
  REQUIRE(ready.ok());
  REQUIRE(!*ready);
  REQUIRE(device->descriptor() >= 0);
}

TEST_CASE("What cannot be opened says what to do about it") {
  if (Skipped()) return;
  const auto status = [](PacketDeviceOptions options) {
    auto device = PacketDevice::Open(options);
    REQUIRE(!device.ok());
    return device.status();
  };
  REQUIRE(status({}).code() == absl::StatusCode::kInvalidArgument);
  PacketDeviceOptions options;
  options.interface = "no_such0";
  REQUIRE(status(options).code() == absl::StatusCode::kNotFound);
  REQUIRE(std::string(status(options).message()).find("capture.interface: no_such0") == 0);
  options.interface = "lo";
  options.filter = "port eighty and";
  REQUIRE(std::string(status(options).message()).find("capture.filter: \"port eighty and\"") == 0);
  options.filter = "";
  options.snaplen = 10;
  REQUIRE(std::string(status(options).message()) == "capture.snaplen: 10 is not in 96 to 262144");
}

TEST_CASE("A time beyond any packet's does not time out the others") {
  test::Told told;
  Assembly assembly({}, &told);
  const std::vector<std::string> frames = Talk();
  int64_t time_ns = 1'700'000'000'000'000'000;
  for (size_t i = 0; i < 20; ++i) {
    // One broken time stamp ahead, one behind.
    const int64_t broken = i == 7 ? 4'000'000'000'000'000'000 : i == 12 ? 5 : 0;
    assembly.Take(test::AsPacket(frames[i], test::kEthernet, broken != 0 ? broken : time_ns));
    time_ns += 1000;
  }
  REQUIRE(told.connections().size() == 1);
  REQUIRE(!told.connections()[0].closed);
  // Two that agree are a quiet night.
  time_ns += int64_t{3600} * 1'000'000'000;
  const std::string other = test::Ethernet(0x0806, std::string(28, '\0'));
  assembly.Take(test::AsPacket(other, test::kEthernet, time_ns));
  REQUIRE(!told.connections()[0].closed);
  assembly.Take(test::AsPacket(other, test::kEthernet, time_ns + 1000));
  assembly.Advance(time_ns + 2000);
  REQUIRE(told.connections()[0].why == ConnectionClose::kIdle);
}

}  // namespace
}  // namespace stockade
