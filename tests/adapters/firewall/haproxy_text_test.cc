// The text of HAProxy's runtime API: what is escaped, what is refused, and answers as HAProxy 2.6 gave them, cut short and
// bent.
#include "adapters/firewall/haproxy_text.h"

#include <catch2/catch.hpp>
#include <string>

#include "adapters/firewall/haproxy_runtime.h"
#include "engine/text.h"

namespace stockade {
namespace {

std::string Word(std::string_view word) {
  std::string out;
  AppendHaproxyWord(word, &out);
  return out;
}

TEST_CASE("a name cannot end its command, begin a payload or hide a letter", "[haproxy]") {
  CHECK(Word("203.0.113.0/24") == "203.0.113.0/24");
  CHECK(Word("2001:db8::1") == "2001:db8::1");
  CHECK(Word("a b;c\\d<<") == "a\\ b\\;c\\\\d\\<\\<");
  CHECK(Word("'x' \"y\" #1 @2") == "\\'x\\'\\ \\\"y\\\"\\ \\#1\\ \\@2");
  CHECK(Word("Jürgen") == "Jürgen");
}

TEST_CASE("keys that no command can carry are told apart", "[haproxy]") {
  CHECK(IsHaproxyKey("alice"));
  CHECK(IsHaproxyKey("a b;c<<\\"));
  CHECK_FALSE(IsHaproxyKey(""));
  CHECK_FALSE(IsHaproxyKey("a\nshutdown frontend f"));
  CHECK_FALSE(IsHaproxyKey("a\rb"));
  CHECK_FALSE(IsHaproxyKey(std::string_view("a\0b", 3)));
  CHECK_FALSE(IsHaproxyKey("a\tb"));
  CHECK_FALSE(IsHaproxyKey("a\x7f"));
  CHECK(IsHaproxyKey(std::string(kHaproxyKeyBytesMax, 'x')));
  CHECK_FALSE(IsHaproxyKey(std::string(kHaproxyKeyBytesMax + 1, 'x')));
  CHECK_FALSE(IsPayloadKey("a b"));
  CHECK(IsPayloadKey("a;b"));
}

TEST_CASE("a value holds letters, digits and three marks, whatever a rule is called", "[haproxy]") {
  CHECK(HaproxyValue("5f0e91c2aa034b17") == "5f0e91c2aa034b17");
  CHECK(HaproxyValue("spray: many; <<\n\\") == "spray__many______");
  CHECK(HaproxyValue(std::string(1000, 'a')).size() == 64);
}

TEST_CASE("answers are split at empty lines, and must be as many as there were commands", "[haproxy]") {
  const auto three = SplitAnswers("\nKey not found.\n\n\n", 3);
  REQUIRE(three.ok());
  CHECK(*three == std::vector<std::string_view>{"", "Key not found.", ""});
  const auto list = SplitAnswers("0x1 a b\n0x2 c d\n\n\n", 2);
  REQUIRE(list.ok());
  CHECK((*list)[0] == "0x1 a b\n0x2 c d");
  CHECK_FALSE(SplitAnswers("\n\n", 3).ok());
  CHECK_FALSE(SplitAnswers("\n\n\n\n", 3).ok());
  CHECK_FALSE(SplitAnswers("", 1).ok());
  CHECK_FALSE(SplitAnswers("cut sho", 1).ok());
  CHECK_FALSE(SplitAnswers("cut short\n", 1).ok());
}

TEST_CASE("lines of maps and tables are read, and nothing else is taken for one", "[haproxy]") {
  const auto entry = ParseMapEntry("0x7f90e80466f0 a b;c\\d lock:id");
  REQUIRE(entry);
  CHECK(entry->key == "a b;c\\d");
  CHECK(entry->value == "lock:id");
  for (const char* bad : {"", "0x", "0x1", "0x1 a", "a b c", "Unknown map identifier. Please use #<id>."})
    CHECK_FALSE(ParseMapEntry(bad));

  const std::string maps =
      "# id (file) description\n"
      "0 (/etc/b.map) pattern loaded from file '/etc/b.map' used by map at file 'h.cfg' line 12. curr_ver=3 "
      "next_ver=4 entry_cnt=17\n"
      "2 (/etc/u.map) pattern loaded from file '/etc/u.map' used by map at file 'h.cfg' line 13. curr_ver=0 "
      "next_ver=0 entry_cnt=0\n";
  CHECK(FindMapState(maps, "/etc/b.map") == MapState{3, 17});
  CHECK(FindMapState(maps, "/etc/u.map") == MapState{0, 0});
  CHECK_FALSE(FindMapState(maps, "/etc/b"));
  CHECK_FALSE(FindMapState("0 (/etc/b.map) curr_ver=x entry_cnt=1\n", "/etc/b.map"));
  CHECK_FALSE(FindMapState("", "/etc/b.map"));

  CHECK(ParseNewVersion("New version created: 7\n\n") == 7u);
  CHECK_FALSE(ParseNewVersion("Unknown map identifier. Please use #<id> or <file>.\n\n"));
  CHECK_FALSE(ParseNewVersion("New version created: 99999999999999999999999\n"));

  const auto row = ParseTableEntry("0x7f90e8039f58: key=2001:db8::1 use=0 exp=600000 shard=0 gpc0=1", "gpc0");
  REQUIRE(row);
  CHECK(row->key == "2001:db8::1");
  CHECK(row->count == 1);
  CHECK_FALSE(ParseTableEntry("0x7f90e8039f58: key=1.2.3.4 use=0 exp=600000 xgpc0=1", "gpc0"));
  CHECK_FALSE(ParseTableEntry("0x7f90e8039f58: key=1.2.3.4", "gpc0"));
  CHECK_FALSE(ParseTableEntry("key=1.2.3.4 use=0 gpc0=1", "gpc0"));
  CHECK(ParseTableIsV6("# table: st, type: ipv6, size:102400, used:1") == true);
  CHECK(ParseTableIsV6("# table: st, type: ip, size:102400, used:1") == false);
  CHECK_FALSE(ParseTableIsV6("# table: st, type: string, size:102400, used:1"));
}

TEST_CASE("settings that could not work are refused with their key", "[haproxy]") {
  HaproxyOptions options;
  options.socket = *ParseEndpoint("unix:/run/haproxy/admin.sock");
  options.maps = {{Action::kBlock, HaproxyMapOptions::Holds::kAddresses, "/etc/haproxy/b.map"}};
  REQUIRE(CheckHaproxyOptions(options).ok());
  const auto refused = [](const HaproxyOptions& bad, std::string_view about) {
    const absl::Status status = CheckHaproxyOptions(bad);
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(FromAbsl(status.message()).find(about) != std::string_view::npos);
  };
  HaproxyOptions bad = options;
  bad.socket = *ParseEndpoint("haproxy.example:9999");
  refused(bad, "socket");
  bad = options;
  bad.maps[0].map = "/etc/x.map;shutdown";
  refused(bad, "map:");
  bad = options;
  bad.maps.push_back({Action::kLock, HaproxyMapOptions::Holds::kAccounts, "/etc/haproxy/b.map"});
  refused(bad, "twice");
  bad = options;
  bad.maps.push_back({Action::kBlock, HaproxyMapOptions::Holds::kAddresses, "/etc/haproxy/c.map"});
  refused(bad, "same decisions");
  bad = options;
  bad.tables.push_back({Action::kChallenge, "st", "gpc0"});
  refused(bad, "counter");
  bad = options;
  bad.tables.push_back({Action::kBlock, "st", "gpc0 1;clear table st"});
  refused(bad, "counter");
  bad = options;
  bad.call_time = absl::Seconds(31);
  refused(bad, "call_time");
  bad = HaproxyOptions();
  bad.socket = options.socket;
  refused(bad, "maps");
}

TEST_CASE("capabilities are what maps and tables hold", "[haproxy]") {
  HaproxyOptions options;
  options.socket = *ParseEndpoint("unix:/nowhere");
  options.maps = {{Action::kLock, HaproxyMapOptions::Holds::kAccounts, "/l.map"},
                  {Action::kThrottle, HaproxyMapOptions::Holds::kAsns, "/a.map"}};
  options.tables = {{Action::kBlock, "st", "gpc0"}};
  HaproxyRuntime haproxy(options);
  const Capabilities can = haproxy.capabilities();
  CHECK(can.scopes[static_cast<int>(Action::kLock)] == Capabilities::Bit(Scope::kAccount));
  CHECK(can.scopes[static_cast<int>(Action::kThrottle)] == Capabilities::Bit(Scope::kAsn));
  CHECK(can.scopes[static_cast<int>(Action::kBlock)] == Capabilities::Bit(Scope::kIp));
  CHECK(can.scopes[static_cast<int>(Action::kChallenge)] == 0);
  CHECK(can.lists);
  CHECK_FALSE(can.expires);
}

}  // namespace
}  // namespace stockade
