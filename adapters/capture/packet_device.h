// A network interface → packets, by libpcap: a mirror port, a TAP, the terminator's own interface.
//
// Opening needs CAP_NET_RAW (and CAP_NET_ADMIN for promiscuous mode); reading needs neither, so the caller drops his
// privileges once Open has returned. Nothing is ever sent.
//
// Next never waits; Wait waits until there is something to read or the time is over, so that a quiet network holds
// nobody up. Packets come in blocks of the kernel's ring, at most kBlockWait late; `immediate` gives each at once, at the
// price of a wake-up a packet (a login at a time is worth nothing of it: leave it off but for tests).
//
// Errors. Open: no such interface, no permission, a filter that does not compile (with what libpcap says of it), a link
// type that packet_decoder.h does not read, by name. Next: the interface went away; it is not opened again here.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/capture/packet.h"

struct pcap;

namespace stockade {

struct PacketDeviceOptions {
  std::string interface;  // "eth1"; "any" takes all of them, each in cooked form
  std::string
      filter;  // in the language of pcap-filter(7); empty: all. "tcp port 80 or vlan" spares much work
  int snaplen = kSnaplenDefault;           // bytes of a packet that are kept
  int buffer_bytes = kBufferBytesDefault;  // the kernel's ring
  bool promiscuous = true;                 // a mirror port carries other machines' packets
  bool immediate = false;

  // A segmentation offload hands over up to 64 KiB at once, and its headers.
  static constexpr int kSnaplenDefault = 65535 + 256;
  static constexpr int kSnaplenMin = 96;      // no TCP header fits into less behind a VLAN and IPv6
  static constexpr int kSnaplenMax = 262144;  // libpcap's own
  // At 1 Gbit/s, 250 ms of traffic while nobody reads: longer than a verdict, a page fault or a log rotation.
  static constexpr int kBufferBytesDefault = 32 << 20;
  static constexpr int kBufferBytesMin = 1 << 20;
  static constexpr int kBufferBytesMax = 1 << 30;
};

// Since the device was opened. What is dropped was never seen by anybody here.
struct PacketDeviceCounts {
  uint64_t received = 0;              // by the kernel, through the filter, dropped ones included
  uint64_t dropped_by_kernel = 0;     // for want of room in its ring: we were too slow
  uint64_t dropped_by_interface = 0;  // by the hardware or its driver, where that says so
};

class PacketDevice {
 public:
  // How long the kernel may gather packets before it hands over a block that is not full.
  static constexpr absl::Duration kBlockWait = absl::Milliseconds(100);

  // InvalidArgument: an option outside its range, or a filter that is none. NotFound: no such interface.
  // PermissionDenied: what it needs is said.
  static absl::StatusOr<std::unique_ptr<PacketDevice>> Open(const PacketDeviceOptions& options);

  ~PacketDevice();
  PacketDevice(const PacketDevice&) = delete;
  PacketDevice& operator=(const PacketDevice&) = delete;

  // The next packet; false where there is none now.
  absl::StatusOr<bool> Next(Packet* packet);
  // Waits until Next may give a packet, at most so long. True: it may. False: the time is over, or a signal came.
  absl::StatusOr<bool> Wait(absl::Duration longest);
  // For an event loop of the caller's own: readable when Next may give a packet.
  int descriptor() const noexcept { return descriptor_; }

  // The counters of libpcap are of 32 bits: asked once in 2^32 packets at least, they are whole here.
  absl::StatusOr<PacketDeviceCounts> Counts();
  int link_type() const noexcept { return link_type_; }

 private:
  PacketDevice() = default;
  absl::Status Failed(const char* what) const;

  std::string interface_;
  pcap* handle_ = nullptr;
  int descriptor_ = -1;
  int link_type_ = 0;
  uint64_t packets_ = 0;
  bool nanoseconds_ = false;
  PacketDeviceCounts counts_;
};

}  // namespace stockade
