// A capture file of made-up web traffic, for benches: logins and pages in front of a gateway, each a TCP connection of its own,
// many at a time. A function of its options.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace stockade {

struct TrafficOptions {
  uint64_t bytes = uint64_t{256} << 20;  // about; never above kTrafficBytesMax
  uint32_t connections_at_a_time = 1000;
  uint32_t disorder_permille = 0;  // of segments that come after the one behind them
  uint64_t seed = 1;
};
inline constexpr uint64_t kTrafficBytesMax = uint64_t{2} << 30;

struct TrafficFile {
  uint64_t packets = 0;
  uint64_t bytes = 0;          // of packets
  uint64_t content_bytes = 0;  // of TCP
  uint64_t connections = 0;
};

// Writes it to `path`, over what was there. Errors: the file cannot be written.
absl::StatusOr<TrafficFile> WriteTraffic(const std::string& path, const TrafficOptions& options);

}  // namespace stockade
