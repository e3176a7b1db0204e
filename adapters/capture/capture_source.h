// A capture file as a log: its logins are the records, in the order in which their answers came.
//
//   file ─► PacketFile ─► Assembly ─► LoginCapture ─► records
//
// Record::line counts the logins; a verdict of line 17 is that of the seventeenth. Times are those of the requests' first
// bytes, so that they go back a little where answers overtake one another: engine/window/watermark.h is made for that.
// Fields beyond the known ones that rules may ask for: http.request.method, http.response.status_code, url.domain,
// tls.client.server_name.
//
// Errors: as PacketFile; every login of the packets before the damage is delivered first. What is no login, what was lost
// and what was not understood is told by figures().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/capture/assembly.h"
#include "adapters/capture/login_capture.h"
#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/source.h"

namespace stockade {

// What logins are and how captures are read for them.
struct CaptureReading : LoginTerms {
  LoginCaptureOptions capture;
  AssemblyOptions assembly;
};

// About what a block of a log holds.
inline constexpr size_t kLoginsABatch = 256;

// The figures of a capture, in the order in which people read them; at the end what was refused, by its reason.
std::vector<SourceFigure> CaptureFigures(const CaptureCounts& packets, const LoginCapture& capture,
                                         const LoginReading& reading);

absl::StatusOr<std::unique_ptr<Source>> MakeCaptureSource(std::unique_ptr<ByteReader> bytes,
                                                          const SourceOptions& options,
                                                          const CaptureReading& reading);

// As a format of SourceOptions::foreign_formats. `reading` is asked when a capture is opened; `how`: where it comes
// from, for people.
inline constexpr std::string_view kCaptureFormat = "pcap";
ForeignFormat CaptureFormat(std::function<absl::StatusOr<CaptureReading>()> reading, std::string how);

}  // namespace stockade
