// PROXY headers: the document's own examples, every truncation, one wrong byte at each place that has a meaning, and
// hostile lengths. Real HAProxy is asked in haproxy_test.cc.
#include "adapters/gateway/proxy_protocol.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/text.h"

namespace stockade {
namespace {

using State = ProxyHeaderState;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}
std::string Big16(size_t value) {
  return Bytes({static_cast<int>(value >> 8 & 0xff), static_cast<int>(value & 0xff)});
}
std::string Big32(uint32_t value) {
  return Big16(value >> 16) + Big16(value & 0xffff);
}

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kTcp4 = Bytes({192, 0, 2, 7, 198, 51, 100, 1, 0xdb, 0xa0, 0x01, 0xbb});

std::string V2(int command, int family, const std::string& block) {
  return kSignature + Bytes({command, family}) + Big16(block.size()) + block;
}
std::string Tlv(int type, const std::string& value) {
  return Bytes({type}) + Big16(value.size()) + value;
}
// A header over TCP4 that ends in a right checksum.
std::string WithChecksum(const std::string& tlvs) {
  std::string header = V2(0x21, 0x11, kTcp4 + tlvs + Tlv(3, Big32(0)));
  const uint32_t crc = Crc32c(header);
  header.replace(header.size() - 4, 4, Big32(crc));
  return header;
}

// The answer to a whole header, after proving that it comes for it only when it is whole, that what follows does not
// matter, and that kMore always asks for something that helps.
ProxyHeaderRead ReadWhole(const std::string& header) {
  for (size_t cut = 0; cut < header.size(); ++cut) {
    INFO("cut after " << cut);
    const ProxyHeaderRead part = ReadProxyHeader(std::string_view(header).substr(0, cut));
    REQUIRE(part.state == State::kMore);
    REQUIRE(part.bytes > cut);
    REQUIRE(part.bytes <= header.size());
  }
  const ProxyHeaderRead whole = ReadProxyHeader(header);
  REQUIRE(whole.state == State::kDone);
  REQUIRE(whole.bytes == header.size());
  const std::string followed = header + "GET / HTTP/1.1\r\n";
  const ProxyHeaderRead more = ReadProxyHeader(followed);
  REQUIRE(more.state == State::kDone);
  REQUIRE(more.bytes == header.size());
  REQUIRE(more.header.peer == whole.header.peer);
  return whole;
}

ProxyHeaderError ErrorOf(const std::string& bytes) {
  const ProxyHeaderRead read = ReadProxyHeader(bytes);
  INFO(bytes);
  REQUIRE(read.state == State::kBroken);
  REQUIRE(read.bytes == 0);
  return read.error;
}

TEST_CASE("the document's examples of version 1 are read", "[gateway]") {
  SECTION("TCP over IPv4, longest") {
    const auto read = ReadWhole("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
    CHECK(read.header.peer.ToString() == "255.255.255.255");
    CHECK(read.header.peer_port == 65535);
  }
  SECTION("TCP over IPv6, longest") {
    const auto read = ReadWhole(
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
        "65535\r\n");
    CHECK(read.header.peer.ToString() == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  }
  SECTION("unknown, short and longest") {
    CHECK_FALSE(ReadWhole("PROXY UNKNOWN\r\n").header.peer.present());
    const std::string longest =
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
        "65535\r\n";
    REQUIRE(longest.size() == kProxyLineBytesMax);
    CHECK_FALSE(ReadWhole(longest).header.peer.present());
  }
  SECTION("the connection of section 2.1") {
    const auto read = ReadWhole("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
    CHECK(read.header.peer.ToString() == "192.168.0.1");
    CHECK(read.header.peer_port == 56324);
  }
  SECTION("a mapped address is the IPv4 address inside") {
    CHECK(ReadWhole("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n").header.peer == Address::Parse("192.0.2.7"));
  }
}

TEST_CASE("a line that is not exactly version 1 breaks the connection", "[gateway]") {
  using E = ProxyHeaderError;
  const std::pair<std::string, E> cases[] = {
      {"GET / HTTP/1.1\r\n", E::kNoHeader},
      {"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", E::kNoHeader},
      {" PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", E::kNoHeader},
      {"PROXYTCP4 ", E::kNoHeader},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", E::kBadLine},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", E::kBadLine},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX", E::kBadLine},
      {"PROXY \r\n", E::kBadLine},
      {"PROXY TCP\r\n", E::kBadLine},
      {"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", E::kBadLine},
      {"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", E::kBadLine},
      {"PROXY UNKNOWNX\r\n", E::kBadLine},
      {"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", E::kBadLine},
      {"PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n", E::kBadLine},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", E::kBadLine},
      {"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", E::kBadAddress},
      {"PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n", E::kBadAddress},
      {"PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n", E::kBadAddress},
      {"PROXY TCP4 0x1.2.3.4 1.2.3.4 1 2\r\n", E::kBadAddress},
      {"PROXY TCP4 ::1 ::1 1 2\r\n", E::kBadAddress},
      {"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", E::kBadAddress},
      {"PROXY TCP6 [::1] ::1 1 2\r\n", E::kBadAddress},
      {"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", E::kBadAddress},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999999999999999999\r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n", E::kBadPort},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", E::kBadPort},
      {"PROXY UNKNOWN " + std::string(93, 'x') + "\r\n", E::kLineTooLong},
      {"PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", E::kLineTooLong},
      {"PROXY UNKNOWN " + std::string(5000, 'x'), E::kLineTooLong},
  };
  for (const auto& [bytes, error] : cases) {
    INFO(bytes);
    CHECK(ErrorOf(bytes) == error);
  }
  CHECK(ReadProxyHeader("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").state == State::kDone);
}

TEST_CASE("version 2 is read with its addresses", "[gateway]") {
  SECTION("TCP over IPv4") {
    const auto read = ReadWhole(V2(0x21, 0x11, kTcp4));
    CHECK(read.header.peer.ToString() == "192.0.2.7");
    CHECK(read.header.peer_port == 56224);
    CHECK(read.bytes == 28);
  }
  SECTION("TCP over IPv6") {
    std::string block = Bytes({0x20, 0x01, 0x0d, 0xb8}) + std::string(11, '\0') + Bytes({9}) +
                        std::string(16, '\1') + Big16(443) + Big16(8443);
    const auto read = ReadWhole(V2(0x21, 0x21, block));
    CHECK(read.header.peer.ToString() == "2001:db8::9");
    CHECK(read.header.peer_port == 443);
    CHECK(read.bytes == 52);
  }
  SECTION("datagrams have addresses too") {
    CHECK(ReadWhole(V2(0x21, 0x12, kTcp4)).header.peer.ToString() == "192.0.2.7");
  }
  SECTION("a unix socket names nobody") {
    const auto read = ReadWhole(V2(0x21, 0x31, "/run/a.sock" + std::string(205, '\0')));
    CHECK_FALSE(read.header.peer.present());
    CHECK(read.bytes == 232);
  }
  SECTION("LOCAL and UNSPEC use the socket's, whatever they carry") {
    CHECK_FALSE(ReadWhole(V2(0x20, 0x00, "")).header.peer.present());
    CHECK_FALSE(ReadWhole(V2(0x20, 0x11, kTcp4)).header.peer.present());
    CHECK_FALSE(ReadWhole(V2(0x20, 0xff, "abc")).header.peer.present());
    CHECK_FALSE(ReadWhole(V2(0x21, 0x00, "abc")).header.peer.present());
  }
}

TEST_CASE("version 2 with one byte that has no meaning breaks the connection", "[gateway]") {
  using E = ProxyHeaderError;
  CHECK(ErrorOf(V2(0x11, 0x11, kTcp4)) == E::kBadVersion);
  CHECK(ErrorOf(V2(0x31, 0x11, kTcp4)) == E::kBadVersion);
  for (int command = 2; command < 16; ++command)
    CHECK(ErrorOf(V2(0x20 | command, 0x11, kTcp4)) == E::kBadCommand);
  for (int family = 0; family < 256; ++family) {
    const std::string header = V2(0x21, family, std::string(216, '\0'));
    const bool known = (family >> 4 >= 1 && family >> 4 <= 3) && ((family & 15) == 1 || (family & 15) == 2);
    // A block of zeros behind the addresses is TLVs of type 0 and length 0.
    if (known || family == 0) {
      CHECK(ReadProxyHeader(header).error != E::kBadFamily);
    } else {
      CHECK(ErrorOf(header) == E::kBadFamily);
    }
  }
  for (size_t i = 0; i < kSignature.size(); ++i) {
    std::string header = V2(0x21, 0x11, kTcp4);
    header[i] = static_cast<char>(header[i] ^ 0x40);
    CHECK(ErrorOf(header) == E::kNoHeader);
  }
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4.substr(1))) == E::kBadLength);
  CHECK(ErrorOf(V2(0x21, 0x21, kTcp4)) == E::kBadLength);
  CHECK(ErrorOf(V2(0x21, 0x31, std::string(215, 'x'))) == E::kBadLength);
  CHECK(ErrorOf(V2(0x21, 0x11, "")) == E::kBadLength);
  CHECK(ErrorOf(kSignature + Bytes({0x21, 0x11, 0xff, 0xff})) == E::kBadLength);
  CHECK(ErrorOf(kSignature + Bytes({0x20, 0x00, 0x10, 0x01})) == E::kBadLength);
  CHECK(ReadWhole(V2(0x20, 0x00, std::string(4096, 'x'))).bytes == kProxyHeaderBytesMax);
}

