// Any other text log, by a format file of the user's:
//
//   title: vsftpd
//   time: "%a %b %e %H:%M:%S %Y"  # iso8601 · epoch · access_log · yearless · a layout of absl::ParseTime
//   patterns:                      # tried in order; the first that matches reads the line
//     - match: '^(?P<timestamp>.{24}) \[pid \d+\] \[(?P<user_name>.*)\] FAIL LOGIN: Client
//     "(?P<source_ip>[^"]+)"$'
//       outcome: bad_password
//       set: {login.channel: ftp}
//
// Keys of the file:
//   title     for people
//   time      how the group `timestamp` is written; iso8601 if absent
//   head      syslog: lines begin with a syslog head (syslog_line.h), which gives the time; patterns see the message
//   programs  with head syslog: the programs whose lines are looked at; all if absent
//   zone      IANA zone of times without one; SourceOptions::time_zone if absent
//   patterns  a list of
//     match    an RE2 pattern, or a list of them: then a line has to fit them all, and groups come from all. So fields are
//              found in whatever order they stand
//     outcome  a word of the design (or the group event_outcome)
//     time     instead of the file's
//     set      fields with fixed values
//     ignore   true: what fits is no login, whatever stands further down; needs nothing but match
// A named group is a field whose dots are written as underscores: source_ip, user_name, user_agent_original,
// …; `timestamp` is @timestamp. Names that rules ask for are found the same way. A group that did not take
// part is absent; where a field can stand in several places, it has several groups, user_name, user_name_2 … _9, and the
// last that took part counts.
//
// Lines that no pattern matches are counted as `other`. RE2 matches in time linear in the line, whatever the
// pattern. Account names are a stranger's text: anchor patterns at the end of the line, or at what the
// stranger cannot write. Of the shipped formats tests/adapters/source/shipped_formats_test.cc shows that no name moves an
// address.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/source/byte_reader.h"
#include "adapters/source/options.h"
#include "adapters/source/source.h"

namespace stockade {

// Of SourceOptions::format_file. Errors: those of ReadTextFormat.
absl::StatusOr<std::unique_ptr<Source>> MakeTextPatternSource(std::unique_ptr<ByteReader> bytes,
                                                              const SourceOptions& options);

// Whether the lines of a format begin with a syslog head: of sshd, and of a format file that says so. Errors: as above.
absl::StatusOr<bool> LinesHaveSyslogHead(const SourceOptions& options);

}  // namespace stockade
