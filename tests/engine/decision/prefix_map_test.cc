// Proven here: exact, longest and covering look-ups give what a scan of a plain list gives, through random
// insertions, replacements and removals over crowded IPv4 and IPv6 space.
#include "engine/decision/prefix_map.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

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

bool OverlapScan(const std::map<Prefix, uint32_t>& list, const Prefix& prefix) {
  return std::any_of(list.begin(), list.end(), [&](const auto& entry) {
    return entry.first.Contains(prefix.address) || prefix.Contains(entry.first.address);
  });
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
      REQUIRE(map.Overlaps(other) == OverlapScan(list, other));
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
  CHECK_FALSE(map.Overlaps(Prefix{}));
}

}  // namespace
}  // namespace stockade
