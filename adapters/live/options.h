// What a user may set of live sources, apart from how they work. Plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "adapters/http/endpoint_address.h"
#include "adapters/source/options.h"
#include "engine/event/address.h"

namespace stockade {

// A log that is read while it is written (tail_source.h).
struct TailOptions {
  std::string name;           // of the source; empty: "tail" and the pattern
  std::string pattern;        // a path, or one with * ? […] as glob(7) has them
  SourceOptions reading;      // `fields` of it is not looked at (UseFields)
  std::string position_file;  // empty: none is kept
  bool from_begin = false;  // of files that are there at the start and have no position: else from their end
  // How long what was renamed or deleted is read on, after its last line: its writer may let go of it late.
  absl::Duration rotated_idle = absl::Seconds(60);
  std::function<void(std::string_view)> say;  // of what a person should know; any thread. May be empty
};

// Messages of systemd's journal (journal_source.h).
struct JournalOptions {
  std::string name;                // of the source; empty: "journald" and the units
  std::vector<std::string> units;  // "ssh.service"; any of them
  std::string directory;           // of its files; empty: this machine's
  SourceOptions reading;
  std::string position_file;                  // of the cursor; empty: none is kept
  bool from_begin = false;                    // where there is no cursor: else from its end
  std::function<void(std::string_view)> say;  // of what a person should know; any thread. May be empty
};

enum class SyslogTransport : uint8_t { kUdp, kTcp, kTls };
inline constexpr std::string_view kSyslogTransportNames[] = {"udp", "tcp", "tls"};

// Messages from the network (syslog_source.h).
struct SyslogOptions {
  std::string name;  // of the source; empty: "syslog" and the address
  SyslogTransport transport = SyslogTransport::kUdp;
  Endpoint at;  // a numeric address; port 0: any free one, see port()
  SourceOptions reading;
  std::vector<Prefix> allow;
  int connections = 256;
  size_t message_bytes = size_t{64} << 10;
  std::string certificate_file, key_file, client_ca_file;  // of TLS, PEM
};

// Events that others push (push_source.h).
struct PushOptions {
  std::string name;  // of the source; empty: "push" and the address
  Endpoint at;
  std::string key;                      // of Bearer; empty: nobody is asked for one
  SourceOptions reading;                // its format is ndjson
  size_t body_bytes = size_t{1} << 20;  // of a request, also once it is unpacked
};
// Of PushOptions::body_bytes, 1984 KiB: what an empty queue has room for (push_source.cc).
inline constexpr size_t kPushBodyBytesMax = size_t{62} * (size_t{32} << 10);

}  // namespace stockade
