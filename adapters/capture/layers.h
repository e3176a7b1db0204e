// One layer of a packet at a time: what stands in front is taken off, and what follows is named. packet_decoder.h walks
// them. Every function looks only at bytes that are there, and takes off at least one or ends the walk.
#pragma once

#include <cstdint>
#include <span>

#include "adapters/capture/fragments.h"
#include "engine/event/address.h"

namespace stockade {

enum class Layer : uint8_t {
  kFrame,      // `type` is a DLT_ value
  kEtherType,  // `type` is an EtherType, `bytes` what follows it
  kPpp,        // a PPP frame from its address or protocol field on
  kPppoe,      // a PPPoE session header
  kIp,         // IPv4 or IPv6, by its first four bits
  kProtocol,   // `type` is an IP protocol number
  kFragment,   // of `fragment`
  // The walk ends:
  kOther,
  kMalformed,
  kCutShort,
  kBadChecksum,
};

// Where the walk is.
struct LayerView {
  Layer layer = Layer::kOther;
  int type = 0;
  std::span<const uint8_t> bytes;
  // From the IP header on:
  uint32_t missing_bytes = 0;  // at the end of `bytes`, that the capture did not keep
  uint32_t pseudo_sum = 0;     // of source, destination, for the checksum of TCP and UDP
  bool is_v6 = false;
  Address source;
  Address destination;
  Fragment fragment;  // where kFragment
};

inline uint16_t Read16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}
inline uint32_t Read32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 |
         static_cast<uint32_t>(at[2]) << 8 | at[3];
}

// Sum of 16-bit words in network order, for checksums (RFC 1071); an odd byte is padded with zero.
uint32_t ChecksumWords(std::span<const uint8_t> bytes, uint32_t sum);
// Whether a sum over a content and its checksum is right.
bool ChecksumHolds(uint32_t sum);

bool IsFrameRead(int link_type);
// These change `view` in place.
void ReadFrame(LayerView* view);
void ReadEtherType(LayerView* view);
void ReadPppoe(LayerView* view);
void ReadPpp(LayerView* view);
void ReadIp(bool verify_checksums, LayerView* view);
// IPv6 extension headers and AH. False where `type` is none.
bool ReadExtension(LayerView* view);
// GRE with what it carries (RFC 2784, RFC 2890).
void ReadGre(LayerView* view);

}  // namespace stockade
