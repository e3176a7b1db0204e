#include "adapters/capture/packet_decoder.h"

#include <pcap/pcap.h>

#include "engine/text.h"

namespace stockade {
namespace {

constexpr int kProtocolIpv4 = 4;
constexpr int kProtocolTcp = 6;
constexpr int kProtocolUdp = 17;
constexpr int kProtocolIpv6 = 41;
constexpr int kProtocolGre = 47;

std::string_view Text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool IsReadLinkType(int link_type) {
  return IsFrameRead(link_type);
}

std::string LinkTypeName(int link_type) {
  const char* const name = pcap_datalink_val_to_name(link_type);
  if (name == nullptr) return Concat("number ", link_type);
  const char* const description = pcap_datalink_val_to_description(link_type);
  return description == nullptr ? std::string(name) : Concat(name, " (", description, ")");
}

PacketDecoder::PacketDecoder(const PacketDecoderOptions& options, CaptureCounts* counts)
    : options_(options), counts_(counts), fragments_(options.fragments, counts) {}

void PacketDecoder::Decode(const Packet& packet, int64_t now_ns, DecodedPacket* decoded) {
  decoded->transport = Transport::kNone;
  time_ns_ = packet.time_ns;
  LayerView view;
  view.layer = Layer::kFrame;
  view.type = packet.link_type;
  view.bytes = packet.bytes;
  bool tunnelled = false;
  for (int layers = 0; layers < kLayersMax; ++layers) {
    switch (view.layer) {
      case Layer::kFrame:
        ReadFrame(&view);
        break;
      case Layer::kEtherType:
        ReadEtherType(&view);
        break;
      case Layer::kPppoe:
        ReadPppoe(&view);
        break;
      case Layer::kPpp:
        ReadPpp(&view);
        break;
      case Layer::kIp:
        ReadIp(options_.verify_checksums, &view);
        break;
      case Layer::kFragment: {
        uint8_t protocol = 0;
        std::span<const uint8_t> whole;
        if (view.missing_bytes != 0) {
          ++counts_->fragments_unusable;
          ++counts_->fragments;
          return;
        }
        if (!fragments_.Add(view.fragment, now_ns, &protocol, &whole)) {
          ++counts_->fragments;
          return;
        }
        view.bytes = whole;
        view.type = protocol;
        view.layer = Layer::kProtocol;
        break;
      }
      case Layer::kProtocol: {
        if (ReadExtension(&view)) break;
        if (view.type == kProtocolTcp) {
          counts_->tunnelled += tunnelled ? 1 : 0;
          return DecodeTcp(view, decoded);
        }
        if (view.type == kProtocolUdp) {
          if (!DecodeUdp(&view, decoded)) {
            counts_->tunnelled += tunnelled ? 1 : 0;
            return;
          }
          tunnelled = true;
          break;
        }
        const bool in_ip = view.type == kProtocolIpv4 || view.type == kProtocolIpv6;
        if (!options_.tunnels || (!in_ip && view.type != kProtocolGre)) {
          view.layer = Layer::kOther;
          break;
        }
        tunnelled = true;
        if (in_ip) {
          view.layer = Layer::kIp;
        } else {
          ReadGre(&view);
        }
        break;
      }
      case Layer::kOther:
        return Refuse(&CaptureCounts::other);
      case Layer::kMalformed:
        return Refuse(&CaptureCounts::malformed);
      case Layer::kCutShort:
        return Refuse(&CaptureCounts::cut_short);
      case Layer::kBadChecksum:
        return Refuse(&CaptureCounts::bad_checksums);
    }
  }
  Refuse(&CaptureCounts::too_deep);
}

bool PacketDecoder::ChecksumIsBad(const LayerView& view, int protocol) const {
  if (!options_.verify_checksums || view.missing_bytes != 0) return false;
  const auto size = static_cast<uint32_t>(view.bytes.size());
  const uint32_t pseudo = view.pseudo_sum + static_cast<uint32_t>(protocol) + (size >> 16) + (size & 0xffff);
  return !ChecksumHolds(ChecksumWords(view.bytes, pseudo));
}

void PacketDecoder::DecodeTcp(const LayerView& view, DecodedPacket* decoded) {
  if (view.bytes.size() < 20) return Refuse(&CaptureCounts::cut_short);
  const uint8_t* const header = view.bytes.data();
  const size_t header_bytes = size_t{static_cast<uint32_t>(header[12] >> 4)} * 4;
  if (header_bytes < 20) return Refuse(&CaptureCounts::malformed);
  if (view.bytes.size() < header_bytes) {
    return Refuse(view.missing_bytes != 0 ? &CaptureCounts::cut_short : &CaptureCounts::malformed);
  }
  if (ChecksumIsBad(view, kProtocolTcp)) return Refuse(&CaptureCounts::bad_checksums);
  ++counts_->tcp_segments;
  if (view.missing_bytes != 0) ++counts_->truncated;
  decoded->transport = Transport::kTcp;
  TcpSegment& segment = decoded->tcp;
  segment.source = {view.source, Read16(header)};
  segment.destination = {view.destination, Read16(header + 2)};
  segment.time_ns = time_ns_;
  segment.sequence = Read32(header + 4);
  segment.acknowledged = Read32(header + 8);
  segment.flags = header[13];
  segment.bytes = Text(view.bytes.subspan(header_bytes));
  segment.wire_bytes = static_cast<uint32_t>(segment.bytes.size()) + view.missing_bytes;
}

bool PacketDecoder::DecodeUdp(LayerView* view, DecodedPacket* decoded) {
  if (view->bytes.size() < 8) {
    Refuse(&CaptureCounts::cut_short);
    return false;
  }
  const uint8_t* const header = view->bytes.data();
  const size_t size = Read16(header + 4);
  // 0 stands for the whole of a jumbogram (RFC 2675 §4).
  if (size != 0 && size < 8) {
    Refuse(&CaptureCounts::malformed);
    return false;
  }
  bool truncated = view->missing_bytes != 0;
  if (size != 0 && size < view->bytes.size()) view->bytes = view->bytes.first(size);
  if (size > view->bytes.size()) truncated = true;
  // 0 is "no checksum" over IPv4 (RFC 768).
  if (!truncated && Read16(header + 6) != 0 && ChecksumIsBad(*view, kProtocolUdp)) {
    Refuse(&CaptureCounts::bad_checksums);
    return false;
  }
  const uint16_t to = Read16(header + 2);
  const std::span<const uint8_t> content = view->bytes.subspan(8);
  // RFC 7348 §5: 8 bytes of header, the first with the flag that the network's number is valid.
  if (options_.tunnels && to == kVxlanPort && content.size() >= 8 && (content[0] & 0x08) != 0) {
    view->layer = Layer::kFrame;
    view->type = DLT_EN10MB;
    view->bytes = content.subspan(8);
    return true;
  }
  ++counts_->udp_datagrams;
  if (truncated) ++counts_->truncated;
  decoded->transport = Transport::kUdp;
  decoded->datagram.source = {view->source, Read16(header)};
  decoded->datagram.destination = {view->destination, to};
  decoded->datagram.time_ns = 0;
  decoded->datagram.time_ns = time_ns_;
  decoded->datagram.bytes = Text(content);
  decoded->datagram.truncated = truncated;
  return false;
}

}  // namespace stockade
