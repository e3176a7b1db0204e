// For tests: packets made by hand, layer by layer, each function putting its header in front of what it is given.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "adapters/capture/assembly.h"
#include "engine/event/address.h"

namespace stockade::test {

inline constexpr int kEthernet = 1;  // libpcap's DLT_ values
inline constexpr int kRawIp = 12;

inline std::string Be16(uint32_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string Be32(uint32_t value) {
  return Be16(value >> 16) + Be16(value & 0xffff);
}

struct Segment {
  uint16_t from_port = 40000;
  uint16_t to_port = 80;
  uint32_t sequence = 0;
  uint32_t acknowledged = 0;
  uint8_t flags = TcpSegment::kAck;
  std::string bytes;
};

inline std::string Tcp(const Segment& segment, int option_words = 0) {
  return Be16(segment.from_port) + Be16(segment.to_port) + Be32(segment.sequence) +
         Be32(segment.acknowledged) +
         std::string{static_cast<char>((5 + option_words) << 4), static_cast<char>(segment.flags)} +
         Be16(65535) + Be16(0) + Be16(0) + std::string(static_cast<size_t>(option_words) * 4, '\1') +
         segment.bytes;
}

inline std::string Udp(uint16_t from_port, uint16_t to_port, std::string_view bytes) {
  return Be16(from_port) + Be16(to_port) + Be16(static_cast<uint32_t>(8 + bytes.size())) + Be16(0) +
         std::string(bytes);
}

struct Ipv4Options {
  uint32_t from = 0xc0000201;  // 192.0.2.1
  uint32_t to = 0xc6336402;    // 198.51.100.2
  uint16_t id = 1;
  uint16_t fragment = 0;  // flags and offset, as in the header
  int option_words = 0;
  int total = -1;  // the length that the header says, where it is not the right one
};

inline std::string Ipv4(int protocol, const std::string& payload, const Ipv4Options& options = {}) {
  const int header = 20 + options.option_words * 4;
  const int total = options.total >= 0 ? options.total : header + static_cast<int>(payload.size());
  return std::string{static_cast<char>(0x40 | header / 4), 0} + Be16(static_cast<uint32_t>(total)) +
         Be16(options.id) + Be16(options.fragment) + std::string{64, static_cast<char>(protocol)} + Be16(0) +
         Be32(options.from) + Be32(options.to) +
         std::string(static_cast<size_t>(options.option_words) * 4, '\1') + payload;
}

inline std::string Ipv6Address(uint8_t last) {
  return std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + static_cast<char>(last);
}

inline std::string Ipv6(int next, const std::string& payload, uint8_t from = 1, uint8_t to = 2) {
  return std::string("\x60\0\0\0", 4) + Be16(static_cast<uint32_t>(payload.size())) +
         std::string{static_cast<char>(next), 64} + Ipv6Address(from) + Ipv6Address(to) + payload;
}

// `offset` in bytes, of `payload` among the fragmented.
inline std::string Ipv6Fragment(int next, uint32_t id, uint32_t offset, bool more,
                                const std::string& payload) {
  return std::string{static_cast<char>(next), 0} + Be16(offset | (more ? 1 : 0)) + Be32(id) + payload;
}

inline std::string Ethernet(int type, const std::string& payload) {
  return std::string(12, '\2') + Be16(static_cast<uint32_t>(type)) + payload;
}

inline Packet AsPacket(const std::string& bytes, int link_type, int64_t time_ns = 0) {
  Packet packet;
  packet.bytes = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  packet.wire_bytes = static_cast<uint32_t>(bytes.size());
  packet.time_ns = time_ns;
  packet.link_type = link_type;
  return packet;
}

// A capture file of such packets.
inline std::string PcapFile(const std::vector<std::string>& packets, int link_type) {
  const auto le32 = [](uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
  std::string file = le32(0xa1b2c3d4) + std::string("\2\0\4\0", 4) + le32(0) + le32(0) + le32(262144) +
                     le32(static_cast<uint32_t>(link_type));
  uint32_t seconds = 1'700'000'000;
  for (const std::string& packet : packets) {
    const auto size = static_cast<uint32_t>(packet.size());
    file += le32(seconds++) + le32(0) + le32(size) + le32(size) + packet;
  }
  return file;
}

}  // namespace stockade::test
