// Which format an input is taken for: bad lines at its begin do not decide.
#include "adapters/source/registry.h"

#include <catch2/catch.hpp>

#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::ReadText;

std::string GoodLines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += R"({"@timestamp":"2024-05-01T10:11:12Z","source.ip":"192.0.2.1","user.name":"a"})"
            "\n";
  return text;
}

std::string Garbage(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "\x01\x02 no log at all\n";
  return text;
}

TEST_CASE("a first line of any length does not hide the format", "[registry]") {
  for (const size_t size : {size_t{70} << 10, size_t{900} << 10, size_t{1100} << 10, size_t{3} << 20}) {
    INFO(size);
    const auto result = ReadText(std::string(size, 'x') + "\n" + GoodLines(50));
    REQUIRE(result.status.ok());
    REQUIRE(result.records.size() == 51);
    CHECK_FALSE(result.records[0].ok());
    CHECK(result.counters.unreadable() == 1);
    CHECK(result.inputs[0].format == "ndjson");
  }
}

TEST_CASE("bad lines at the begin cost only themselves", "[registry]") {
  const auto result = ReadText(Garbage(60) + GoodLines(5000));
  REQUIRE(result.status.ok());
  CHECK(result.records.size() == 5060);
  CHECK(result.counters.unreadable() == 60);
  CHECK(result.inputs[0].why == "940 of the first 1000 lines are JSON objects with @timestamp");
  const auto more = ReadText(Garbage(700) + GoodLines(5000));
  REQUIRE(more.status.ok());
  CHECK(more.counters.unreadable() == 700);
}

TEST_CASE("what no format reads is not guessed", "[registry]") {
  CHECK_FALSE(ReadText(Garbage(60)).status.ok());
  CHECK_FALSE(ReadText(Garbage(400) + GoodLines(3)).status.ok());
  // As many lines of one format as of another, and more that are neither.
  std::string both = Garbage(30);
  for (int i = 0; i < 10; ++i) {
    both += R"(192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5)"
            "\n";
    both += GoodLines(1);
  }
  CHECK_FALSE(ReadText(both).status.ok());
  CHECK(ReadText("").inputs[0].format == "ndjson");
}

}  // namespace
}  // namespace stockade
