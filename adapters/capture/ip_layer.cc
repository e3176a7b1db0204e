// IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200 §4).
#include "adapters/capture/layers.h"

namespace stockade {
namespace {

constexpr int kHopByHop = 0;
constexpr int kRouting = 43;
constexpr int kFragmentHeader = 44;
constexpr int kAuthentication = 51;
constexpr int kDestinationOptions = 60;
constexpr int kMobility = 135;
constexpr int kHostIdentity = 139;
constexpr int kShim6 = 140;

// Cuts what lies behind the packet (Ethernet pads), and says what is missing. A length of 0 is what a segmentation
// offload writes where the packet is too large for the field: then it is all there is.
void CutTo(size_t size, LayerView* view) {
  if (size == 0) return;
  if (size <= view->bytes.size()) {
    view->bytes = view->bytes.first(size);
    view->missing_bytes = 0;
  } else {
    view->missing_bytes = static_cast<uint32_t>(size - view->bytes.size());
  }
}

void ReadIpv4(bool verify_checksums, LayerView* view) {
  if (view->bytes.size() < 20) {
    view->layer = Layer::kCutShort;
    return;
  }
  const uint8_t* const header = view->bytes.data();
  const size_t header_bytes = size_t{header[0] & 0xfU} * 4;
  const size_t total = Read16(header + 2);
  if (header_bytes < 20 || (total != 0 && total < header_bytes)) {
    view->layer = Layer::kMalformed;
    return;
  }
  if (view->bytes.size() < header_bytes) {
    view->layer = Layer::kCutShort;
    return;
  }
  if (verify_checksums && !ChecksumHolds(ChecksumWords(view->bytes.first(header_bytes), 0))) {
    view->layer = Layer::kBadChecksum;
    return;
  }
  CutTo(total, view);
  view->is_v6 = false;
  view->source = Address::V4(Read32(header + 12));
  view->destination = Address::V4(Read32(header + 16));
  view->pseudo_sum = ChecksumWords({header + 12, 8}, 0);
  view->bytes = view->bytes.subspan(header_bytes);
  view->layer = Layer::kProtocol;
  view->type = header[9];
  const int cut = Read16(header + 6);
  if ((cut & 0x3fff) == 0) return;
  view->layer = Layer::kFragment;
  view->fragment = Fragment{.source = view->source,
                            .destination = view->destination,
                            .id = Read16(header + 4),
                            .protocol = header[9],
                            .is_v6 = false,
                            .more = (cut & 0x2000) != 0,
                            .offset = static_cast<uint32_t>(cut & 0x1fff) * 8,
                            .bytes = view->bytes};
}

void ReadIpv6(LayerView* view) {
  if (view->bytes.size() < 40) {
    view->layer = Layer::kCutShort;
    return;
  }
  const uint8_t* const header = view->bytes.data();
  const size_t payload = Read16(header + 4);
  view->bytes = view->bytes.subspan(40);
  CutTo(payload, view);
  view->is_v6 = true;
  view->source = Address::V6(std::span<const uint8_t, 16>(header + 8, 16));
  view->destination = Address::V6(std::span<const uint8_t, 16>(header + 24, 16));
  view->pseudo_sum = ChecksumWords({header + 8, 32}, 0);
  view->layer = Layer::kProtocol;
  view->type = header[6];
}

}  // namespace

uint32_t ChecksumWords(std::span<const uint8_t> bytes, uint32_t sum) {
  uint64_t all = sum;
  size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) all += Read16(&bytes[i]);
  if (i < bytes.size()) all += static_cast<uint32_t>(bytes[i]) << 8;
  while (all >> 16 != 0) all = (all & 0xffff) + (all >> 16);
  return static_cast<uint32_t>(all);
}

bool ChecksumHolds(uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

void ReadIp(bool verify_checksums, LayerView* view) {
  view->missing_bytes = 0;
  if (view->bytes.empty()) {
    view->layer = Layer::kCutShort;
    return;
  }
  switch (view->bytes[0] >> 4) {
    case 4:
      return ReadIpv4(verify_checksums, view);
    case 6:
      return ReadIpv6(view);
    default:
      view->layer = Layer::kMalformed;
  }
}

bool ReadExtension(LayerView* view) {
  const std::span<const uint8_t> bytes = view->bytes;
  size_t size = 0;
  switch (view->type) {
    case kAuthentication:
      size = bytes.size() < 2 ? 8 : (size_t{bytes[1]} + 2) * 4;  // RFC 4302 §2.2
      break;
    case kHopByHop:
    case kRouting:
    case kDestinationOptions:
    case kMobility:
    case kHostIdentity:
    case kShim6:
      if (!view->is_v6) return false;
      size = bytes.size() < 2 ? 8 : (size_t{bytes[1]} + 1) * 8;
      break;
    case kFragmentHeader:
      if (!view->is_v6) return false;
      size = 8;
      break;
    default:
      return false;
  }
  if (bytes.size() < size) {
    view->layer = Layer::kCutShort;
    return true;
  }
  const int type = view->type;
  view->type = bytes[0];
  view->bytes = bytes.subspan(size);
  if (type != kFragmentHeader) return true;
  const int cut = Read16(&bytes[2]);
  // "Atomic": in no fragments, and apart from all others of its id (RFC 6946).
  if ((cut & 0xfff9) == 0) return true;
  view->layer = Layer::kFragment;
  view->fragment = Fragment{.source = view->source,
                            .destination = view->destination,
                            .id = Read32(&bytes[4]),
                            .protocol = bytes[0],
                            .is_v6 = true,
                            .more = (cut & 1) != 0,
                            .offset = static_cast<uint32_t>(cut & 0xfff8),
                            .bytes = view->bytes};
  return true;
}

}  // namespace stockade
