// Link layers, as https://www.tcpdump.org/linktypes.html describes them.
#include <pcap/pcap.h>

#include <algorithm>

#include "adapters/capture/layers.h"

namespace stockade {
namespace {

constexpr int kEtherTypeIpv4 = 0x0800;
constexpr int kEtherTypeIpv6 = 0x86dd;

void End(Layer why, LayerView* view) {
  view->layer = why;
}

// Takes `size` bytes off; false, and the walk's end, where there are fewer.
bool TakeOff(size_t size, LayerView* view) {
  if (view->bytes.size() < size) {
    End(Layer::kCutShort, view);
    return false;
  }
  view->bytes = view->bytes.subspan(size);
  return true;
}

void GoOn(Layer layer, int type, LayerView* view) {
  view->layer = layer;
  view->type = type;
}

// A header of `size` bytes with an EtherType at `place`.
void EtherTypeAt(size_t place, size_t size, LayerView* view) {
  const uint8_t* const header = view->bytes.data();
  if (!TakeOff(size, view)) return;
  GoOn(Layer::kEtherType, Read16(header + place), view);
}

void ReadEthernet(LayerView* view) {
  const uint8_t* const header = view->bytes.data();
  if (!TakeOff(14, view)) return;
  const int type = Read16(header + 12);
  if (type > 1500) return GoOn(Layer::kEtherType, type, view);
  // A length (IEEE 802.3): LLC, and with SNAP of no vendor's own an EtherType (RFC 1042).
  if (static_cast<size_t>(type) < view->bytes.size())
    view->bytes = view->bytes.first(static_cast<size_t>(type));
  const std::span<const uint8_t> llc = view->bytes;
  if (llc.size() < 8 || llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 3 || llc[3] != 0 || llc[4] != 0 ||
      llc[5] != 0) {
    return End(Layer::kOther, view);
  }
  EtherTypeAt(6, 8, view);
}

// BSD's loopback: an address family, in the byte order of the machine that captured (NULL) or the network's (LOOP). IPv6
// has a number of its own on every BSD; the first bits of the packet say which version it is.
void ReadLoopback(LayerView* view) {
  if (TakeOff(4, view)) GoOn(Layer::kIp, 0, view);
}

// Netfilter's log: attributes in the byte order of this machine, which libpcap has seen to.
void ReadNetfilterLog(LayerView* view) {
  constexpr uint16_t kPayload = 9;  // NFULA_PAYLOAD
  if (!TakeOff(4, view)) return;
  while (view->bytes.size() >= 4) {
    const uint8_t* const at = view->bytes.data();
    uint16_t size = 0;
    uint16_t type = 0;
    __builtin_memcpy(&size, at, 2);
    __builtin_memcpy(&type, at + 2, 2);
    if (size < 4) return End(Layer::kMalformed, view);
    if ((type & 0x7fff) == kPayload) {
      view->bytes = view->bytes.subspan(4, std::min<size_t>(view->bytes.size() - 4, size - 4U));
      return GoOn(Layer::kIp, 0, view);
    }
    const size_t padded = (size_t{size} + 3) & ~size_t{3};
    if (!TakeOff(padded, view)) return;
  }
  End(Layer::kOther, view);
}

}  // namespace

bool IsFrameRead(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_PPP:
    case DLT_PPP_SERIAL:
    case DLT_PPP_ETHER:
    case DLT_C_HDLC:
    case DLT_NFLOG:
      return true;
    default:
      return false;
  }
}

