// Spans: every right one, and for each wrong one what would have been right.
#include "engine/rule/span_text.h"

#include <catch2/catch.hpp>

#include "engine/limits.h"

namespace stockade {
namespace {

std::string SpanTextError(std::string_view text) {
  SpanError error;
  CHECK_FALSE(ParseSpanMs(text, kSpanMsMax, &error).has_value());
  return error.what;
}

TEST_CASE("a span is a number and a unit", "[rule]") {
  SpanError error;
  CHECK(ParseSpanMs("1s", kSpanMsMax, &error) == 1000);
  CHECK(ParseSpanMs("90m", kSpanMsMax, &error) == 90 * 60'000);
  CHECK(ParseSpanMs("24h", kSpanMsMax, &error) == 86'400'000);
  CHECK(ParseSpanMs("30d", kSpanMsMax, &error) == kSpanMsMax);
  CHECK(ParseSpanMs("0010s", kSpanMsMax, &error) == 10'000);
}

TEST_CASE("a wrong span says what would be right", "[rule]") {
  CHECK(SpanTextError("90min") == "\"90min\" has no unit s, m, h or d; write 90m");
  CHECK(SpanTextError("10M") ==
        "\"10M\" is months, which differ in length; write days, as 30d, or 10m if minutes are meant");
  CHECK(SpanTextError("2w") == "\"2w\" has no unit s, m, h or d; write 14d");
  CHECK(SpanTextError("90 minutes") == "\"90 minutes\" has no unit s, m, h or d; write 90m");
  CHECK(SpanTextError("5 m") == "\"5 m\" has a space between number and unit; write 5m");
  CHECK(SpanTextError("1h30m") == "\"1h30m\" is more than one number and one unit s, m, h or d; write 90m");
  CHECK(SpanTextError("1d 12h") == "\"1d 12h\" is more than one number and one unit s, m, h or d; write 36h");
  CHECK(SpanTextError("300") == "\"300\" has no unit s, m, h or d; write 300s if seconds are meant");
  CHECK(SpanTextError("soon") == "\"soon\" is not a number and a unit s, m, h or d, such as 15m");
  CHECK(SpanTextError("") == "\"\" is not a number and a unit s, m, h or d, such as 15m");
  CHECK(SpanTextError("-5m") == "\"-5m\" is not a number and a unit s, m, h or d, such as 15m");
  CHECK(SpanTextError("1.5h") == "\"1.5h\" is more than one number and one unit s, m, h or d");
  CHECK(SpanTextError("0m") == "\"0m\" is no time at all; the shortest span is 1s");
  CHECK(SpanTextError("31d") == "\"31d\" is longer than 30d, the longest span there may be");
  CHECK(SpanTextError("9999999999d") == "\"9999999999d\" is longer than 30d, the longest span there may be");
  CHECK(SpanTextError("99999999999999999999d") ==
        "\"99999999999999999999d\" is not a number and a unit s, m, h or d, such as 15m");
  CHECK(SpanTextError("9999999999d9999999999d") ==
        "\"9999999999d9999999999d\" is more than one number and one unit s, m, h or d");
}

TEST_CASE("a span is printed in the largest unit that divides it", "[rule]") {
  CHECK(SpanText(86'400'000) == "1d");
  CHECK(SpanText(90 * 60'000) == "90m");
  CHECK(SpanText(61'000) == "61s");
}

}  // namespace
}  // namespace stockade
