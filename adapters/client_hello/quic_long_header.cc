#include "adapters/client_hello/quic_long_header.h"

#include "adapters/client_hello/wire_cursor.h"

namespace stockade {

std::optional<QuicLongHeader> ReadQuicLongHeader(std::string_view packet) noexcept {
  constexpr uint64_t kLongForm = 0x80;
  QuicLongHeader header;
  WireCursor cursor(packet);
  uint64_t first = 0, version = 0;
  if (!cursor.TakeNumber(1, &first) || (first & kLongForm) == 0 || !cursor.TakeNumber(4, &version) ||
      !cursor.TakeVector(1, &header.destination_id) || !cursor.TakeVector(1, &header.source_id))
    return std::nullopt;
  header.first = static_cast<uint8_t>(first);
  header.version = static_cast<uint32_t>(version);
  header.rest = cursor.left();
  return header;
}

}  // namespace stockade
