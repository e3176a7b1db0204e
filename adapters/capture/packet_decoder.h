// A packet → the TCP segment or UDP datagram in it, whatever it is wrapped in.
//
// Link types that are read (libpcap's DLT_): Ethernet, raw IP, IPv4, IPv6, Linux cooked v1 and v2, loopback of BSD and
// OpenBSD, PPP, PPP over Ethernet, Cisco HDLC, Netfilter's log. In them: VLAN tags (802.1Q, 802.1ad, 0x9100, in any number up to kLayersMax),
// PPPoE sessions, LLC/SNAP. Then IPv4 and IPv6 with extension headers and AH, fragments (fragments.h), and the tunnels of
// `tunnels`: GRE (also with Ethernet and ERSPAN II and III in it), IPv4 and IPv6 in IP, VXLAN on its port 4789.
//
// VLANs and tunnels are looked through and not kept apart: where two networks behind one mirror port use the same private
// addresses, capture them apart (a filter "vlan 7").
//
// Checksums are not verified by default. With offload the sender's own capture holds packets whose checksum the card is
// yet to fill in, so that verifying would drop half of the traffic of a perfectly good capture; and what a mirror port sees
// was good enough for the switch. What that lets in is a segment that its receiver will drop: see tcp_assembler.h.
//
// Bounded by the packet: no layer is visited twice, at most kLayersMax in all. No allocation but for fragments. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "adapters/capture/capture_counts.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/fragments.h"
#include "adapters/capture/layers.h"
#include "adapters/capture/packet.h"
#include "adapters/capture/tcp_segment.h"

namespace stockade {

struct PacketDecoderOptions {
  // Read what travels in GRE, VXLAN and IP in IP. Whoever can send such a packet past the capture forges with it traffic
  // of any address: leave it on for a mirror that itself comes in a tunnel and for files of one's own, off at a place that
  // strangers' packets pass.
  bool tunnels = true;
  bool verify_checksums = false;
  FragmentLimits fragments;
};

// Whether packets of this link type are read.
bool IsReadLinkType(int link_type);
// "IEEE802_11 (802.11)", or "147", for people.
std::string LinkTypeName(int link_type);

enum class Transport : uint8_t { kNone, kTcp, kUdp };

struct DecodedPacket {
  Transport transport = Transport::kNone;
  TcpSegment tcp;     // where kTcp
  Datagram datagram;  // where kUdp
};

class PacketDecoder {
 public:
  // Layers of a packet: a stack of VLANs, a tunnel in a tunnel. Real ones have up to 8 (a mirror of a VXLAN of a provider).
  static constexpr int kLayersMax = 16;
  static constexpr uint16_t kVxlanPort = 4789;  // RFC 7348 §5

  PacketDecoder(const PacketDecoderOptions& options, CaptureCounts* counts);

  // `*decoded` views `packet` or, of a datagram that was in fragments, the decoder's own memory until the next call. What
  // is no TCP or UDP is kNone and counted by its reason. `now_ns` is the time fragments age by.
  void Decode(const Packet& packet, int64_t now_ns, DecodedPacket* decoded);

  size_t memory_bytes() const noexcept { return fragments_.memory_bytes(); }

 private:
  void DecodeTcp(const LayerView& view, DecodedPacket* decoded);
  // True: it is a VXLAN tunnel, and `view` is the frame in it.
  bool DecodeUdp(LayerView* view, DecodedPacket* decoded);
  void Refuse(uint64_t CaptureCounts::*reason) { ++(counts_->*reason); }
  bool ChecksumIsBad(const LayerView& view, int protocol) const;

  PacketDecoderOptions options_;
  CaptureCounts* counts_;
  FragmentTable fragments_;
  int64_t time_ns_ = 0;  // of the packet at hand
};

}  // namespace stockade
