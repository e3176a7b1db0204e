// What stands around the message of a syslog packet: who says it, when, and what he says. RFC 5424 (structured data, byte
// order mark, "-" for what is not known), RFC 3164 as devices write it (with or without priority, date, host and tag;
// dates of ISO 8601 too), and a bare message.
//
//   <38>1 2026-11-27T08:00:00Z gw sshd 812 - - Failed password for root from 192.0.2.1 port 22 ssh2
//   <190>Nov 27 08:00:00 gw nginx: 192.0.2.1 - - [27/Nov/2026:08:00:00 +0000] "POST /login HTTP/1.1" 302 0
//
// A message is a stranger's text in part, and a line of a log when it goes on from here: whatever could end a line within it
// is a space in what is given.
//
// Dates of RFC 3164 have no year: it is the one nearest to the time of receipt, for each message by itself, so that nobody
// can shift the dates of others. Pure; any thread. ~300 ns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace stockade {

struct SyslogEnvelope {
  int64_t time_ns = 0;       // of receipt where the message says none that can be read
  std::string_view host;     // null where there is none
  std::string_view program;  // null where there is none; without path and pid
  std::string_view pid;      // null where there is none
  std::string_view message;
};

// Never fails: what is no envelope is a message. Views into `packet`.
SyslogEnvelope ReadSyslogEnvelope(std::string_view packet, absl::Time received, const absl::TimeZone& zone);

// The lines that readers of a format are given, with its newline: the message alone, or, for a format whose lines begin with
// a syslog head (syslog_line.h), all of it, with its time in full.
void AppendSyslogMessage(const SyslogEnvelope& envelope, std::string* lines);
void AppendSyslogLine(const SyslogEnvelope& envelope, std::string* lines);

}  // namespace stockade