TEST_CASE("TLVs fill the rest exactly, within limits, and a checksum must hold", "[gateway]") {
  using E = ProxyHeaderError;
  const std::string authority = Tlv(2, "example.org");
  CHECK(ReadWhole(V2(0x21, 0x11, kTcp4 + authority + Tlv(4, "") + Tlv(0xea, std::string(300, 'x'))))
            .header.peer_port == 56224);
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + "x")) == E::kBadTlv);
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + authority.substr(0, 5))) == E::kBadTlv);
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + Bytes({2, 0xff, 0xff}))) == E::kBadTlv);

  std::string many;
  for (int i = 0; i < kProxyTlvsMax; ++i) many += Tlv(4, "");
  CHECK(ReadWhole(V2(0x21, 0x11, kTcp4 + many)).header.peer.present());
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + many + Tlv(4, ""))) == E::kBadTlv);

  CHECK(Crc32c("123456789") == 0xe3069283);
  const std::string summed = WithChecksum(authority);
  CHECK(ReadWhole(summed).header.peer.ToString() == "192.0.2.7");
  for (size_t i = 16; i < summed.size(); ++i) {
    if (i == summed.size() - 7) continue;  // the checksum's own type: then it is none
    std::string wrong = summed;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    CHECK(ReadProxyHeader(wrong).state != State::kDone);
  }
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + Tlv(3, "abc"))) == E::kBadTlv);
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + Tlv(3, Big32(0)) + Tlv(3, Big32(0)))) == E::kBadChecksum);
}

