// Proves the keys and packets of RFC 9001 and RFC 9369, that a hello is put together from packets in any order, any cut and
// with strangers' datagrams between, and that nothing makes it collect without end.
#include <openssl/evp.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/quic_hello.h"
#include "adapters/client_hello/quic_long_header.h"
#include "tests/adapters/client_hello/hello_bytes.h"
#include "tests/adapters/client_hello/initial_vectors.h"
#include "tests/adapters/client_hello/sealed_initial.h"

namespace stockade {
namespace {

template <size_t N>
std::string Hex(const std::array<uint8_t, N>& bytes) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), N});
}

std::string Packet(const char* hex) {
  return absl::HexStringToBytes(hex);
}

const std::string kId = "\x83\x94\xc8\xf0\x3e\x51\x57\x08";

TEST_CASE("keys of both versions are those of the RFCs", "[client_hello]") {
  QuicInitialKeys keys;
  REQUIRE(keys.Derive(FindQuicVersion(1), kId));
  CHECK(Hex(keys.key()) == "1f369613dd76d5467730efcbe3b1a22d");
  CHECK(Hex(keys.iv()) == "fa044b2f42a3fd3b46fb255c");
  CHECK(Hex(keys.header_key()) == "9f50449e04a0e810283a1e9933adedd2");
  REQUIRE(keys.Derive(FindQuicVersion(0x6b3343cf), kId));
  CHECK(Hex(keys.key()) == "8b1a0bc121284290a29e0971b5cd045d");
  CHECK(Hex(keys.iv()) == "91f73e2351d8fa91660e909f");
  CHECK(Hex(keys.header_key()) == "45b95e15235d6f45a6b19cbcb0294ba9");
  CHECK_FALSE(FindQuicVersion(2).is_known);
}

TEST_CASE("the Initials of the RFCs open to their hello", "[client_hello]") {
  for (const char* const hex : {kInitialOfVersionOne, kInitialOfVersionTwo}) {
    QuicHelloReader reader;
    REQUIRE(reader.Read(Packet(hex)) == HelloState::kHello);
    const ClientFingerprint print = FingerprintOf(reader.hello(), HelloTransport::kQuic);
    CHECK(print.server_name == "example.com");
    CHECK(print.alpn == "alpn");
    CHECK(print.ja4.substr(0, 10) == "q13d0211an");
  }
}

TEST_CASE("a long header says whom a packet is to and from, in every version", "[client_hello]") {
  const std::string packet = "\xe0" + Big(0xfaceb002, 4) + Vector(kId, 1) + Vector("from", 1) + "rest";
  const std::optional<QuicLongHeader> header = ReadQuicLongHeader(packet);
  REQUIRE(header.has_value());
  CHECK(header->version == 0xfaceb002);
  CHECK(header->destination_id == kId);
  CHECK(header->source_id == "from");
  CHECK(header->rest == "rest");
  for (size_t size = 0; size < packet.size() - 4; ++size)
    CHECK_FALSE(ReadQuicLongHeader(packet.substr(0, size)).has_value());
  CHECK_FALSE(ReadQuicLongHeader("\x40" + packet.substr(1)).has_value());
}

TEST_CASE("one changed bit and nothing comes out", "[client_hello]") {
  const std::string whole = Packet(kInitialOfVersionOne);
  for (size_t bit = 0; bit < whole.size() * 8; bit += 61) {
    std::string packet = whole;
    packet[bit / 8] = static_cast<char>(packet[bit / 8] ^ (1 << bit % 8));
    QuicHelloReader reader;
    CAPTURE(bit);
    CHECK(reader.Read(packet) != HelloState::kHello);
    // And the true one behind it is read all the same, where the first was QUIC at all.
    if (reader.state() == HelloState::kMore) CHECK(reader.Read(whole) == HelloState::kHello);
  }
}

TEST_CASE("a hello in any pieces and any order is one", "[client_hello]") {
  HelloParts parts = DocumentedHello();
  parts.With(0x0039, std::string(1500, 't'));
  const std::string message = parts.Message();
  for (uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<std::string> frames;
    for (size_t at = 0; at < message.size();) {
      const size_t size = std::min<size_t>(message.size() - at, 1 + random() % 300);
      // Some overlap what went before.
      const size_t back = std::min<size_t>(at, random() % 20);
      frames.push_back(CryptoFrame(at - back, message.substr(at - back, size + back)));
      at += size;
    }
    std::shuffle(frames.begin(), frames.end(), random);
    QuicHelloReader reader;
    uint32_t number = 0;
    for (size_t i = 0; i < frames.size();) {
      std::string payload(random() % 2, '\x01');
      for (const size_t end = std::min<size_t>(frames.size(), i + 1 + random() % 4); i < end; ++i)
        payload += frames[i] + std::string(random() % 30, '\0');
      if (random() % 3 == 0) payload += std::string("\x02\x05\x00\x01\x02\x00\x01", 7);
      reader.Read(SealedInitial(seed % 2 == 0 ? 1 : 0x6b3343cf, kId, "", number++, payload));
      reader.Read("\x40 a stranger's");
    }
    REQUIRE(reader.state() == HelloState::kHello);
    CHECK(reader.message() == message);
  }
}

