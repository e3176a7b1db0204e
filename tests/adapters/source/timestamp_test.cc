// Dates: against absl::ParseTime over random times, and what is no date.
#include "adapters/source/timestamp.h"

#include <catch2/catch.hpp>
#include <random>

#include "engine/text.h"

namespace stockade {
namespace {

const LocalZone kUtc(absl::UTCTimeZone());

TEST_CASE("random times read as absl wrote them", "[timestamp]") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  absl::TimeZone oslo;
  const bool has_oslo = absl::LoadTimeZone("Europe/Oslo", &oslo);
  for (int i = 0; i < 20000; ++i) {
    const auto nanoseconds = static_cast<int64_t>(random() % 9'000'000'000'000'000'000ULL);
    const absl::Time time = absl::FromUnixNanos(nanoseconds);
    const absl::TimeZone zone = absl::FixedTimeZone(static_cast<int>(random() % 1440) * 60 - 43200);
    const auto text = absl::FormatTime("%Y-%m-%dT%H:%M:%E9S%Ez", time, zone);
    REQUIRE(ParseIso8601(text, kUtc) == nanoseconds);
    REQUIRE(ParseIso8601(absl::FormatTime("%Y-%m-%d %H:%M:%E9S", time, absl::UTCTimeZone()), kUtc) ==
            nanoseconds);
    const int64_t whole = absl::ToUnixSeconds(time) * 1'000'000'000;
    REQUIRE(ParseAccessLogDate(absl::FormatTime("%d/%b/%Y:%H:%M:%S %z", time, zone)) == whole);
    if (has_oslo) {
      absl::Time back;
      const auto local = absl::FormatTime("%Y-%m-%dT%H:%M:%S", time, oslo);
      REQUIRE(absl::ParseTime("%Y-%m-%dT%H:%M:%S", local, oslo, &back, nullptr));
      REQUIRE(ParseIso8601(local, LocalZone(oslo)) == absl::ToUnixNanos(back));
    }
  }
}

TEST_CASE("a reader that remembers the last minute reads what one without a memory reads", "[timestamp]") {
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const absl::TimeZone zone = absl::FixedTimeZone(3600);
  Iso8601Reader reader(zone);
  // Of so few minutes that most are remembered, and with everything that may stand behind one.
  constexpr std::string_view kDates[] = {"2024-02-29", "2024-02-30", "1970-01-01", "1969-12-31",
                                         "2262-04-11"};
  constexpr std::string_view kEnds[] = {"Z",  ".5Z", ".123456789Z", ".1234567891Z", ".Z", "z", "",
                                        "ZZ", ",5Z", ".12aZ",       "+01:00",       " Z", "5Z"};
  std::string last;
  for (int i = 0; i < 50000; ++i) {
    std::string text = Concat(
        kDates[random() % 5], random() % 8 == 0 ? " " : "T", random() % 2 == 0 ? "23:4" : "00:0",
        random() % 2, random() % 20 == 0 ? "." : ":", random() % 7, random() % 10, kEnds[random() % 13]);
    if (random() % 4 == 0 && !last.empty()) text = last;
    if (random() % 10 == 0) text[random() % text.size()] = "0:9-TZ/\0a"[random() % 9];
    CAPTURE(text);
    REQUIRE(reader.Parse(text) == ParseIso8601(text, LocalZone(zone)));
    last = text;
  }
  const std::string zeros = std::string(16, '\0') + ":00Z";  // what the memory holds before the first date
  CHECK_FALSE(Iso8601Reader(zone).Parse(zeros).has_value());
}

TEST_CASE("what is no date is nothing", "[timestamp]") {
  for (const std::string_view text :
       {"", "2024", "2024-13-01", "2024-02-30T00:00:00Z", "2023-02-29", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:00+2", "2024-01-01T00:00:00+25:00", "2024-01-01T00:00:00Zx",
        "1969-12-31T23:59:59Z", "2263-01-01T00:00:00Z", "2024-1-1", "0000-00-00", "2024-01-01T00:00"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(ParseIso8601(text, kUtc).has_value());
  }
  for (const std::string_view text : {"", "-1", "1e9", "abc", "99999999999999999999999", "1.5.5", " 1"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(ParseEpoch(text).has_value());
  }
  CHECK(ParseEpoch("1714558272.123456789") == 1714558272123456789);
  CHECK(ParseEpoch("1714558272123.5") == 1714558272123500000);
  CHECK(ParseIso8601("2016-12-31T23:59:60Z", kUtc) == ParseIso8601("2017-01-01T00:00:00Z", kUtc));
}

TEST_CASE("every prefix and every changed byte of a date is read without a fault", "[timestamp]") {
  for (const std::string text : {"2024-05-01T10:11:12.345678901+02:00", "Apr  2 10:11:12.123 2024 host",
                                 "10/Oct/2000:13:55:36 -0700", "1714558272.123"}) {
    for (size_t size = 0; size <= text.size(); ++size) {
      for (size_t at = 0; at <= size; ++at) {
        for (const char c : {' ', ':', '0', '9', '-', '\xff', '\0', '.'}) {
          std::string changed = text.substr(0, size);
          if (at < size) changed[at] = c;
          const std::vector<char> exact(changed.begin(), changed.end());  // no byte behind it
          const std::string_view view(exact.data(), exact.size());
          size_t used = 0;
          YearlessDates dates(std::nullopt, absl::FromUnixSeconds(1714558272), absl::UTCTimeZone());
          dates.Parse(view, &used);
          ParseIso8601(view, kUtc);
          ParseAccessLogDate(view);
          ParseEpoch(view);
        }
      }
    }
  }
}

TEST_CASE("dates without a year may leave day and second unpadded", "[timestamp]") {
  const auto read = [](std::string_view text, size_t* used) {
    YearlessDates dates(2024, absl::FromUnixSeconds(1714558272), absl::UTCTimeZone());
    return dates.Parse(text, used);
  };
  size_t used = 0;
  CHECK(read("May 1 10:11:2 host", &used) == 1714558262000000000);
  CHECK(used == 13);
  CHECK(read("May  1 10:11:2", &used) == 1714558262000000000);
  CHECK(used == 14);
  CHECK_FALSE(read("May  1 10:11:2x", &used).has_value());
  CHECK_FALSE(read("May  1 10:11:", &used).has_value());
  CHECK_FALSE(read("May  1 10:11: ", &used).has_value());
}

}  // namespace
}  // namespace stockade
