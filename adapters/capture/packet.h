// One captured packet, as files and devices give it. A value; the bytes belong to who read it.
#pragma once

#include <cstdint>
#include <span>

namespace stockade {

struct Packet {
  std::span<const uint8_t>
      bytes;                // what was captured: at most the snap length; until the next packet is read
  uint32_t wire_bytes = 0;  // what was on the wire; more than bytes.size() where the capture cut it
  int64_t time_ns = 0;      // since 1970, UTC; as precise as the capture
  int link_type = 0;        // libpcap's DLT_ value; the same for all packets of a file or device
  uint64_t number = 0;      // 1-based, as in tcpdump and Wireshark
};

// A time as libpcap tells it, cut to what fits: files may say anything.
int64_t CaptureTimeNs(int64_t seconds, int64_t nanoseconds);

}  // namespace stockade
