// TCP segments → the bytes of connections in order, in bounded memory, on a wire where the other end of a connection may
// be an attacker who knows that we listen.
//
// Policies, and why.
// - Overlap: the first bytes that were seen win. A receiver that has acknowledged a byte cannot take it back, whatever
//   system it runs, and what was told cannot be either; so retransmissions with other content change nothing.
// - Loss: a hole is told as a Gap when the receiver has acknowledged it, so that it will not come again, and kReorderNs have
//   passed in which a mirror port might still deliver it late; or when the limit of all held bytes is reached; or when the
//   connection is closed. While the receiver is heard and does not acknowledge a hole, it is waited for: skipping it for a
//   segment further on, which anybody may send and no receiver may take, would blind us. Where the receiver is not heard
//   (one direction captured only), kOneSidedNs.
// - Bytes further than `held_bytes_a_direction_max` ahead of a hole are dropped; they are a Gap once they are acknowledged.
// - RST is believed where its sequence number is the next one of its sender, after all that was seen of him, or what the
//   other side acknowledged (RFC 5961 §3.2 has receivers ask back for any other), and told kResetLingerNs later: a segment
//   of the same sender meanwhile shows that it was forged, because a system that has reset a connection knows it no more.
// - FIN is told when the other side acknowledges it, or is not heard; content beyond it shows that it was forged.
// - SYN for a living connection with another sequence number replaces it when the other side agrees (its SYN-ACK, or content
//   that goes on from there); RFC 5961 §4.2.
// - A connection that was told in full stays known for kLingerNs, so that its last segments, sent again, are not another.
//
// Memory: 160 bytes a connection, known from its SYN (sizeof(Flow) and its place in the index), and what is held for
// holes, each piece with kPieceBytes on top. When `connections_max` is reached, the one that is worth least gives way:
// closed ones, then those that never carried a byte, then reset ones, then those idle longest; each kind the longest idle
// first. So a SYN flood evicts itself. When `held_bytes_max` is reached, the hole that is waited for longest is told as lost.
//
// libtins was considered (Tins::TCPIP::StreamFollower): it bounds what one stream holds, but neither the streams nor the
// bytes of all, has no view of acknowledgements to tell loss by, gives up a stream at its limit, and throws; so this is ours.
//
// Cost: a look-up and some list moves a segment; nothing is copied that comes in order. Not thread-safe.
// Oracle: tests/adapters/capture/stream_oracle.h.
#pragma once

#include <cstdint>
#include <memory>

#include "adapters/capture/capture_counts.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/tcp_segment.h"

namespace stockade {

struct TcpAssemblerOptions {
  // 160 MiB when full. A gateway with 10,000 logins a second and 30 seconds a connection has 300,000 at a time.
  uint32_t connections_max = 1 << 20;
  static constexpr uint32_t kConnectionsMaxMin = 16;
  static constexpr uint32_t kConnectionsMaxMax = 1 << 24;
  size_t held_bytes_max = size_t{256} << 20;
  // More than a window of a login's connection; a download's may be larger, and nobody misses its bytes.
  uint32_t held_bytes_a_direction_max = 1 << 20;
  // No packet for so long: a connection that carried something, and one that never did.
  int64_t idle_ns_max =
      int64_t{300} * 1'000'000'000;  // above what gateways keep a connection open for (nginx 75 s)
  int64_t silent_ns_max = int64_t{60} * 1'000'000'000;  // Linux gives up an unanswered SYN-ACK after 63 s
};

class TcpAssembler {
 public:
  // How much later than its acknowledgement a mirror port delivers a segment: queues of both directions are merged within
  // microseconds by hardware, within some ms by a busy host with several receive queues.
  static constexpr int64_t kReorderNs = 100'000'000;
  // With one direction only, nobody says what is lost: longer than most retransmissions take (RFC 6298: 1, 2, 4 s).
  static constexpr int64_t kOneSidedNs = int64_t{10} * 1'000'000'000;
  static constexpr int64_t kResetLingerNs = int64_t{2} * 1'000'000'000;
  static constexpr int64_t kLingerNs = int64_t{30} * 1'000'000'000;

  // `listener` and `counts` outlive it. Options within their ranges are the caller's duty (STOCKADE_CHECK).
  TcpAssembler(const TcpAssemblerOptions& options, ConnectionListener* listener, CaptureCounts* counts);
  ~TcpAssembler();
  TcpAssembler(const TcpAssembler&) = delete;
  TcpAssembler& operator=(const TcpAssembler&) = delete;

  void Take(const TcpSegment& segment, int64_t now_ns);
  void Advance(int64_t now_ns);
  // Tells what is held and closes all connections, the longest idle first.
  void Finish(int64_t now_ns);

  uint32_t connections() const noexcept;
  size_t held_bytes() const noexcept;
  size_t memory_bytes() const noexcept;

 private:
  struct Work;  // of tcp_assembler.cc
  std::unique_ptr<Work> work_;
};

}  // namespace stockade
