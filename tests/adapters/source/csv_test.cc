// CSV: quoting, headers, and that a broken row costs itself.
#include "adapters/source/csv.h"

#include <catch2/catch.hpp>

#include "tests/adapters/source/read_all.h"

namespace stockade {
namespace {

using test::Format;
using test::ReadText;

constexpr std::string_view kHeader = "@timestamp,source.ip,user.name,event.outcome,user_agent.original\n";

TEST_CASE("columns are found by their ECS names, the names others use, or a mapping", "[csv]") {
  SourceOptions mapped = Format("csv");
  mapped.columns = {{"user.name", "Who"}, {"source.ip", "From"}};
  const std::vector<std::pair<std::string, SourceOptions>> cases = {
      {"@timestamp,source.ip,user.name,event.outcome\n2024-05-01T10:11:12Z,192.0.2.1,bob,failure\n",
       Format("csv")},
      {"index;Login Timestamp;User ID;IP Address;Login Successful\n0;2024-05-01 "
       "10:11:12.000;bob;192.0.2.1;False\n",
       Format("csv")},
      {"time\tWho\tFrom\tresult\tuser\n1714558272\tbob\t192.0.2.1\tdenied\tnot this\n", mapped},
  };
  for (const auto& [text, options] : cases) {
    CAPTURE(text);
    const auto result = ReadText(text, options);
    REQUIRE(result.status.ok());
    REQUIRE(result.records.size() == 1);
    REQUIRE(result.records[0].ok());
    CHECK(result.records[0].line == 2);
    CHECK(result.records[0].attempt().time_ns == 1714558272000000000);
    CHECK(result.records[0].attempt().account == "bob");
    CHECK(result.records[0].attempt().source.ToString() == "192.0.2.1");
    CHECK(result.records[0].outcome() == Outcome::kBadPassword);
  }
}

TEST_CASE("quotes hide delimiters, quotes and line ends", "[csv]") {
  const auto result = ReadText(Concat(kHeader,
                                      "2024-05-01,192.0.2.1,\"a,\"\"b\"\"\r\nc\",success,x\"y\r\n"
                                      "2024-05-01,192.0.2.1,\"\",success,\"\"\n"),
                               Format("csv"));
  REQUIRE(result.records.size() == 2);
  REQUIRE(result.records[0].ok());
  CHECK(result.records[0].attempt().account == "a,\"b\"\r\nc");
  CHECK(result.records[0].attempt().user_agent == "x\"y");
  CHECK(result.records[0].line == 2);
  CHECK(result.records[1].line == 4);
  CHECK(result.records[1].attempt().has_account());
  CHECK(result.records[1].attempt().user_agent.data() == nullptr);
}

TEST_CASE("a broken row costs itself", "[csv]") {
  const std::string good = "2024-05-01,192.0.2.1,bob,success,ua\n";
  const std::vector<std::pair<std::string, ReadError>> cases = {
      {"2024-05-01,192.0.2.1,bob\n", ReadError::kWrongColumns},
      {"2024-05-01,192.0.2.1,bob,success,ua,more\n", ReadError::kWrongColumns},
      {"2024-05-01,192.0.2.1,\"bob\"x,success,ua\n", ReadError::kBadQuoting},
      {"2024-05-01,192.0.2.1,\"bob,success,ua\n", ReadError::kBadQuoting},
      {"tomorrow,192.0.2.1,bob,success,ua\n", ReadError::kBadTimestamp},
      {",192.0.2.1,bob,success,ua\n", ReadError::kNoTimestamp},
      {"2024-05-01,192.0.2,bob,success,ua\n", ReadError::kBadAddress},
      {"2024-05-01,192.0.2.1,bob,maybe,ua\n", ReadError::kBadValue},
  };
  for (const auto& [bad, error] : cases) {
    CAPTURE(bad);
    const auto result = ReadText(Concat(kHeader, good, bad, good, good), Format("csv"));
    REQUIRE(result.records.size() == 4);
    CHECK(result.records[0].ok());
    CHECK(result.records[1].error == error);
    CHECK(result.records[1].line == 3);
    CHECK(result.records[2].ok());
    CHECK(result.records[2].line == 4);
    CHECK(result.records[3].ok());
    CHECK(result.counters.lines == 5);
  }
}

TEST_CASE("rows across block borders are whole", "[csv]") {
  std::string text(kHeader);
  constexpr int kRows = 20000;
  for (int i = 0; i < kRows; ++i)
    Append(&text, "2024-05-01,192.0.2.1,\"u", i, "\nsecond line\",success,ua\n");
  const auto result = ReadText(text, Format("csv"));
  REQUIRE(result.records.size() == kRows);
  for (int i = 0; i < kRows; ++i) {
    REQUIRE(result.records[static_cast<size_t>(i)].ok());
    REQUIRE(result.records[static_cast<size_t>(i)].attempt().account ==
            absl::StrCat("u", i, "\nsecond line"));
    REQUIRE(result.records[static_cast<size_t>(i)].line == static_cast<uint64_t>(2 + 2 * i));
  }
}

TEST_CASE("a quote in every line does not stop reading", "[csv]") {
  std::string text(kHeader);
  for (int i = 0; i < 3000; ++i) text += "2024-05-01,192.0.2.1,\"b" + std::string(100, 'x') + "\n";
  const auto result = ReadText(text, Format("csv"));
  CHECK(result.status.ok());
  CHECK(result.counters.lines == 3001);
}

TEST_CASE("a header without a time is refused by its columns", "[csv]") {
  const auto result = ReadText("a,b\n1,2\n", Format("csv"));
  CHECK_FALSE(result.status.ok());
  CHECK(std::string(result.status.message()).find("a,b") != std::string::npos);
}

}  // namespace
}  // namespace stockade
