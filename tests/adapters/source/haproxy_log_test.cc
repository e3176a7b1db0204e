// HAProxy's HTTP log, as its manual shows it and with a syslog head; what is no such line; that it is told by itself.
#include "adapters/source/haproxy_log.h"

#include <catch2/catch.hpp>

#include "adapters/source/registry.h"

namespace stockade {
namespace {

constexpr std::string_view kLine =
    "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 302 2750 - - ---- "
    "1/1/1/1/0 0/0 "
    "{1wt.eu|x} {} \"POST /login?next=%2F HTTP/1.1\"";

TEST_CASE("an HTTP log of HAProxy is cut into its parts", "[haproxy]") {
  for (const std::string& head : {std::string(), std::string("Feb  6 12:14:14 lb haproxy[14389]: ")}) {
    const std::string text = head + std::string(kLine);
    AccessLogLine line;
    REQUIRE(ParseHaproxyLogLine(text, &line));
    CHECK(line.host == "10.0.1.2");
    CHECK(line.date == "06/Feb/2009:12:14:14.655");
    CHECK(line.status == 302);
    CHECK(line.request == "POST /login?next=%2F HTTP/1.1");
    CHECK(ParseHaproxyDate(line.date, LocalZone(absl::UTCTimeZone())) == 1233922454655000000);
  }
  AccessLogLine line;
  std::string v6(kLine);
  v6.replace(0, 14, "[2001:db8::1]:3331");
  REQUIRE(ParseHaproxyLogLine(v6, &line));
  CHECK(line.host == "2001:db8::1");
  std::string gone(kLine);
  gone.replace(gone.find(" 302 "), 5, " -1 ");
  REQUIRE(ParseHaproxyLogLine(gone, &line));
  CHECK(line.status == 0);
}

TEST_CASE("what is cut short or of another kind is no such line", "[haproxy]") {
  AccessLogLine line;
  for (size_t size = 0; size < kLine.size(); ++size) {
    INFO(size);
    CHECK_FALSE(ParseHaproxyLogLine(kLine.substr(0, size), &line));
  }
  CHECK_FALSE(ParseHaproxyLogLine("192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] \"POST /login HTTP/1.1\" 302 5",
                                  &line));
  const LocalZone utc(absl::UTCTimeZone());
  CHECK_FALSE(ParseHaproxyDate("31/Feb/2009:12:14:14.655", utc).has_value());
  CHECK_FALSE(ParseHaproxyDate("06/Feb/2009:24:14:14.655", utc).has_value());
}

TEST_CASE("it is told from syslog by itself", "[haproxy]") {
  const std::string text = "Feb  6 12:14:14 lb haproxy[14389]: " + std::string(kLine) + "\n";
  auto bytes = ByteReader::OverText(text + text, "haproxy.log");
  REQUIRE(bytes.ok());
  const auto found = DetectFormat(bytes->get(), SourceOptions());
  REQUIRE(found.ok());
  CHECK(found->format->name == "haproxy");
}

}  // namespace
}  // namespace stockade
