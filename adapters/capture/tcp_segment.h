// One TCP segment as it was captured. A value; the bytes belong to the packet.
#pragma once

#include <cstdint>
#include <string_view>

#include "adapters/capture/connection_listener.h"

namespace stockade {

struct TcpSegment {
  static constexpr uint8_t kFin = 0x01;
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kRst = 0x04;
  static constexpr uint8_t kAck = 0x10;

  FlowEndpoint source;
  FlowEndpoint destination;
  int64_t time_ns = 0;
  uint32_t sequence = 0;
  uint32_t acknowledged = 0;  // where kAck
  uint8_t flags = 0;
  std::string_view bytes;   // content, as far as it was captured
  uint32_t wire_bytes = 0;  // content as it was sent; more than bytes.size() where the capture cut it

  bool Is(uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

}  // namespace stockade
