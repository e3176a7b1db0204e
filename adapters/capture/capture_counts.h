// What became of every packet and byte of a capture: whatever is not told to the listener is counted here by its reason.
#pragma once

#include <cstdint>

namespace stockade {

struct CaptureCounts {
  uint64_t packets = 0;
  uint64_t bytes = 0;  // captured

  // Packets, by what they were; these and `fragments` below sum up to `packets`.
  uint64_t tcp_segments = 0;
  uint64_t udp_datagrams = 0;
  uint64_t other = 0;          // ARP, ICMP, LLDP, ESP…: nothing that logins travel by
  uint64_t malformed = 0;      // a header contradicts itself
  uint64_t cut_short = 0;      // the capture kept too little of it: a header is missing
  uint64_t too_deep = 0;       // more layers than kLayersMax
  uint64_t bad_checksums = 0;  // only where checksums are verified
  uint64_t fragments = 0;      // that completed no datagram; what does is counted by what it is

  // Fragments that came to nothing, each by its reason.
  uint64_t fragments_overlapping = 0;
  uint64_t fragments_timed_out = 0;
  uint64_t fragments_evicted = 0;
  uint64_t fragments_unusable = 0;  // beyond 64 KiB, cut short, or with no byte

  uint64_t truncated = 0;  // TCP and UDP packets of whose content the capture kept a part
  uint64_t tunnelled = 0;  // packets read through GRE, VXLAN or IP in IP

  // Connections.
  uint64_t connections = 0;             // told
  uint64_t connections_mid_stream = 0;  // of them: without their start
  uint64_t connections_silent = 0;      // seen, and never carried a byte
  uint64_t closed_fin = 0;
  uint64_t closed_reset = 0;
  uint64_t closed_replaced = 0;
  uint64_t closed_idle = 0;
  uint64_t closed_evicted = 0;
  uint64_t closed_capture_end = 0;
  uint64_t evicted_silent = 0;  // given up for want of room, without ever having carried a byte

  // Bytes of TCP content.
  uint64_t told_bytes = 0;
  uint64_t unwanted_bytes = 0;  // of directions that the listener does not want
  uint64_t repeated_bytes = 0;  // retransmissions and overlaps: told already, or held
  uint64_t gap_bytes = 0;
  uint64_t gaps = 0;
  uint64_t gaps_for_memory = 0;     // of them: because the limit of all held bytes was reached
  uint64_t beyond_limit_bytes = 0;  // further ahead of a hole than is held, or than TCP allows
  uint64_t after_close_bytes = 0;
  uint64_t unproven_bytes = 0;  // of clients that acknowledge nothing, or what their server never sent
  uint64_t strange_segments =
      0;  // that no flow begins with: neither SYN nor content; RSTs that nobody must believe
};

}  // namespace stockade
