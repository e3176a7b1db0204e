// Fragments: any order gives the datagram; overlapping ones give nothing; bounds hold.
#include "adapters/capture/fragments.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/adapters/capture/packets.h"
#include "tests/adapters/capture/told.h"

namespace stockade {
namespace {

std::string Content(size_t size) {
  std::string content;
  for (size_t i = 0; i < size; ++i) content += static_cast<char>(i * 7 + i / 251);
  return content;
}

struct Piece {
  uint32_t offset;
  std::string bytes;
  bool more;
};

std::vector<Piece> Cut(const std::string& whole, std::mt19937& random) {
  std::vector<Piece> pieces;
  for (size_t at = 0; at < whole.size();) {
    const size_t size = std::min(whole.size() - at, size_t{8} * (1 + random() % 40));
    pieces.push_back({static_cast<uint32_t>(at), whole.substr(at, size), at + size < whole.size()});
    at += size;
  }
  return pieces;
}

std::string Packet4(int protocol, uint16_t id, const Piece& piece) {
  return test::Ipv4(
      protocol, piece.bytes,
      {.id = id, .fragment = static_cast<uint16_t>(piece.offset / 8 | (piece.more ? 0x2000 : 0))});
}
std::string Packet6(int protocol, uint32_t id, const Piece& piece) {
  return test::Ipv6(44, test::Ipv6Fragment(protocol, id, piece.offset, piece.more, piece.bytes));
}

TEST_CASE("Fragments in any order, and twice, are one datagram") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::string content = Content(9 + random() % 4000);
    const std::string whole = test::Udp(1000, 2000, content);
    std::vector<Piece> pieces = Cut(whole, random);
    if (pieces.size() == 1) continue;
    std::shuffle(pieces.begin(), pieces.end(), random);
    const size_t repeated = random() % pieces.size();
    pieces.insert(pieces.begin() + static_cast<ptrdiff_t>(random() % (repeated + 1)), pieces[repeated]);
    for (const bool v6 : {false, true}) {
      test::Told told;
      Assembly assembly({}, &told);
      for (const Piece& piece : pieces) {
        assembly.Take(test::AsPacket(v6 ? Packet6(17, 5, piece) : Packet4(17, 5, piece), test::kRawIp));
      }
      REQUIRE(told.datagrams() == std::vector<std::string>{content});
      REQUIRE(assembly.counts().fragments == pieces.size() - 1);
    }
  }
}

TEST_CASE("A TCP segment in fragments and a tunnel in fragments are read") {
  std::mt19937 random(2);
  const std::string segment = test::Tcp({.sequence = 10, .bytes = Content(2000)});
  for (const bool tunnelled : {false, true}) {
    const std::string whole = tunnelled ? test::Ipv4(6, segment, {.from = 1, .to = 2}) : segment;
    test::Told told;
    Assembly assembly({}, &told);
    for (const Piece& piece : Cut(whole, random)) {
      assembly.Take(test::AsPacket(Packet6(tunnelled ? 4 : 6, 9, piece), test::kRawIp));
    }
    assembly.Finish();
    REQUIRE(told.connections().size() == 1);
    REQUIRE(told.connections()[0].client().bytes == Content(2000));
  }
}

TEST_CASE("A datagram with overlapping fragments comes to nothing, in IPv4 as in IPv6") {
  const std::string whole = test::Udp(1, 2, Content(56));
  for (const bool v6 : {false, true}) {
    for (const uint32_t offset : {0U, 8U, 16U, 24U}) {
      test::Told told;
      Assembly assembly({}, &told);
      const auto take = [&](const Piece& piece) {
        assembly.Take(test::AsPacket(v6 ? Packet6(17, 5, piece) : Packet4(17, 5, piece), test::kRawIp));
      };
      take({16, whole.substr(16, 16), true});
      take({offset, std::string(24, 'X'), true});
      take({0, whole.substr(0, 16), true});
      take({32, whole.substr(32), false});
      REQUIRE(told.datagrams().empty());
      REQUIRE(assembly.counts().fragments_overlapping == 1);
      REQUIRE(assembly.counts().fragments == 4);
    }
  }
}

TEST_CASE("A fragment within what came already changes nothing") {
  const std::string whole = test::Udp(1, 2, Content(56));
  for (const bool in_one : {true, false}) {
    test::Told told;
    Assembly assembly({}, &told);
    const auto take = [&](const Piece& piece) {
      assembly.Take(test::AsPacket(Packet4(17, 5, piece), test::kRawIp));
    };
    take({0, whole.substr(0, 24), true});
    take({24, whole.substr(24, 8), true});
    take({in_one ? 8U : 16U, std::string(in_one ? 8 : 16, 'X'), true});
    take({32, whole.substr(32), false});
    REQUIRE(told.datagrams() == std::vector<std::string>{Content(56)});
    REQUIRE(assembly.counts().fragments_overlapping == 0);
  }
}

