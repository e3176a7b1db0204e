// The part of STIX patterning (STIX 2.1, part 9) that names addresses and nothing else:
//
//   [ipv4-addr:value = '203.0.113.9']
//   [ipv4-addr:value = '203.0.113.0/24' OR ipv6-addr:value IN ('2001:db8::1', '2001:db8::2')]
//   [ipv4-addr:value = '203.0.113.9'] OR [ipv4-addr:value ISSUBSET '198.51.100.0/24']
//
// Everything else narrows what is meant (AND, NOT, FOLLOWEDBY, qualifiers, other objects), and taking a part of it would name
// more than its author did: such a pattern is refused whole, and the reason says at what.
//
// Pure, any thread. Linear; nothing nests, so nothing recurses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/event/address.h"

namespace stockade {

// Longer ones are whole lists in one indicator.
inline constexpr size_t kPatternBytesMax = size_t{1} << 20;
inline constexpr size_t kPatternAddressesMax = 50'000;

// The texts that the pattern names, all of the family that their object says. Errors: InvalidArgument, at what it ends.
absl::StatusOr<std::vector<std::string>> ReadAddressPattern(std::string_view pattern);

// "[ipv4-addr:value = '203.0.113.0/24']"
std::string AddressPattern(const Prefix& network);

// A text as it stands between the quotes of a pattern: \' for ' and \\ for \.
std::string EscapePatternText(std::string_view text);

}  // namespace stockade