void ReadFrame(LayerView* view) {
  switch (view->type) {
    case DLT_EN10MB:
      return ReadEthernet(view);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return GoOn(Layer::kIp, 0, view);
    case DLT_LINUX_SLL:
      return EtherTypeAt(14, 16, view);
    case DLT_LINUX_SLL2:
      return EtherTypeAt(0, 20, view);
    case DLT_NULL:
    case DLT_LOOP:
      return ReadLoopback(view);
    case DLT_PPP:
      return GoOn(Layer::kPpp, 0, view);
    case DLT_PPP_ETHER:
      return GoOn(Layer::kPppoe, 0, view);
    case DLT_C_HDLC:
      return EtherTypeAt(2, 4, view);
    case DLT_PPP_SERIAL:
      // PPP in HDLC framing, or Cisco's where the address is one of its own (RFC 1547 §4.3.1).
      if (!view->bytes.empty() && (view->bytes[0] == 0x0f || view->bytes[0] == 0x8f)) {
        return EtherTypeAt(2, 4, view);
      }
      return GoOn(Layer::kPpp, 0, view);
    case DLT_NFLOG:
      return ReadNetfilterLog(view);
    default:
      return End(Layer::kOther, view);
  }
}

void ReadEtherType(LayerView* view) {
  switch (view->type) {
    case kEtherTypeIpv4:
    case kEtherTypeIpv6:
      return GoOn(Layer::kIp, 0, view);
    case 0x8100:  // IEEE 802.1Q
    case 0x88a8:  // IEEE 802.1ad
    case 0x9100:
      return EtherTypeAt(2, 4, view);  // the same before it was a standard
    case 0x8864:
      return GoOn(Layer::kPppoe, 0, view);
    default:
      return End(Layer::kOther, view);
  }
}

void ReadPppoe(LayerView* view) {
  const uint8_t* const header = view->bytes.data();
  if (!TakeOff(6, view)) return;
  if (header[0] != 0x11) return End(Layer::kMalformed, view);
  if (header[1] != 0) return End(Layer::kOther, view);  // discovery
  const size_t size = Read16(header + 4);
  if (size < view->bytes.size()) view->bytes = view->bytes.first(size);
  GoOn(Layer::kPpp, 0, view);
}

// RFC 1661 §2, RFC 1662 §3.1; the address and control fields and half of the protocol may be compressed away.
void ReadPpp(LayerView* view) {
  std::span<const uint8_t> bytes = view->bytes;
  if (bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0x03) bytes = bytes.subspan(2);
  if (bytes.size() < 2) return End(Layer::kCutShort, view);
  const bool compressed = (bytes[0] & 1) != 0;
  const int protocol = compressed ? bytes[0] : Read16(bytes.data());
  view->bytes = bytes.subspan(compressed ? 1 : 2);
  if (protocol == 0x0021 || protocol == 0x0057) return GoOn(Layer::kIp, 0, view);
  End(Layer::kOther, view);
}

void ReadGre(LayerView* view) {
  const std::span<const uint8_t> bytes = view->bytes;
  if (bytes.size() < 4) return End(Layer::kCutShort, view);
  const int flags = Read16(bytes.data());
  const int type = Read16(bytes.data() + 2);
  if ((flags & 7) != 0) return End(Layer::kOther, view);  // version 1 is PPTP's
  if ((flags & 0x4000) != 0)
    return End(Layer::kOther, view);  // source routes of RFC 1701, which nobody sends
  const bool numbered = (flags & 0x1000) != 0;
  size_t size = 4;
  if ((flags & 0x8000) != 0) size += 4;  // checksum
  if ((flags & 0x2000) != 0) size += 4;  // key
  if (numbered) size += 4;
  if (!TakeOff(size, view)) return;
  switch (type) {
    case 0x6558:
      return GoOn(Layer::kFrame, DLT_EN10MB, view);
    case 0x88be:
      // ERSPAN II has a header of 8 bytes; type I, which has no sequence number, has none.
      if (numbered && !TakeOff(8, view)) return;
      return GoOn(Layer::kFrame, DLT_EN10MB, view);
    case 0x22eb: {  // ERSPAN III: 12 bytes, and 8 more where the last bit says so
      const uint8_t* const header = view->bytes.data();
      if (!TakeOff(12, view)) return;
      if ((header[11] & 1) != 0 && !TakeOff(8, view)) return;
      return GoOn(Layer::kFrame, DLT_EN10MB, view);
    }
    default:
      return GoOn(Layer::kEtherType, type, view);
  }
}

}  // namespace stockade
