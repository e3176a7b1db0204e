// Proven here: what counts as an address is what inet_pton takes (glibc, the oracle) plus zone ids; one
// address has one form, whatever its spelling; text → address → text is RFC 5952; prefixes hold exactly the
// addresses that a comparison bit by bit says they hold.
#include "engine/event/address.h"

#include <arpa/inet.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

namespace stockade {
namespace {

// inet_pton, then the folding done naively on bytes.
std::optional<Address> OracleParse(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return Address::V4(ntohl(v4.s_addr));
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::nullopt;
  const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(v6.s6_addr, mapped, 12) == 0 || std::memcmp(v6.s6_addr, nat64, 12) == 0) {
    uint32_t last;
    std::memcpy(&last, v6.s6_addr + 12, 4);
    return Address::V4(ntohl(last));
  }
  return Address::V6(std::span<const uint8_t, 16>(v6.s6_addr, 16));
}

Address RandomV6(std::mt19937_64& random) {
  std::array<uint8_t, 16> bytes{};
  const uint64_t shape = random();
  for (size_t i = 0; i < 16; ++i)
    if ((shape >> (i / 2) & 1) != 0) bytes[i] = static_cast<uint8_t>(random());
  return Address::V6(bytes);
}

TEST_CASE("addresses read as people and logs write them", "[event]") {
  CHECK(Address::Parse("203.0.113.9")->v4() == 0xcb007109);
  CHECK(Address::Parse("0.0.0.0")->present());
  CHECK(Address::Parse("255.255.255.255")->v4() == 0xffffffff);
  CHECK(Address::Parse("2001:DB8::1")->ToString() == "2001:db8::1");
  CHECK(Address::Parse("2001:db8:0:0:1:0:0:1")->ToString() == "2001:db8::1:0:0:1");
  CHECK(Address::Parse("::")->ToString() == "::");
  CHECK(Address::Parse("::1")->ToString() == "::1");
  CHECK(Address::Parse("1::")->ToString() == "1::");
  CHECK(Address::Parse("1:2:3:4:5:6:7::")->ToString() == "1:2:3:4:5:6:7:0");
  CHECK(Address::Parse("0:2:3:4:5:6:7:8")->ToString() == "0:2:3:4:5:6:7:8");
  CHECK(Address::Parse("fe80::1%eth0")->ToString() == "fe80::1");
  CHECK(Address::Parse("fe80::1%eth0:1") == Address::Parse("fe80::1"));
  CHECK(Address::Parse("2001:db8::192.0.2.1")->ToString() == "2001:db8::c000:201");
}

TEST_CASE("mapped and NAT64 spellings fold to the IPv4 address inside", "[event]") {
  const Address plain = Address::V4(0xc0000207);
  for (const std::string_view same :
       {"192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:207", "0:0:0:0:0:ffff:c000:0207", "64:ff9b::192.0.2.7",
        "64:ff9b::c000:207", "::ffff:192.0.2.7%1"}) {
    INFO(same);
    CHECK(Address::Parse(same) == plain);
  }
  // Neighbours of the two prefixes stay what they are.
  for (const std::string_view other :
       {"::192.0.2.7", "::fffe:192.0.2.7", "64:ff9b:1::192.0.2.7", "64:ff9b::1:192.0.2.7"}) {
    INFO(other);
    REQUIRE(Address::Parse(other));
    CHECK(Address::Parse(other)->is_v6());
  }
}

TEST_CASE("what is not an address is refused", "[event]") {
  for (const std::string_view bad : {"",
                                     ".",
                                     "1",
                                     "1.2.3",
                                     "1.2.3.4.",
                                     ".1.2.3.4",
                                     "1..2.3",
                                     "1.2.3.4.5",
                                     "256.1.1.1",
                                     "1.2.3.256",
                                     "01.2.3.4",
                                     "1.2.3.00",
                                     "0x1.2.3.4",
                                     "1.2.3.4 ",
                                     " 1.2.3.4",
                                     "1.2.3.4%eth0",
                                     "-1.2.3.4",
                                     "1.2.3.4/32",
                                     "1.2.3.4:80",
                                     "99999999999.1.1.1",
                                     ":",
                                     ":::",
                                     "1:",
                                     ":1",
                                     "1::2::3",
                                     "1:2:3:4:5:6:7",
                                     "1:2:3:4:5:6:7:8:9",
                                     "::1:2:3:4:5:6:7:8",
                                     "1:2:3:4:5:6:7:8::",
                                     "12345::",
                                     "g::",
                                     "[::1]",
                                     "::1%",
                                     "::1%a%b",
                                     "::1%a/b",
                                     "::1%a b",
                                     "::1.2.3",
                                     "::1.2.3.4.5",
                                     "::01.2.3.4",
                                     "1:2:3:4:5:6:7:1.2.3.4",
                                     "::1.2.3.4:5",
                                     "1.2.3.4::",
                                     "::%",
                                     "%",
                                     "localhost",
                                     "١.٢.٣.٤"}) {
    INFO(bad);
    CHECK_FALSE(Address::Parse(bad));
  }
  CHECK_FALSE(Address::Parse(std::string(1 << 20, ':')));
  CHECK_FALSE(Address::Parse(std::string_view("1.2.3.4\0", 8)));
}

TEST_CASE("text round-trips and reads as inet_pton reads it", "[event]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    const Address v6 = RandomV6(random);
    REQUIRE(Address::Parse(v6.ToString()) == v6);
    const Address v4 = Address::V4(static_cast<uint32_t>(random()));
    REQUIRE(OracleParse(v4.ToString()) == v4);
    if (v6.is_v4()) continue;
    in6_addr bytes{};
    REQUIRE(inet_pton(AF_INET6, v6.ToString().c_str(), &bytes) == 1);
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &bytes, text, sizeof text);
    // glibc still writes the deprecated ::a.b.c.d; RFC 5952 does not ask for it.
    if (std::strchr(text, '.') == nullptr) REQUIRE(v6.ToString() == text);
  }
}