TEST_CASE("After an overlap a datagram of the same name begins anew") {
  const std::string whole = test::Udp(1, 2, Content(56));
  test::Told told;
  Assembly assembly({}, &told);
  const auto take = [&](const Piece& piece) {
    assembly.Take(test::AsPacket(Packet4(17, 5, piece), test::kRawIp));
  };
  take({0, std::string(24, 'X'), true});
  take({16, std::string(24, 'X'), true});
  REQUIRE(assembly.counts().fragments_overlapping == 1);
  take({0, whole.substr(0, 32), true});
  take({32, whole.substr(32), false});
  REQUIRE(told.datagrams() == std::vector<std::string>{Content(56)});
}

TEST_CASE("A few bytes far behind cost a few bytes") {
  CaptureCounts counts;
  FragmentTable table({}, &counts);
  const std::vector<uint8_t> bytes(7, 1);
  uint8_t protocol = 0;
  std::span<const uint8_t> whole;
  REQUIRE(!table.Add({.id = 1, .more = false, .offset = 65528, .bytes = bytes}, 0, &protocol, &whole));
  REQUIRE(counts.fragments_unusable == 0);
  REQUIRE(table.memory_bytes() < 1000);
}

TEST_CASE("Two ends of one datagram, and bytes behind its end, come to nothing") {
  for (const bool longer_first : {false, true}) {
    CaptureCounts counts;
    FragmentTable table({}, &counts);
    const std::vector<uint8_t> bytes(16, 1);
    const auto add = [&](uint32_t offset, bool more) {
      uint8_t protocol = 0;
      std::span<const uint8_t> whole;
      return table.Add({.id = 1, .more = more, .offset = offset, .bytes = bytes}, 0, &protocol, &whole);
    };
    REQUIRE(!add(longer_first ? 64 : 16, longer_first));
    REQUIRE(!add(longer_first ? 16 : 64, !longer_first));
    REQUIRE(!add(0, true));
    REQUIRE(counts.fragments_overlapping == 1);
  }
}

TEST_CASE("Fragments that can be of no datagram are refused") {
  CaptureCounts counts;
  FragmentTable table({}, &counts);
  const std::vector<uint8_t> bytes(24, 1);
  uint8_t protocol = 0;
  std::span<const uint8_t> whole;
  REQUIRE(!table.Add({.id = 1, .more = true, .offset = 65528, .bytes = bytes}, 0, &protocol, &whole));
  REQUIRE(!table.Add({.id = 1, .more = true, .offset = 0, .bytes = std::span(bytes).first(23)}, 0, &protocol,
                     &whole));
  REQUIRE(!table.Add({.id = 1, .more = false, .offset = 0, .bytes = {}}, 0, &protocol, &whole));
  REQUIRE(counts.fragments_unusable == 3);
  REQUIRE(table.datagrams() == 0);
}

TEST_CASE("Unfinished datagrams age, and the oldest gives way") {
  CaptureCounts counts;
  FragmentTable table({.datagrams_max = 10, .bytes_max = 8000}, &counts);
  const std::vector<uint8_t> bytes(64, 1);
  uint8_t protocol = 0;
  std::span<const uint8_t> whole;
  for (uint32_t id = 0; id < 1000; ++id) {
    REQUIRE(!table.Add({.id = id, .more = true, .offset = 0, .bytes = bytes}, id, &protocol, &whole));
    REQUIRE(table.datagrams() <= 10);
    REQUIRE(table.memory_bytes() <= 8000);
  }
  REQUIRE(counts.fragments_evicted == 990);
  // The newest is still whole.
  REQUIRE(table.Add({.id = 999, .more = false, .offset = 64, .bytes = bytes}, 1000, &protocol, &whole));
  REQUIRE(whole.size() == 128);
  REQUIRE(!table.Add({.id = 998, .more = false, .offset = 64, .bytes = bytes}, FragmentTable::kAgeNsMax + 999,
                     &protocol, &whole));
  REQUIRE(counts.fragments_timed_out == 9);
  REQUIRE(table.datagrams() == 1);
}

TEST_CASE("One large datagram alone is within the bounds or dropped") {
  CaptureCounts counts;
  FragmentTable table({.datagrams_max = 10, .bytes_max = 8000}, &counts);
  const std::vector<uint8_t> bytes(1480, 1);
  uint8_t protocol = 0;
  std::span<const uint8_t> whole;
  for (uint32_t offset = 0; offset + 1480 < 65535; offset += 1480) {
    REQUIRE(!table.Add({.id = 1, .more = true, .offset = offset, .bytes = bytes}, 0, &protocol, &whole));
    REQUIRE(table.memory_bytes() <= 8000);
  }
  REQUIRE(counts.fragments_evicted > 0);
}

}  // namespace
}  // namespace stockade