TEST_CASE("what the balancer says of TLS is noted", "[gateway]") {
  using E = ProxyHeaderError;
  const std::string inside = Tlv(0x21, "TLSv1.3") + Tlv(0x22, "alice");
  const auto ssl = [&](int client, uint32_t verify) {
    return ReadWhole(V2(0x21, 0x11, kTcp4 + Tlv(0x20, Bytes({client}) + Big32(verify) + inside))).header;
  };
  CHECK(ssl(1, 1).tls);
  CHECK_FALSE(ssl(1, 0).client_certificate_verified);  // no certificate, so nothing was verified
  CHECK(ssl(3, 0).client_certificate);
  CHECK(ssl(3, 0).client_certificate_verified);
  CHECK(ssl(5, 0).client_certificate_verified);
  CHECK(ssl(7, 18).client_certificate);
  CHECK_FALSE(ssl(7, 18).client_certificate_verified);
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + Tlv(0x20, "abcd"))) == E::kBadTlv);
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + Tlv(0x20, Bytes({1}) + Big32(0) + Bytes({0x21, 0, 9})))) ==
        E::kBadTlv);
  const std::string good = Tlv(0x20, Bytes({1}) + Big32(0));
  CHECK(ErrorOf(V2(0x21, 0x11, kTcp4 + good + good)) == E::kBadTlv);
}

TEST_CASE("random bytes behind a signature never read past what is there", "[gateway]") {
  std::mt19937 random(20240611);
  std::vector<std::string> starts = {"",
                                     "PROXY ",
                                     "PROXY TCP4 ",
                                     "PROXY TCP6 ",
                                     kSignature,
                                     V2(0x21, 0x11, kTcp4),
                                     WithChecksum(Tlv(2, "a"))};
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = starts[random() % starts.size()];
    const size_t extra = random() % 64;
    for (size_t i = 0; i < extra; ++i) bytes.push_back(static_cast<char>(random()));
    if (!bytes.empty() && random() % 2 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
    const ProxyHeaderRead read = ReadProxyHeader(bytes);
    if (read.state == State::kDone) REQUIRE(read.bytes <= bytes.size());
    if (read.state == State::kMore) REQUIRE(read.bytes > bytes.size());
    REQUIRE((read.state == State::kBroken) == (read.error != ProxyHeaderError::kNone));
  }
}

}  // namespace
}  // namespace stockade
