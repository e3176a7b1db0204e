// packet_decoder: every link layer and tunnel that is read gives the same segment; what is not whole is counted by its reason.
#include "adapters/capture/packet_decoder.h"

#include <catch2/catch.hpp>

#include "tests/adapters/capture/packets.h"

namespace stockade {
namespace {

using std::string_literals::operator""s;
using test::Be16;
using test::Be32;
using test::Ethernet;
using test::Ipv4;
using test::Ipv6;

constexpr int kTcp = 6;
constexpr int kUdp = 17;
const std::string kText = "GET / HTTP/1.1\r\n";

std::string Http(int option_words = 0) {
  return test::Tcp({.sequence = 7, .acknowledged = 9, .bytes = kText}, option_words);
}
std::string InV4() {
  return Ipv4(kTcp, Http());
}
std::string InV6() {
  return Ipv6(kTcp, Http());
}

struct Decoded {
  CaptureCounts counts;
  Transport transport = Transport::kNone;
  std::string bytes;
  TcpSegment tcp;
  Datagram datagram;
};

Decoded Decode(const std::string& packet, int link_type, const PacketDecoderOptions& options = {}) {
  Decoded result;
  PacketDecoder decoder(options, &result.counts);
  DecodedPacket decoded;
  decoder.Decode(test::AsPacket(packet, link_type), 0, &decoded);
  result.transport = decoded.transport;
  result.tcp = decoded.tcp;
  result.datagram = decoded.datagram;
  if (decoded.transport == Transport::kTcp) result.bytes = std::string(decoded.tcp.bytes);
  if (decoded.transport == Transport::kUdp) result.bytes = std::string(decoded.datagram.bytes);
  return result;
}

void CheckHttp(const std::string& packet, int link_type, const char* from = "192.0.2.1") {
  const Decoded decoded = Decode(packet, link_type);
  REQUIRE(decoded.transport == Transport::kTcp);
  REQUIRE(decoded.bytes == kText);
  REQUIRE(decoded.tcp.source == FlowEndpoint{*Address::Parse(from), 40000});
  REQUIRE(decoded.tcp.destination.port == 80);
  REQUIRE(decoded.tcp.sequence == 7);
  REQUIRE(decoded.tcp.acknowledged == 9);
  REQUIRE(decoded.counts.tcp_segments == 1);
}

std::string Vlan(int tag_type, const std::string& rest_with_type) {
  return Be16(static_cast<uint32_t>(tag_type)) + Be16(7) + rest_with_type;
}

TEST_CASE("Every link layer that is read gives the segment in it") {
  const std::string addresses(12, '\2');
  CheckHttp(Ethernet(0x0800, InV4()), 1);
  CheckHttp(Ethernet(0x86dd, InV6()), 1, "2001:db8::1");
  CheckHttp(Ethernet(0x0800, InV4() + std::string(30, '\0')), 1);  // padded
  CheckHttp(addresses + Vlan(0x8100, Be16(0x0800)) + InV4(), 1);
  CheckHttp(addresses + Vlan(0x88a8, Vlan(0x8100, Vlan(0x9100, Be16(0x0800)))) + InV4(), 1);
  CheckHttp(Ethernet(static_cast<int>(8 + InV4().size()), "\xaa\xaa\x03\0\0\0"s + Be16(0x0800) + InV4()),
            1);  // SNAP
  CheckHttp(InV4(), 12);
  CheckHttp(InV6(), 12, "2001:db8::1");
  CheckHttp(InV4(), 228);
  CheckHttp(InV6(), 229, "2001:db8::1");
  CheckHttp(Be16(0) + Be16(1) + Be16(6) + std::string(8, '\1') + Be16(0x0800) + InV4(), 113);
  CheckHttp(Be16(0x0800) + Be16(0) + Be32(3) + Be16(1) + std::string{4, 6} + std::string(8, '\1') + InV4(),
            276);
  CheckHttp("\2\0\0\0"s + InV4(), 0);
  CheckHttp(Be32(30) + InV6(), 0, "2001:db8::1");  // macOS, captured on a big-endian machine
  CheckHttp(Be32(2) + InV4(), 108);
  CheckHttp("\xff\x03\0\x21"s + InV4(), 9);
  CheckHttp("\x21"s + InV4(), 9);  // both fields compressed
  CheckHttp("\xff\x03\0\x57"s + InV6(), 50, "2001:db8::1");
  CheckHttp("\x0f\0"s + Be16(0x0800) + InV4(), 104);
  const std::string session =
      "\x11\0\0\1"s + Be16(static_cast<uint32_t>(2 + InV4().size())) + "\0\x21"s + InV4();
  CheckHttp(Ethernet(0x8864, session), 1);
  CheckHttp(Ethernet(0x8864, session + "trailer"), 1);
  CheckHttp(session, 51);
}

TEST_CASE("What travels in tunnels is read, and is not where tunnels are off") {
  const auto gre = [](int flags, int type, const std::string& payload) {
    return Be16(static_cast<uint32_t>(flags)) + Be16(static_cast<uint32_t>(type)) + payload;
  };
  const std::string frame = Ethernet(0x0800, InV4());
  const std::vector<std::string> tunnelled = {
      Ipv4(4, InV4()),
      Ipv6(4, InV4()),
      Ipv4(47, gre(0, 0x0800, InV4())),
      Ipv4(47, gre(0xb000, 0x0800, Be32(1) + Be32(2) + Be32(3) + InV4())),  // checksum, key, number
      Ipv4(47, gre(0x2000, 0x6558, Be32(1) + frame)),
      Ipv4(47, gre(0, 0x88be, frame)),                                        // ERSPAN I
      Ipv4(47, gre(0x1000, 0x88be, Be32(1) + std::string(8, '\1') + frame)),  // II
      Ipv4(47, gre(0x1000, 0x22eb, Be32(1) + std::string(12, '\0') + frame)),
      Ipv4(47, gre(0x1000, 0x22eb, Be32(1) + std::string(11, '\0') + "\1" + std::string(8, '\0') + frame)),
      Ipv4(kUdp, test::Udp(5555, 4789, "\x08\0\0\0\0\0\1\0"s + frame)),
      Ipv4(4, Ipv4(kUdp, test::Udp(5555, 4789, "\x08\0\0\0\0\0\1\0"s + frame))),
  };
  for (const std::string& packet : tunnelled) {
    CheckHttp(packet, 12);
    REQUIRE(Decode(packet, 12).counts.tunnelled == 1);
    PacketDecoderOptions off;
    off.tunnels = false;
    REQUIRE(Decode(packet, 12, off).transport != Transport::kTcp);
  }
  CheckHttp(Ipv6(41, InV6()), 12, "2001:db8::1");
}

TEST_CASE("Headers of any length are taken off, and what is behind the packet is not read") {
  CheckHttp(Ipv4(kTcp, Http(), {.option_words = 10}), 12);
  CheckHttp(Ipv4(kTcp, Http(10)), 12);
  // Hop-by-hop, routing, destination options, an atomic fragment, AH: each names the next.
  const std::string chain = std::string{43, 0} + std::string(6, '\0') + std::string{60, 0} +
                            std::string(6, '\0') + std::string{44, 1} + std::string(14, '\0') +
                            test::Ipv6Fragment(51, 5, 0, false, "") + std::string{6, 4} +
                            std::string(22, '\0') + Http();
  CheckHttp(Ipv6(0, chain), 12, "2001:db8::1");
  CheckHttp(Ipv4(51, std::string{6, 4} + std::string(22, '\0') + Http()), 12);
  // An offloaded segment that is too long for its own field.
  CheckHttp(Ipv4(kTcp, Http(), {.total = 0}), 12);
}

TEST_CASE("Mapped and embedded addresses are those of IPv4") {
  const std::string mapped = std::string(10, '\0') + "\xff\xff" + Be32(0xc0000201);
  std::string packet = InV6();
  packet.replace(8, 16, mapped);
  CheckHttp(packet, 12);
}

TEST_CASE("A UDP datagram is told with its own length") {
  const Decoded decoded = Decode(Ethernet(0x0800, Ipv4(kUdp, test::Udp(53, 5353, "answer") + "padding")), 1);
  REQUIRE(decoded.transport == Transport::kUdp);
  REQUIRE(decoded.bytes == "answer");
  REQUIRE(!decoded.datagram.truncated);
  REQUIRE(decoded.datagram.destination.port == 5353);
}

TEST_CASE("What the capture cut off is known to be missing") {
  const std::string whole = InV4();
  const Decoded decoded = Decode(whole.substr(0, whole.size() - 6), 12);
  REQUIRE(decoded.transport == Transport::kTcp);
  REQUIRE(decoded.bytes == kText.substr(0, kText.size() - 6));
  REQUIRE(decoded.tcp.wire_bytes == kText.size());
  REQUIRE(decoded.counts.truncated == 1);
  const std::string datagram = Ipv4(kUdp, test::Udp(1, 2, "content"));
  REQUIRE(Decode(datagram.substr(0, datagram.size() - 2), 12).datagram.truncated);
}

TEST_CASE("Packets cut at any byte are counted once and read no further than they go") {
  const std::string vxlan = Ethernet(
      0x0800,
      Ipv4(kUdp,
           test::Udp(5555, 4789,
                     "\x08\0\0\0\0\0\1\0"s +
                         Ethernet(0x86dd, Ipv6(0, std::string{6, 0} + std::string(6, '\0') + Http())))));
  for (size_t size = 0; size <= vxlan.size(); ++size) {
    // A buffer of its own size, so that a sanitizer sees a byte too many.
    const std::vector<uint8_t> cut(vxlan.begin(), vxlan.begin() + static_cast<ptrdiff_t>(size));
    CaptureCounts counts;
    PacketDecoder decoder({}, &counts);
    DecodedPacket decoded;
    decoder.Decode(Packet{.bytes = cut, .wire_bytes = static_cast<uint32_t>(cut.size()), .link_type = 1}, 0,
                   &decoded);
    REQUIRE(counts.tcp_segments + counts.udp_datagrams + counts.cut_short + counts.other + counts.malformed ==
            1);
    REQUIRE((decoded.transport == Transport::kTcp) == (size >= vxlan.size() - kText.size()));
  }
}

TEST_CASE("What is no TCP or UDP is counted by what it is") {
  REQUIRE(Decode(Ethernet(0x0806, std::string(28, '\0')), 1).counts.other == 1);  // ARP
  REQUIRE(Decode(Ipv4(1, "ping"), 12).counts.other == 1);
  REQUIRE(Decode(Ipv4(50, std::string(40, 'x')), 12).counts.other == 1);  // ESP
  REQUIRE(Decode("\x30junkjunkjunkjunkjunk", 12).counts.malformed == 1);  // IP version 3
  REQUIRE(Decode(Ipv4(kTcp, Http(), {.total = 19}), 12).counts.malformed == 1);
  std::string short_header = InV4();
  short_header[32] = 0x40;  // a TCP header of 16 bytes
  REQUIRE(Decode(short_header, 12).counts.malformed == 1);
}

TEST_CASE("A packet of more layers than are real is given up") {
  std::string packet = InV4();
  for (int i = 0; i < 20; ++i) packet = Ipv4(4, packet);
  REQUIRE(Decode(packet, 12).counts.too_deep == 1);
  std::string tags;
  for (int i = 0; i < 20; ++i) tags += Vlan(0x8100, "");
  REQUIRE(Decode(std::string(12, '\2') + tags + Be16(0x0800) + InV4(), 1).counts.too_deep == 1);
}

TEST_CASE("Wrong checksums are taken by default, and counted where they are verified") {
  PacketDecoderOptions verify;
  verify.verify_checksums = true;
  REQUIRE(Decode(InV4(), 12, verify).counts.bad_checksums == 1);
  // Right ones: of the IP header, and of TCP with its pseudo header (RFC 9293 §3.1).
  const auto sum = [](const std::string& bytes, uint32_t begin) {
    const std::span<const uint8_t> span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    return 0xffff & ~ChecksumWords(span, begin);
  };
  std::string segment = Http();
  const std::string pseudo =
      Be32(0xc0000201) + Be32(0xc6336402) + Be16(kTcp) + Be16(static_cast<uint32_t>(segment.size()));
  segment.replace(16, 2, Be16(sum(pseudo + segment, 0)));
  std::string packet = Ipv4(kTcp, segment);
  packet.replace(10, 2, Be16(sum(packet.substr(0, 20), 0)));
  REQUIRE(Decode(packet, 12, verify).bytes == kText);
  packet.back() = '!';
  REQUIRE(Decode(packet, 12, verify).counts.bad_checksums == 1);
}

TEST_CASE("Link types that are not read have a name") {
  REQUIRE(IsReadLinkType(1));
  REQUIRE(!IsReadLinkType(105));
  REQUIRE(LinkTypeName(105) == "IEEE802_11 (802.11)");
  REQUIRE(LinkTypeName(9999) == "number 9999");
}

}  // namespace
}  // namespace stockade
