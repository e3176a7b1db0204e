// Quantities as people write them, and numbers as people read them.
#include "tools/stockade/units.h"

#include <catch2/catch.hpp>
#include <optional>

#include "tools/stockade/console.h"

namespace stockade {
namespace {

TEST_CASE("bytes are read with binary and decimal units", "[units]") {
  CHECK(ParseBytes("256MiB") == uint64_t{256} << 20);
  CHECK(ParseBytes("1GiB") == uint64_t{1} << 30);
  CHECK(ParseBytes("1.5GiB") == uint64_t{3} << 29);
  CHECK(ParseBytes("64 KiB") == uint64_t{64} << 10);
  CHECK(ParseBytes("2GB") == uint64_t{2'000'000'000});
  CHECK(ParseBytes("1048576") == uint64_t{1048576});
}

TEST_CASE("what is no amount of bytes is refused", "[units]") {
  for (const char* text : {"", "MiB", "-1MiB", "+1MiB", "1e9", "1 MiB ", "1  MiB", "1Mi", "inf", "nan",
                           "0x10", "1.5", "1.2.3MiB", "99999999999TiB", "1,000", "1MiB1"}) {
    CAPTURE(text);
    CHECK(ParseBytes(text) == std::nullopt);
  }
}

TEST_CASE("spans of time need a unit", "[units]") {
  CHECK(ParseSpanMs("5m") == 300'000);
  CHECK(ParseSpanMs("90s") == 90'000);
  CHECK(ParseSpanMs("1500ms") == 1'500);
  CHECK(ParseSpanMs("1h") == 3'600'000);
  CHECK(ParseSpanMs("7d") == int64_t{604'800'000});
  CHECK(ParseSpanMs("0") == 0);
  for (const char* text : {"", "5", "m", "-5m", "5min", "5m30s", "1e3s", "99999999999999d", "0.0001s"}) {
    CAPTURE(text);
    CHECK(ParseSpanMs(text) == std::nullopt);
  }
}

TEST_CASE("numbers are written for people", "[console]") {
  CHECK(CountText(0) == "0");
  CHECK(CountText(999) == "999");
  CHECK(CountText(1000) == "1,000");
  CHECK(CountText(1234567) == "1,234,567");
  CHECK(ShareText(0, 10) == "0 %");
  CHECK(ShareText(10, 10) == "100 %");
  CHECK(ShareText(1, 1'000'000) == "< 0.1 %");
  CHECK(ShareText(999'999, 1'000'000) == "> 99.9 %");
  CHECK(ShareText(1, 3) == "33.3 %");
  CHECK(ShareText(1, 0).empty());
  CHECK(BytesText(512) == "512 B");
  CHECK(BytesText(uint64_t{3} << 19) == "1.5 MiB");
  CHECK(DurationText(4200) == "4.2 s");
  CHECK(DurationText(725'000) == "12 min 5 s");
  CHECK(DurationText(86'400'000) == "1 d");
  CHECK(DurationText(-60'000) == "-1 min");
  CHECK(NumberText(8) == "8");
  CHECK(NumberText(2.5) == "2.5");
}

TEST_CASE("a log cannot drive the terminal", "[console]") {
  CHECK(PrintableText("alice") == "alice");
  CHECK(PrintableText("\033[2Jx") == "\\x1b[2Jx");
  CHECK(PrintableText("a\nb\x7f") == "a\\x0ab\\x7f");
  CHECK(PrintableText("Zoë 田中") == "Zoë 田中");
  CHECK(PrintableText("\xc2\x9b") == "\\xc2\\x9b");           // C1: CSI in one character
  CHECK(PrintableText("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  CHECK(PrintableText("\xff\xc3") == "\\xff\\xc3");
  CHECK(PrintableText("\xc0\xaf") == "\\xc0\\xaf");  // overlong
  CHECK(PrintableText(std::string(1000, 'a')).size() < 300);
}

}  // namespace
}  // namespace stockade
