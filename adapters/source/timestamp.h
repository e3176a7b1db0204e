// Dates as logs write them → nanoseconds since 1970 UTC.
//
// Every parser takes the whole text or a prefix, says so, and gives nothing for a date that does not exist
// (31 April) or lies outside 1970-01-01 … 2262-04-11, the range of Attempt::time_ns. A leap second (":60") is
// the second after it. Local times that a clock change skips or repeats are read as absl::TimeZone reads them
// (with the offset before the change). Pure, noexcept, no allocation; ISO 8601 with an offset ~15 ns. Not
// tied to any locale. Oracle: absl::ParseTime, in tests/adapters/source/timestamp_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace stockade {

// A time zone for local dates; UTC costs nothing, others a look-up.
class LocalZone {
 public:
  explicit LocalZone(const absl::TimeZone& zone) : zone_(zone), is_utc_(zone == absl::UTCTimeZone()) {}
  // Seconds since 1970 UTC of a civil time given as seconds since 1970 on the wall clock.
  int64_t ToUtc(int64_t civil_seconds) const noexcept;

 private:
  absl::TimeZone zone_;
  bool is_utc_;
};

// ISO 8601 / RFC 3339: "2024-05-01T10:11:12Z", with a space or 't' for T, a fraction of up to nine digits
// (more are cut) after '.' or ',', and Z, ±hh, ±hhmm, ±hh:mm or " UTC"; without any of them in `zone`. The
// date alone is its midnight. `text` begins with it; *used is its length.
std::optional<int64_t> ParseIso8601(std::string_view text, const LocalZone& zone, size_t* used) noexcept;
// The same, and nothing behind it.
std::optional<int64_t> ParseIso8601(std::string_view text, const LocalZone& zone) noexcept;

// ParseIso8601 of whole texts, for many dates that lie close together, as those of a log do: where a text
// begins with the same minute as one before it, "2024-05-01T10:11:", and ends in Z, only the rest is read.
// The same results, ~5 ns. Not thread-safe.
class Iso8601Reader {
 public:
  explicit Iso8601Reader(const absl::TimeZone& zone) : zone_(zone) {}

  std::optional<int64_t> Parse(std::string_view text) noexcept {
    if (const auto near = ParseNear(text)) return near;
    return ParseFar(text);
  }

 private:
  static constexpr size_t kMinuteBytes = 16;  // "2024-05-01T10:11"

  std::optional<int64_t> ParseNear(std::string_view text) const noexcept;
  std::optional<int64_t> ParseFar(std::string_view text) noexcept;

  const LocalZone zone_;
  std::array<char, kMinuteBytes> minute_{};  // as it was spelt
  // Its begin, since 1970. Before the first one a time that no second brings into the range.
  int64_t minute_seconds_ = -60;
};

// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size: below 10^11
// seconds (the year 5138), below 10^14 milliseconds, below 10^17 microseconds. A fraction of any of them.
std::optional<int64_t> ParseEpoch(std::string_view text) noexcept;

// The date of access logs, without brackets: "10/Oct/2000:13:55:36 -0700".
std::optional<int64_t> ParseAccessLogDate(std::string_view text) noexcept;

// Dates of RFC 3164, "Apr  2 10:11:12": they lack a year, and this finds it.
// The first date takes the latest year in which it does not lie after `latest` (by more than a day: the zone
// of a log is not always known), or `year` if that is given. From there on the year follows the log: a date
// more than half a year before the last one is of the next year, unless that lies after `latest`; one more
// than half a year after it is a late line of the year before. A log of more than a year therefore needs
// `year`. Not thread-safe.
class YearlessDates {
 public:
  // `goes_on`: the log is read while it is written, and later dates may lie after `latest`.
  YearlessDates(std::optional<int> year, absl::Time latest, const absl::TimeZone& zone, bool goes_on = false);

  // `text` begins with "Mon dd hh:mm:ss", the day padded by a space or a zero or not at all, the second by a
  // zero or not at all, with an optional fraction, or
  // a year
  // ("Apr  2 2024 10:11:12", "Apr  2 10:11:12 2024" as some daemons write it). *used is its length.
  std::optional<int64_t> Parse(std::string_view text, size_t* used) noexcept;

 private:
  std::optional<int64_t> InYear(int year, int month, int day, int64_t second_of_day) const noexcept;

  std::optional<int> fixed_year_;
  bool goes_on_;
  int64_t latest_;  // seconds since 1970 UTC, with the day of tolerance
  int latest_year_;
  LocalZone zone_;
  int year_ = 0;      // of the last date; 0 before the first
  int64_t last_ = 0;  // seconds
};

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; nothing if there is no such day.
std::optional<int64_t> DaysSinceEpoch(int year, int month, int day) noexcept;

// "Jan" … "Dec" at the begin of `text` → 1…12, whatever its case; 0 for anything else.
int ParseMonth(std::string_view text) noexcept;

// Seconds and a fraction → nanoseconds, or nothing outside the range.
std::optional<int64_t> ToNanoseconds(int64_t seconds, int64_t nanoseconds) noexcept;

}  // namespace stockade
