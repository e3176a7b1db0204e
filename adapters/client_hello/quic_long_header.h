// The front of a QUIC packet with a long header, the same in every version (RFC 8999 §5.1): whom it is addressed to and by
// whom, as both sides call one another before keys are agreed on.
//
// Pure; any thread. Views are into the packet.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stockade {

struct QuicLongHeader {
  uint8_t first = 0;     // its other bits are the version's
  uint32_t version = 0;  // 0: a server names the versions that it takes (§6)
  std::string_view destination_id, source_id;
  std::string_view rest;  // behind both
};

// Nullopt: a short header, or cut off.
std::optional<QuicLongHeader> ReadQuicLongHeader(std::string_view packet) noexcept;

}  // namespace stockade
