// Proves that lists of addresses are read as people write them, that what is broken costs its line and is named, and that
// what is written is read back.
#include "adapters/exchange/plain_list.h"

#include <random>

#include "tests/adapters/exchange/exchange_scene.h"

namespace stockade {
namespace {

using Texts = std::vector<std::string>;

Exchanged ReadPlain(std::string_view text) {
  const absl::StatusOr<Exchanged> read = ReadPlainList(text);
  INFO(read.status());
  REQUIRE(read.ok());
  return *read;
}

TEST_CASE("addresses, networks, comments and columns are read as they stand in the world",
          "[exchange][plain]") {
  const Exchanged read = ReadPlain(
      "\xef\xbb\xbf# a feed\r\n"
      "; of an old firewall\n"
      "\n"
      "203.0.113.9\n"
      "  203.0.113.0/24  AS64500 known bad\r\n"
      "203.0.113.10# behind\n"
      "2001:DB8:0::/48;comment\n"
      "\"198.51.100.7\",2026-01-01,scanner\n"
      "198.51.100.8\t3\n"
      "::ffff:192.0.2.1\n"
      "192.0.2.0/32");
  CHECK(TextsOf(read) == Texts{"4 - ip 203.0.113.9", "5 - range 203.0.113.0/24", "6 - ip 203.0.113.10",
                               "7 - range 2001:db8::/48", "8 - ip 198.51.100.7", "9 - ip 198.51.100.8",
                               "10 - ip 192.0.2.1", "11 - ip 192.0.2.0"});
  CHECK(read.problems.empty());
}

TEST_CASE("a header of columns is passed over, once", "[exchange][plain]") {
  const Exchanged read = ReadPlain("# x\nIP,when\n203.0.113.9,now\nip\n");
  CHECK(TextsOf(read) == Texts{"3 - ip 203.0.113.9"});
  CHECK(read.passed_over == 1);
  CHECK(read.refused == 1);
}

TEST_CASE("a range is the networks that it is made of", "[exchange][plain]") {
  const Texts expected = {"1 - ip 203.0.113.7", "1 - range 203.0.113.8/30", "1 - ip 203.0.113.12"};
  for (const std::string line : {"203.0.113.7-203.0.113.12", "203.0.113.7 - 203.0.113.12",
                                 "203.0.113.7- 203.0.113.12", "203.0.113.7 -203.0.113.12 , x"}) {
    CAPTURE(line);
    CHECK(TextsOf(ReadPlain(line)) == expected);
  }
  CHECK(TextsOf(ReadPlain("203.0.113.7-203.0.113.7")) == Texts{"1 - ip 203.0.113.7"});
  CHECK(ProblemsOf(ReadPlain("203.0.113.9-203.0.113.7")) ==
        Texts{"1: '203.0.113.9-203.0.113.7' ends before it begins"});
  CHECK(ReadPlain("2001:db8::1-2001:db8::9").refused == 1);
  CHECK(ReadPlain("0.0.0.0-255.255.255.255").refused == 1);
  CHECK(ReadPlain("1.2.3.4-").refused == 1);
}

TEST_CASE("networks of a range hold every address of it and no other, for any range", "[exchange][plain]") {
  CHECK(NetworksOfRange(0, UINT32_MAX).size() == 1);
  CHECK(NetworksOfRange(1, UINT32_MAX - 1).size() == 62);
  std::mt19937 generator(7);
  const auto random = [&generator] { return static_cast<uint32_t>(generator()); };
  for (int round = 0; round < 2000; ++round) {
    const uint32_t size = random() % (1u << (random() % 20 + 1));
    const uint32_t first = round % 2 == 0 ? random() : UINT32_MAX - size - random() % 3;
    const uint32_t last = first > UINT32_MAX - size ? UINT32_MAX : first + size;
    uint64_t next = first;
    for (const Prefix& network : NetworksOfRange(first, last)) {
      REQUIRE(network.address.v4() == next);
      REQUIRE(Prefix::Parse(network.ToString()) == network);
      next += uint64_t{1} << (32 - network.length);
    }
    REQUIRE(next == uint64_t{last} + 1);
  }
}

TEST_CASE("what could mean two things or too much costs its line, and says why", "[exchange][plain]") {
  const Exchanged read = ReadPlain(
      "203.0.113.7/24\n0.0.0.0/0\n1.0.0.0/7\n010.0.0.1\nexample.com\nAS64500\n2001::/15\n\"203.0.113.9\n"
      "\xff\xff\xff\n203.0.113.9");
  CHECK(TextsOf(read) == Texts{"10 - ip 203.0.113.9"});
  CHECK(read.refused == 9);
  CHECK_THAT(read.problems[0].what, Catch::Contains("write 203.0.113.0/24 or 203.0.113.7"));
  CHECK_THAT(read.problems[1].what, Catch::Contains("wider than /8"));
  CHECK_THAT(read.problems[8].what, Catch::Contains("no address"));
}

TEST_CASE("a file of another kind is refused whole, and says what to do", "[exchange][plain]") {
  CHECK_THAT(std::string(ReadPlainList("\xff\xfe"
                                       "1\0"
                                       "2\0")
                             .status()
                             .message()),
             Catch::Contains("UTF-8"));
  CHECK_THAT(std::string(ReadPlainList(std::string_view("1.2.3.4\n\0", 9)).status().message()),
             Catch::Contains("UTF-8"));
  CHECK_THAT(std::string(ReadPlainList("\x1f\x8b\x08").status().message()), Catch::Contains("unpack"));
}

TEST_CASE("problems beyond what anybody reads are counted", "[exchange][plain]") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x\n";
  const Exchanged read = ReadPlain(text);
  CHECK(read.refused == 5000);
  CHECK(read.problems.size() == kProblemsMax);
}

TEST_CASE("a long line without an end is one bad line", "[exchange][plain]") {
  const Exchanged read = ReadPlain(std::string(4 << 20, '1') + "\n203.0.113.9");
  CHECK(read.refused == 1);
  CHECK(read.problems[0].what.size() < 1000);
  CHECK(TextsOf(read) == Texts{"2 - ip 203.0.113.9"});
}

TEST_CASE("what is written is sorted, each once, and read back", "[exchange][plain]") {
  std::vector<Decision> decisions = {
      MakeDecision(Scope::kRange, "2001:db8::/48"), MakeDecision(Scope::kIp, "203.0.113.9"),
      MakeDecision(Scope::kIp, "203.0.113.9", Action::kChallenge),
      MakeDecision(Scope::kAccount, "alice", Action::kLock), MakeDecision(Scope::kIp, "198.51.100.1")};
  decisions.back().shadow = true;
  const std::string text = WritePlainList(decisions);
  CHECK(text == "203.0.113.9\n2001:db8::/48\n");
  CHECK(TextsOf(ReadPlain(text)) == Texts{"1 - ip 203.0.113.9", "2 - range 2001:db8::/48"});
}

}  // namespace
}  // namespace stockade
