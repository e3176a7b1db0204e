// Proven here: exact, longest and covering look-ups give what a scan of a plain list gives, through random
// insertions, replacements and removals over crowded IPv4 and IPv6 space.
#include "engine/decision/prefix_map.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "engine/decision/allowlist.h"

namespace stockade {
namespace {

// Few distinct bits, so that networks nest and collide.
Address CrowdedAddress(std::mt19937& random) {
  if (random() % 2 == 0) return Address::V4(static_cast<uint32_t>(0x0a000000 | (random() & 0x00030303)));
  std::array<uint8_t, 16> bytes{0x20, 0x01};
  for (const unsigned i : {3U, 5U, 7U, 11U, 15U}) bytes[i] = static_cast<uint8_t>(random() & 1);
  return Address::V6(bytes);
}

Prefix CrowdedPrefix(std::mt19937& random) {
  const Address address = CrowdedAddress(random);
  const auto bits = static_cast<uint64_t>(address.bits());
  const uint64_t length = random() % 3 == 0 ? bits : random() % (bits + 1);
  return Prefix::Around(address, static_cast<int>(length));
}

std::vector<PrefixMap::Match> Scan(const std::map<Prefix, uint32_t>& list, const Address& address) {
  std::vector<PrefixMap::Match> found;
  for (const auto& [prefix, value] : list)
    if (prefix.Contains(address)) found.push_back({prefix, value});
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.prefix.length > b.prefix.length; });
  return found;
}

TEST_CASE("look-ups agree with a scan through random changes", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 60; ++round) {
    PrefixMap map;
    std::map<Prefix, uint32_t> list;
    for (int step = 0; step < 150; ++step) {
      const Prefix prefix = CrowdedPrefix(random);
      if (random() % 3 == 0) {
        REQUIRE(map.Remove(prefix) == (list.erase(prefix) > 0));
      } else {
        const auto value = static_cast<uint32_t>(random());
        REQUIRE(map.Insert(prefix, value));
        list[prefix] = value;
      }
      REQUIRE(map.size() == list.size());
      const Address address = CrowdedAddress(random);
      const std::vector<PrefixMap::Match> expected = Scan(list, address);
      const auto longest = map.FindLongest(address);
      REQUIRE(longest.has_value() == !expected.empty());
      if (longest) {
        REQUIRE(longest->prefix == expected[0].prefix);
        REQUIRE(longest->value == expected[0].value);
      }
      std::vector<PrefixMap::Match> covering;
      map.VisitCovering(address, [&](const PrefixMap::Match& match) { covering.push_back(match); });
      REQUIRE(covering.size() == expected.size());
      for (size_t i = 0; i < covering.size(); ++i) {
        REQUIRE(covering[i].prefix == expected[i].prefix);
        REQUIRE(covering[i].value == expected[i].value);
      }
      const Prefix other = CrowdedPrefix(random);
      REQUIRE(map.Find(other).has_value() == list.contains(other));
    }
    const auto entries = map.Entries();
    REQUIRE(entries.size() == list.size());
    REQUIRE(std::equal(entries.begin(), entries.end(), list.begin(), [](const auto& a, const auto& b) {
      return a.prefix == b.first && a.value == b.second;
    }));
    map.Clear();
    REQUIRE(map.empty());
    REQUIRE_FALSE(map.FindLongest(CrowdedAddress(random)));
  }
}

TEST_CASE("an allowlist touches what a scan finds to share an address with it, in either family",
          "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  // IPv6 addresses whose bits begin as those of IPv4 do.
  const auto mixed = [&random] {
    if (random() % 4 != 0) return CrowdedPrefix(random);
    std::array<uint8_t, 16> bytes{};
    bytes[12] = 0x0a;
    bytes[15] = static_cast<uint8_t>(random() & 3);
    return Prefix::Around(Address::V6(bytes), static_cast<int>(96 + random() % 33));
  };
  for (int round = 0; round < 200; ++round) {
    Allowlist allowlist;
    std::vector<Prefix> list;
    for (int step = 0; step < 12; ++step) {
      list.push_back(mixed());
      REQUIRE(allowlist.AddNetwork(list.back()));
      const Prefix other = mixed();
      const bool expected = std::any_of(list.begin(), list.end(), [&](const Prefix& one) {
        return one.Contains(other.address) || other.Contains(one.address);
      });
      REQUIRE(allowlist.Touches(other.is_single() ? Scope::kIp : Scope::kRange, other, "") == expected);
    }
  }
  CHECK_FALSE(Allowlist().Touches(Scope::kIp, Prefix{}, ""));
}

TEST_CASE("a network of length 0 holds its own family only", "[decision]") {
  PrefixMap map;
  REQUIRE(map.Insert(*Prefix::Parse("0.0.0.0/0"), 4));
  CHECK(map.FindLongest(*Address::Parse("255.255.255.255"))->value == 4);
  CHECK_FALSE(map.FindLongest(*Address::Parse("::1")));
  REQUIRE(map.Insert(*Prefix::Parse("::/0"), 6));
  CHECK(map.FindLongest(*Address::Parse("::1"))->value == 6);
}

TEST_CASE("an absent address is held by nothing and cannot be inserted", "[decision]") {
  PrefixMap map;
  CHECK_FALSE(map.Insert(Prefix{}, 1));
  REQUIRE(map.Insert(*Prefix::Parse("::/0"), 6));
  CHECK_FALSE(map.FindLongest(Address{}));
  CHECK_FALSE(map.Remove(Prefix{}));
}

}  // namespace
}  // namespace stockade
