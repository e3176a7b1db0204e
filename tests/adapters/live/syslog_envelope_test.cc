// Syslog as RFC 5424, RFC 3164 and devices write it, and what nobody may forge by it.
#include "adapters/live/syslog_envelope.h"

#include <catch2/catch.hpp>

#include "engine/text.h"

namespace stockade {
namespace {

const absl::Time kReceived = absl::FromCivil(absl::CivilSecond(2027, 1, 1, 0, 0, 30), absl::UTCTimeZone());

SyslogEnvelope Read(std::string_view packet) {
  return ReadSyslogEnvelope(packet, kReceived, absl::UTCTimeZone());
}
std::string TimeOf(const SyslogEnvelope& envelope) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixNanos(envelope.time_ns), absl::UTCTimeZone());
}

TEST_CASE("RFC 5424: all of it, and dashes for what is not known", "[syslog]") {
  const SyslogEnvelope all = Read(
      "<165>1 2026-10-11T22:14:15.003Z gw.example /usr/sbin/sshd 812 ID47 [a@1 k=\"v\\\"]\"][b@2] "
      "\xEF\xBB\xBF"
      "Failed password");
  CHECK(all.host == "gw.example");
  CHECK(all.program == "sshd");
  CHECK(all.pid == "812");
  CHECK(all.message == "Failed password");
  CHECK(TimeOf(all) == "2026-10-11 22:14:15");
  const SyslogEnvelope none = Read("<165>1 - - - - - -");
  CHECK(none.host.data() == nullptr);
  CHECK(none.program.data() == nullptr);
  CHECK(none.message.empty());
  CHECK(TimeOf(none) == "2027-01-01 00:00:30");
}

TEST_CASE("RFC 3164 with and without priority, host, pid; a year at its turn", "[syslog]") {
  const SyslogEnvelope old = Read("<190>Dec 31 23:59:59 gw nginx: 192.0.2.1 - - [x] \"GET /\"");
  CHECK(old.host == "gw");
  CHECK(old.program == "nginx");
  CHECK(old.message == "192.0.2.1 - - [x] \"GET /\"");
  CHECK(TimeOf(old) == "2026-12-31 23:59:59");
  CHECK(TimeOf(Read("Jan  1 00:00:10 gw sshd[5]: hello")) == "2027-01-01 00:00:10");
  const SyslogEnvelope haproxy = Read("<134>Jan  1 00:00:10 haproxy[77]: 10.0.0.1:5 [x] fe");
  CHECK(haproxy.program == "haproxy");
  CHECK(haproxy.pid == "77");
  CHECK(haproxy.message == "10.0.0.1:5 [x] fe");
  const SyslogEnvelope bare = Read("<134>nginx: {\"a\":1}");
  CHECK(bare.program == "nginx");
  CHECK(bare.message == "{\"a\":1}");
  CHECK(Read("{\"a\":\"b: c\"}").message == "{\"a\":\"b: c\"}");
}

TEST_CASE("nothing within a message begins a line of its own", "[syslog]") {
  using namespace std::string_literals;
  const std::string packet = "<38>1 2026-10-11T22:14:15Z gw sshd 1 - - user \nroot\r\0x\n"s;
  std::string lines;
  AppendSyslogLine(Read(packet), &lines);
  CHECK(lines == "2026-10-11T22:14:15.000000Z gw sshd[1]: user  root  x\n");
  lines.clear();
  AppendSyslogMessage(Read("<38>app: @cee: {\"a\":\"\n\"}"), &lines);
  CHECK(lines == "{\"a\":\" \"}\n");
}

}  // namespace
}  // namespace stockade
