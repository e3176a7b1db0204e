// Syslog messages of any bytes: what a reader is given is one line, and what is read lies within what came.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapters/live/syslog_envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  const absl::Time received = absl::FromUnixSeconds(1'800'000'000);
  const stockade::SyslogEnvelope envelope =
      stockade::ReadSyslogEnvelope(packet, received, absl::UTCTimeZone());
  for (const std::string_view part : {envelope.host, envelope.program, envelope.pid, envelope.message}) {
    const bool is_within =
        part.empty() || (part.data() >= packet.data() && part.data() + part.size() <= packet.data() + size);
    if (!is_within) std::abort();
  }
  std::string lines;
  stockade::AppendSyslogLine(envelope, &lines);
  if (lines.find_first_of(std::string_view("\n\0\r", 3)) != lines.size() - 1) std::abort();
  lines.clear();
  stockade::AppendSyslogMessage(envelope, &lines);
  if (lines.find_first_of(std::string_view("\n\0\r", 3)) != lines.size() - 1) std::abort();
  return 0;
}
