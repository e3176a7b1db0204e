// What a text means that a rule compares with source.ip or source.prefix.
//
// An event has one spelling of each address (RFC 5952, mapped and NAT64 forms folded to IPv4), and rules compare texts.
// Whoever writes 2001:DB8:0:0::1 or ::ffff:192.0.2.1 in a rule means the address, so the rule gets the event's spelling
// of it. A text that no event can have there (a network under source.ip, a /16 under source.prefix) makes a test that
// never holds: that is said, and the text stays as it was written. Pure; load time only.
#pragma once

#include <string>
#include <string_view>

namespace stockade {

struct AddressValue {
  std::string text;        // to compare with: in the event's spelling, or as written
  std::string never;       // why no event has it; empty: some event may
  std::string suggestion;  // the text that could stand there instead, where there is just one
};

// The fields whose texts are addresses or networks.
bool IsAddressField(std::string_view field) noexcept;

// `text` as the value of an address field, compared as a whole. One with wildcards is returned as it is.
AddressValue ReadAddressValue(std::string_view field, std::string_view text);

}  // namespace stockade