TEST_CASE("hostile text is taken or refused as inet_pton does", "[event]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const std::string_view alphabet = "0123459afF::::....g ";
  int taken = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text;
    if (i % 2 == 0) {  // an address with one or two wounds
      text = random() % 2 == 0 ? RandomV6(random).ToString()
                               : Address::V4(static_cast<uint32_t>(random())).ToString();
      for (uint64_t wounds = 1 + random() % 2; wounds > 0; --wounds) {
        const size_t at = random() % text.size();
        const char c = alphabet[random() % alphabet.size()];
        if (random() % 3 == 0) {
          text.insert(at, 1, c);
        } else if (random() % 2 == 0 && text.size() > 1) {
          text.erase(at, 1);
        } else {
          text[at] = c;
        }
      }
    } else {
      for (uint64_t size = random() % 20; size > 0; --size)
        text.push_back(alphabet[random() % alphabet.size()]);
    }
    INFO("text \"" << text << "\"");
    const auto ours = Address::Parse(text);
    REQUIRE(ours == OracleParse(text));
    if (ours) ++taken;
  }
  CHECK(taken > 1000);
}

TEST_CASE("a prefix holds exactly the addresses whose leading bits are its own", "[event]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    const Address base = i % 2 == 0 ? Address::V4(static_cast<uint32_t>(random())) : RandomV6(random);
    const int length = static_cast<int>(random() % static_cast<uint64_t>(base.bits() + 1));
    const Prefix prefix = Prefix::Around(base, length);
    REQUIRE(prefix.Contains(base));
    REQUIRE(Prefix::Parse(prefix.ToString()) == prefix);
    const Address other =
        Prefix::Around(i % 4 < 2 ? RandomV6(random) : Address::V4(static_cast<uint32_t>(random())), 128)
            .address;
    bool same = other.is_v4() == base.is_v4();
    for (int bit = 0; same && bit < length; ++bit) same = base.bit(bit) == other.bit(bit);
    REQUIRE(prefix.Contains(other) == same);
    for (int bit = length; bit < base.bits(); ++bit) REQUIRE_FALSE(prefix.address.bit(bit));
  }
}

TEST_CASE("networks are read strictly", "[event]") {
  CHECK(Prefix::Parse("192.0.2.0/24")->ToString() == "192.0.2.0/24");
  CHECK(Prefix::Parse("192.0.2.7")->is_single());
  CHECK(Prefix::Parse("192.0.2.7/32")->ToString() == "192.0.2.7");
  CHECK(Prefix::Parse("0.0.0.0/0")->Contains(Address::V4(0xffffffff)));
  CHECK_FALSE(Prefix::Parse("0.0.0.0/0")->Contains(*Address::Parse("::1")));
  CHECK(Prefix::Parse("::/0")->Contains(*Address::Parse("2001:db8::1")));
  CHECK(Prefix::Parse("fe80::%eth0/64") == Prefix::Parse("fe80::/64"));
  for (const std::string_view bad :
       {"192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/024", "/24",
        "192.0.2.0/24/24", "192.0.2/24", "2001:db8::1/64", "2001:db8::/129", "2001:db8::/ 32",
        "2001:db8::/32 ", "::ffff:192.0.2.7/100", "2001:db8::/999", ""}) {
    INFO(bad);
    CHECK_FALSE(Prefix::Parse(bad));
  }
  CHECK_FALSE(Prefix{}.Contains(Address{}));
  CHECK_FALSE(Prefix::Around(Address::V4(1), 0).Contains(Address{}));
  CHECK(Prefix::Around(Address::V4(0x01020304), 99).is_single());
  CHECK(Prefix::Around(Address::V4(0x01020304), -5).length == 0);
}

TEST_CASE("a mapped network folds, one wider than the mapping does not", "[event]") {
  CHECK(Prefix::Parse("::ffff:192.0.2.0/120") == Prefix::Parse("192.0.2.0/24"));
  CHECK(Prefix::Parse("64:ff9b::/96") == Prefix::Parse("0.0.0.0/0"));
  const auto wide = Prefix::Parse("64:ff9b::/64");
  REQUIRE(wide);
  CHECK(wide->address.is_v6());
  CHECK(wide->ToString() == "64:ff9b::/64");
  CHECK(Prefix::Around(*Address::Parse("64:ff9b::1:0:1"), 64) == *wide);
}

TEST_CASE("the rung above an address is its /24 or its /64", "[event]") {
  CHECK(SourcePrefix(*Address::Parse("203.0.113.9")).ToString() == "203.0.113.0/24");
  CHECK(SourcePrefix(*Address::Parse("2001:db8:1:2:3::4")).ToString() == "2001:db8:1:2::/64");
}

TEST_CASE("an absent address is nothing and prints nothing", "[event]") {
  CHECK_FALSE(Address{}.present());
  CHECK(Address{}.ToString().empty());
  CHECK_FALSE(Address{} == Address::V4(0));
  CHECK(Prefix{}.ToString().empty());
}

}  // namespace
}  // namespace stockade