TEST_CASE("packets of one datagram are all looked at", "[client_hello]") {
  const std::string message = DocumentedHello().Message();
  // 0-RTT of version 1: its type, no token, a length.
  std::string early = "\xd0" + Big(1, 4) + Vector(kId, 1) + Vector("", 1) + "\x05xxxxx";
  QuicHelloReader reader;
  reader.Read(early + SealedInitial(1, kId, "tok", 0, CryptoFrame(0, message.substr(0, 100))) +
              SealedInitial(1, kId, "", 1, CryptoFrame(100, message.substr(100))));
  CHECK(reader.state() == HelloState::kHello);
}

TEST_CASE("after a Retry the hello is read under its new key", "[client_hello]") {
  const std::string message = DocumentedHello().Message();
  QuicHelloReader reader;
  reader.Read(SealedInitial(1, kId, "", 0, CryptoFrame(0, message.substr(0, 100))));
  REQUIRE(reader.state() == HelloState::kMore);
  reader.Read(SealedInitial(1, "another", "token", 1, CryptoFrame(0, message)));
  CHECK(reader.state() == HelloState::kHello);
  CHECK(reader.message() == message);
}

TEST_CASE("a connection id that changes once the server has answered changes no key", "[client_hello]") {
  const std::string message = DocumentedHello().Message();
  QuicHelloReader reader;
  reader.Read(SealedInitial(1, kId, "", 0, CryptoFrame(0, message.substr(0, 100))));
  reader.Read(SealedInitial(1, "server's", "", 1, CryptoFrame(100, message.substr(100)), kId));
  CHECK(reader.state() == HelloState::kHello);
}

TEST_CASE("what is no QUIC ends at its first datagram, what never becomes a hello at the last",
          "[client_hello]") {
  QuicHelloReader dns;
  CHECK(dns.Read("\x12\x34\x01 a question") == HelloState::kNotTls);
  QuicHelloReader endless;
  int datagrams = 0;
  while (endless.Read(SealedInitial(1, kId, "", 0, "\x01")) == HelloState::kMore) ++datagrams;
  CHECK(endless.state() == HelloState::kNotTls);
  CHECK(datagrams == QuicHelloReader::kDatagramsMax - 1);
  QuicHelloReader unknown;
  CHECK(unknown.Read("\xc0Q050\x08" + kId + std::string(100, '\0')) == HelloState::kMore);
  CHECK(unknown.version() == 0x51303530);
}

TEST_CASE("keys are derived for what may be an Initial, once a datagram and a few times a flow",
          "[client_hello]") {
  const auto coalesced = [](const std::string& id, const std::string& content) {
    std::string datagram;
    for (int i = 0; i < 20; ++i)
      datagram += "\xc3" + Big(1, 4) + Vector(id, 1) + Vector("", 1) + std::string(1, '\0') +
                  Varint(content.size()) + content;
    return datagram;
  };
  QuicHelloReader empty;
  CHECK(empty.Read(coalesced("id", "")) == HelloState::kMore);
  CHECK(empty.Read(coalesced("id", std::string(19, 'x'))) == HelloState::kMore);
  CHECK(empty.derivations() == 0);
  CHECK(empty.Read(coalesced("id", std::string(20, 'x'))) == HelloState::kMore);
  CHECK(empty.derivations() == 1);
  for (int i = 0; i < 20; ++i) empty.Read(coalesced("other", std::string(40, 'x')));
  CHECK(empty.derivations() == QuicHelloReader::kDerivationsMax);
}

TEST_CASE("holes without end and offsets beyond the ceiling are refused", "[client_hello]") {
  QuicHelloReader holes;
  for (uint32_t i = 1; holes.state() == HelloState::kMore && i < 200; ++i) {
    std::string payload;
    for (uint32_t j = 0; j < 10; ++j) payload += CryptoFrame(20 * i + 2 * j + 1, "x");
    holes.Read(SealedInitial(1, kId, "", i, payload));
  }
  CHECK(holes.state() == HelloState::kBroken);
  QuicHelloReader far;
  CHECK(far.Read(SealedInitial(1, kId, "", 0, CryptoFrame(kHelloBytesMax, "x"))) == HelloState::kTooLong);
  QuicHelloReader beyond;
  CHECK(beyond.Read(SealedInitial(1, kId, "", 0, CryptoFrame((uint64_t{1} << 62) - 1, "x"))) ==
        HelloState::kTooLong);
}

}  // namespace
}  // namespace stockade
