// TCP segments → the bytes of connections in order, in bounded memory, on a wire where the other end of a connection may
// be an attacker who knows that we listen.
//
// Policies, and why.
// - Overlap: the first bytes that were seen win. A receiver that has acknowledged a byte cannot take it back, whatever
//   system it runs, and what was told cannot be either; so retransmissions with other content change nothing.
// - Loss: a hole is told as a Gap when the receiver has acknowledged it, so that it will not come again, and
//   StreamDelivery::kReorderNs have passed in which a mirror port might still deliver it late; or when the limit of all held bytes
//   is reached; or when the
//   connection is closed. While the receiver is heard and does not acknowledge a hole, it is waited for: skipping it for a
//   segment further on, which anybody may send and no receiver may take, would blind us. Where the receiver is not heard
//   (one direction captured only), kOneSidedNs.
// - Bytes further than `held_bytes_a_direction_max` ahead of a hole are dropped; they are a Gap once they are acknowledged.
// - RST is believed where its sequence number is the next one of its sender, after all that was seen of him, or what the
//   other side acknowledged (RFC 5961 §3.2 has receivers ask back for any other), and told kResetLingerNs later: a segment
//   of the same sender meanwhile shows that it was forged, because a system that has reset a connection knows it no more.
// - FIN is told when the other side acknowledges it, or is not heard; content beyond it shows that it was forged.
// - SYN for a connection that is known, with another sequence number, changes nothing: anybody can send one. It begins another
//   connection when the server says so, by the SYN-ACK that acknowledges it; a server that has one open answers a second SYN
//   with what it has of the first (RFC 5961 §4.2). Where the server is not heard, content that goes on from that SYN says so too.
// - What a client whose SYN was seen sends before its server is heard is held: a server takes nothing of it but what comes with
//   the SYN, where it does (RFC 7413), and its SYN-ACK says what it took. The rest is `unproven_bytes`, but where the client
//   acknowledged the very number that the SYN-ACK then has: a mirror port may bring these in the wrong order. Where no server is
//   heard for kOneSidedNs, its direction is not captured and what is held is told. A server that is heard for the first time after
//   that, and acknowledges less, begins another connection. Where several SYNs were seen a SYN-ACK is of the one whose number
//   alone it acknowledges.
// - Content without ACK is nobody's but with a SYN.
// - A connection that was told in full stays known for kLingerNs, so that its last segments, sent again, are not another.
//
// - Several SYN-ACKs with different numbers (SYN cookies): the one that the client acknowledges holds.
// - Content and FIN of a client whose server is heard count where they acknowledge what that server has sent, as he takes
//   them (RFC 5961 §5): who sends under another's address does not know the server's numbers. From a SYN on that is to the
//   number until the client has shown that it hears the server; then, and in mid-stream, as old as receivers take, and
//   kAheadBytesMax ahead, for a capture may lose what the client acknowledges. What does not count is `unproven_bytes`.
// - Numbers further than kAheadBytesMax ahead of what is acknowledged, or told, are nobody's: no RST there is believed.
// - Content of a side that has reset its connection shows that it did not: it begins another, in mid-stream.
// Not known here are windows and hop counts: content that passes the capture and that its receiver will not take (beyond his
// window, with a wrong checksum, dying on the way) is told like any other where it comes first. Place the capture next to
// the server.
//
// Memory: about 190 bytes a connection, known from its SYN (sizeof(Flow) and its place in the index), and what is held for
// holes, each piece with HeldBytes::kPieceBytes on top. When `connections_max` is reached, the one that is worth least gives
// way: closed ones, then those of which no two sides are heard or that never carried a byte, then reset ones, then those idle longest; each kind the longest
// idle first, to the second. So a SYN flood evicts itself, with content or without. When `held_bytes_max` is reached, the hole that is waited for longest
// is told as lost, acknowledged ones first.
//
// libtins was considered (Tins::TCPIP::StreamFollower): it bounds what one stream holds, but neither the streams nor the
// bytes of all, has no view of acknowledgements to tell loss by, gives up a stream at its limit, and throws; so this is ours.
//
// Cost: a look-up and some list moves a segment; nothing is copied that comes in order. Not thread-safe.
// Oracle: tests/adapters/capture/stream_oracle.h.
#pragma once

#include <cstdint>

#include "adapters/capture/capture_counts.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/stream_delivery.h"
#include "adapters/capture/tcp_segment.h"

namespace stockade {

class TcpAssembler {
 public:
  static constexpr int64_t kResetLingerNs = int64_t{2} * 1'000'000'000;
  static constexpr int64_t kLingerNs = int64_t{30} * 1'000'000'000;
  // Above the windows that systems open to a login's connection (Linux: 6 MiB, net.ipv4.tcp_rmem).
  static constexpr int32_t kAheadBytesMax = 1 << 24;
  // Receivers take content with an acknowledgement as old as the largest window that they were offered (RFC 5961 §5), which
  // may be this (RFC 7323 §2.3).
  static constexpr int32_t kOldAcknowledgementMax = 1 << 30;

  // `listener` and `counts` outlive it. Options within their ranges are the caller's duty (STOCKADE_CHECK).
  TcpAssembler(const TcpAssemblerOptions& options, ConnectionListener* listener, CaptureCounts* counts);
  TcpAssembler(const TcpAssembler&) = delete;
  TcpAssembler& operator=(const TcpAssembler&) = delete;

  // `clock_ns` never goes back; waits and idleness are measured by it, and what is told has the times of segments.
  void Take(const TcpSegment& segment, int64_t clock_ns);
  // Tells and closes what waited too long; `time_ns` is what is told of it.
  void Advance(int64_t clock_ns, int64_t time_ns);
  // Tells what is held and closes all connections, the longest idle first.
  void Finish(int64_t time_ns);

  // Those known, closed ones that linger among them.
  uint32_t connections() const noexcept { return delivery_.flows().size(); }
  size_t held_bytes() const noexcept { return delivery_.held_bytes(); }
  size_t memory_bytes() const noexcept { return delivery_.memory_bytes(); }

 private:
  uint32_t Begin(const TcpSegment& segment);
  uint32_t BeginBy(const TcpSegment& segment, bool source_is_client);
  // What a SYN, with or without ACK, means to a flow that is known: the flow to go on with, or kNone.
  uint32_t TakeSyn(const TcpSegment& segment, uint32_t flow);
  uint32_t TakeSynAck(const TcpSegment& segment, uint32_t flow);
  void TakeAcknowledgement(const TcpSegment& segment, uint32_t flow);
  // Whether the client's segment, by what it acknowledges, may be of one who hears the server.
  bool HearsServer(const TcpSegment& segment, uint32_t flow);
  void TakeReset(const TcpSegment& segment, uint32_t flow);
  void TakeFin(const TcpSegment& segment, uint32_t flow);
  void TakeLate(const TcpSegment& segment, uint32_t flow);
  // Gives way for one more.
  void MakeRoom();
  void Strange() { ++counts_->strange_segments; }

  TcpAssemblerOptions options_;
  CaptureCounts* counts_;
  StreamDelivery delivery_;
  int64_t clock_ns_ = 0;
};

}  // namespace stockade
