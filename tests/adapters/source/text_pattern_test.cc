// Format files: the shipped ones load, fields come from groups, and a wrong file is told by its place.
#include "adapters/source/text_pattern.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

test::ReadResult ReadWith(const std::string& format, std::string_view log) {
  const auto path =
      std::filesystem::temp_directory_path() / absl::StrCat("stockade_format_", ::getpid(), ".yml");
  std::ofstream(path) << format;
  SourceOptions options;
  options.format_file = path.string();
  options.reference_time = absl::FromUnixSeconds(1717200000);
  auto result = test::ReadText(log, options);
  std::filesystem::remove(path);
  return result;
}

TEST_CASE("groups become fields, patterns are tried in order", "[text_pattern]") {
  const auto result = ReadWith(
      "time: \"%d.%m.%Y %H:%M:%S\"\nzone: Europe/Oslo\npatterns:\n"
      "  - match: '^(?P<timestamp>[\\d.]+ [\\d:]+) (?P<source_ip>\\S+) bad (?P<user_name>.*)$'\n"
      "    outcome: bad_password\n    set: {login.channel: desk}\n"
      "  - match: '^(?P<timestamp>[\\d.]+ [\\d:]+) (?P<source_ip>\\S+) (?P<event_outcome>\\w+)( "
      "(?P<user_name>\\w+))?$'\n",
      "01.05.2024 12:11:12 192.0.2.1 bad al ice\n01.05.2024 12:11:12 192.0.2.1 granted\nnoise\n"
      "01.05.2024 12:11:12 192.0.2 bad x\n41.05.2024 12:11:12 192.0.2.1 bad x\n");
  INFO(result.status.ToString());
  REQUIRE(result.status.ok());
  REQUIRE(result.records.size() == 4);
  CHECK(result.records[0].attempt().time_ns == 1714558272000000000);
  CHECK(result.records[0].attempt().account == "al ice");
  CHECK(result.records[0].attempt().channel == "desk");
  CHECK(result.records[0].outcome() == Outcome::kBadPassword);
  CHECK(result.records[1].outcome() == Outcome::kSuccess);
  CHECK_FALSE(result.records[1].attempt().has_account());
  CHECK(result.records[2].error == ReadError::kBadAddress);
  CHECK(result.records[3].error == ReadError::kBadTimestamp);
  CHECK(result.counters.other == 1);
}

TEST_CASE("a line is of a pattern if it fits all of its expressions, in whatever order its fields stand",
          "[text_pattern]") {
  const auto result = ReadWith(
      "time: epoch\npatterns:\n"
      "  - match:\n      - '^(?:\\w+=\\S+ )*?t=(?P<timestamp>\\d+)( |$)'\n"
      "      - '^(?:\\w+=\\S+ )*?from=(?P<source_ip>\\S+)'\n      - '( |^)fail=1( |$)'\n"
      "      - '^(?:\\w+=\\S+ )*?user=(?P<user_name>\\S+)'\n    outcome: bad_password\n",
      "t=1714558272 user=al from=192.0.2.1 fail=1\nfail=1 from=192.0.2.2 t=1714558273 user=bo\n"
      "fail=1 from=192.0.2.2 t=1714558273\nt=1714558272 user=al from=192.0.2.1 fail=0\n");
  INFO(result.status.ToString());
  REQUIRE(result.status.ok());
  REQUIRE(result.records.size() == 2);
  CHECK(result.records[0].attempt().account == "al");
  CHECK(result.records[0].attempt().source.ToString() == "192.0.2.1");
  CHECK(result.records[1].attempt().account == "bo");
  CHECK(result.records[1].attempt().source.ToString() == "192.0.2.2");
  CHECK(result.records[1].attempt().time_ns == 1714558273000000000);
  CHECK(result.counters.other == 2);
}

TEST_CASE("a pattern may write its time in its own way, a field have several groups, and a line be ignored",
          "[text_pattern]") {
  const auto result = ReadWith(
      "patterns:\n  - match: '^healthcheck'\n    ignore: true\n"
      "  - match: '^(?:healthcheck )?(?P<timestamp>\\d+) "
      "(?:\"(?P<user_name>[^\"]*)\"|(?P<user_name_2>\\S+)) (?P<source_ip>\\S+)$'\n"
      "    time: epoch\n    outcome: bad_password\n"
      "  - match: '^(?P<timestamp>\\S+Z) (?P<source_ip>\\S+)$'\n    outcome: success\n",
      "1714558272 \"al ice\" 192.0.2.1\n1714558272 bob 192.0.2.1\n2024-05-01T10:11:12Z 192.0.2.1\n"
      "healthcheck 1714558272 bob 192.0.2.1\n");
  INFO(result.status.ToString());
  REQUIRE(result.status.ok());
  REQUIRE(result.records.size() == 3);
  CHECK(result.records[0].attempt().account == "al ice");
  CHECK(result.records[1].attempt().account == "bob");
  for (const auto& record : result.records) CHECK(record.attempt().time_ns == 1714558272000000000);
  CHECK(result.records[2].outcome() == Outcome::kSuccess);
  CHECK(result.counters.other == 1);
}

TEST_CASE("a wrong format file is told by line and column", "[text_pattern]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"patterns: []\n", "at least one"},
      {"patterns:\n  - match: '(?P<timestamp>.)('\n    outcome: success\n", ":2:12: match"},
      {"patterns:\n  - match: '(?P<timestamp>.)'\n    outcome: nice\n", ":3:14: outcome"},
      {"patterns:\n  - match: '(?P<timestamp>.)'\n", "outcome: missing"},
      {"patterns:\n  - match: 'x'\n    outcome: success\n", "no group timestamp"},
      {"patterns:\n  - match: '(?P<timestamp>.)(?P<user>.)'\n    outcome: success\n",
       "the group user is no field"},
      {"color: red\npatterns:\n  - match: '(?P<timestamp>.)'\n    outcome: success\n",
       ":1:1: there is no key color"},
      {"zone: Mars/Base\n", "no time zone"},
      {"a: [\n", ".yml:"},
      {"- x\n", "is a map"},
      {"patterns:\n  - match: ['(?P<timestamp>.)', '(']\n    outcome: success\n", ":2:33: match"},
      {"patterns:\n  - match: []\n    outcome: success\n", ":2:12: match: a list of at least one"},
      {"patterns:\n  - match: [{a: b}]\n    outcome: success\n", ".yml:2:"},
      {"patterns:\n  - match: '(?P<timestamp>.)'\n    ignore: perhaps\n", ".yml:3:"},
      {"patterns:\n  - match: '(?P<timestamp>.)'\n    outcome: success\n    when: x\n",
       "there is no key when"},
      {"title: [a]\n", ".yml:1"},
  };
  for (const auto& [format, message] : cases) {
    const auto result = ReadWith(format, "x\n");
    CAPTURE(format, result.status.ToString());
    CHECK_FALSE(result.status.ok());
    CHECK(std::string(result.status.message()).find(message) != std::string::npos);
  }
}

TEST_CASE("every shipped format loads", "[text_pattern]") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STOCKADE_SOURCE_DIR "/rules/formats")) {
    SourceOptions options;
    options.format_file = entry.path().string();
    const auto opened = OpenText("", "test", options);
    INFO(opened.status().ToString());
    CHECK(opened.ok());
    ++count;
  }
  CHECK(count >= 10);
}

}  // namespace
}  // namespace stockade
