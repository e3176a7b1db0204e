// The head of a syslog line: when, where, which program. Shapes: RFC 3164 ("Apr  2 10:11:12 host sshd[1]: …",
// the host may lack, "<38>" may precede), the same with an ISO 8601 stamp (rsyslog, journalctl -o short-iso)
// or seconds since 1970 (short-unix), and RFC 5424 ("<38>1 2024-05-01T10:11:12Z host sshd 1 - - …").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/source/source.h"
#include "adapters/source/timestamp.h"

namespace stockade {

struct SyslogLine {
  int64_t time_ns = 0;
  std::string_view host;     // null where there is none
  std::string_view program;  // without path and pid
  std::string_view pid;      // null where there is none
  std::string_view message;
};

// Not thread-safe: years depend on the lines before (YearlessDates), and the last stamp is remembered, as
// lines of one second come together. ~40 ns.
class SyslogParser {
 public:
  SyslogParser(YearlessDates dates, const absl::TimeZone& zone) : dates_(dates), zone_(zone) {}

  // kNone, kNotThisFormat, or kBadTimestamp for a date that does not exist.
  ReadError Parse(std::string_view text, SyslogLine* line);

 private:
  ReadError ParseStamp(std::string_view text, int64_t* time_ns, size_t* used);

  YearlessDates dates_;
  LocalZone zone_;
  std::string last_stamp_;  // its text, "Apr  2 10:11:12"
  int64_t last_time_ = 0;
};

}  // namespace stockade
