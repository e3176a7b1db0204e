#include "adapters/capture/packet_device.h"

#include <pcap/pcap.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "adapters/capture/packet_decoder.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

absl::Status CheckRange(const char* key, int value, int least, int most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat("capture.", key, ": ", value, " is not in ", least, " to ", most));
}

// What pcap_activate could not do, for whoever must act.
absl::Status NotActivated(const std::string& interface, int result, pcap* handle) {
  const std::string why =
      Concat("capture.interface: ", interface, ": ", pcap_statustostr(result), ": ", pcap_geterr(handle));
  switch (result) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return absl::NotFoundError(why);
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return absl::PermissionDeniedError(
          Concat(why, "; start as root, or with CAP_NET_RAW and CAP_NET_ADMIN"));
    default:
      return absl::FailedPreconditionError(why);
  }
}

// How much a counter of 32 bits has gone on since it was read last, of which `*total` kept the sum.
void GoOn(uint32_t now, uint64_t* total) {
  *total += static_cast<uint32_t>(now - static_cast<uint32_t>(*total));
}

}  // namespace

absl::Status PacketDevice::Failed(const char* what) const {
  return absl::UnavailableError(
      Concat("capture.interface: ", interface_, ": ", what, ": ", pcap_geterr(handle_)));
}

absl::StatusOr<std::unique_ptr<PacketDevice>> PacketDevice::Open(const PacketDeviceOptions& options) {
  using Options = PacketDeviceOptions;
  if (options.interface.empty()) {
    return absl::InvalidArgumentError(
        "capture.interface: is empty; write a name that `ip link` lists, or any");
  }
  RETURN_IF_ERROR(CheckRange("snaplen", options.snaplen, Options::kSnaplenMin, Options::kSnaplenMax));
  RETURN_IF_ERROR(
      CheckRange("buffer_bytes", options.buffer_bytes, Options::kBufferBytesMin, Options::kBufferBytesMax));
  std::unique_ptr<PacketDevice> device(new PacketDevice);
  device->interface_ = options.interface;
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap* const handle = device->handle_ = pcap_create(options.interface.c_str(), error);
  if (handle == nullptr) {
    return absl::NotFoundError(Concat("capture.interface: ", options.interface, ": ", error));
  }
  pcap_set_snaplen(handle, options.snaplen);
  pcap_set_promisc(handle, options.promiscuous && options.interface != "any" ? 1 : 0);
  pcap_set_timeout(handle, static_cast<int>(absl::ToInt64Milliseconds(kBlockWait)));
  pcap_set_immediate_mode(handle, options.immediate ? 1 : 0);
  pcap_set_buffer_size(handle, options.buffer_bytes);
  // Devices that cannot tell nanoseconds tell microseconds.
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
  if (const int result = pcap_activate(handle); result < 0) {
    return NotActivated(options.interface, result, handle);
  }
  device->link_type_ = pcap_datalink(handle);
  if (!IsReadLinkType(device->link_type_)) {
    return absl::UnimplementedError(Concat("capture.interface: ", options.interface,
                                           ": packets of link type ", LinkTypeName(device->link_type_),
                                           " are not read"));
  }
  if (!options.filter.empty()) {
    bpf_program program{};
    if (pcap_compile(handle, &program, options.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
      return absl::InvalidArgumentError(Concat("capture.filter: \"", options.filter,
                                               "\": ", pcap_geterr(handle),
                                               "; the language is that of pcap-filter(7)"));
    }
    const int result = pcap_setfilter(handle, &program);
    pcap_freecode(&program);
    if (result != 0) return device->Failed("the filter cannot be set");
  }
  if (pcap_setnonblock(handle, 1, error) != 0) {
    return absl::InternalError(Concat("capture.interface: ", options.interface, ": ", error));
  }
  device->descriptor_ = pcap_get_selectable_fd(handle);
  if (device->descriptor_ < 0) return device->Failed("cannot be waited for");
  device->nanoseconds_ = pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO;
  return device;
}

PacketDevice::~PacketDevice() {
  if (handle_ != nullptr) pcap_close(handle_);
}

absl::StatusOr<bool> PacketDevice::Next(Packet* packet) {
  pcap_pkthdr* header = nullptr;
  const uint8_t* bytes = nullptr;
  const int result = pcap_next_ex(handle_, &header, &bytes);
  if (result < 0) return Failed("cannot be read any more");
  if (result == 0) return false;
  packet->bytes = {bytes, header->caplen};
  packet->wire_bytes = header->len;
  packet->time_ns = CaptureTimeNs(header->ts.tv_sec, header->ts.tv_usec * (nanoseconds_ ? 1 : 1000));
  packet->link_type = link_type_;
  packet->number = ++packets_;
  return true;
}

absl::StatusOr<bool> PacketDevice::Wait(absl::Duration longest) {
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  const auto milliseconds = std::clamp<int64_t>(absl::ToInt64Milliseconds(longest), 0, 3'600'000);
  const int ready = ::poll(&waiting, 1, static_cast<int>(milliseconds));
  if (ready < 0 && errno != EINTR) {
    return absl::ErrnoToStatus(errno, Concat("capture.interface: ", interface_, ": cannot be waited for"));
  }
  return ready > 0;
}

absl::StatusOr<PacketDeviceCounts> PacketDevice::Counts() {
  pcap_stat now{};
  if (pcap_stats(handle_, &now) != 0) return Failed("cannot be asked for its counts");
  GoOn(now.ps_recv, &counts_.received);
  GoOn(now.ps_drop, &counts_.dropped_by_kernel);
  GoOn(now.ps_ifdrop, &counts_.dropped_by_interface);
  return counts_;
}

}  // namespace stockade
