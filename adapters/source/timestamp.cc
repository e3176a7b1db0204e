#include "adapters/source/timestamp.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/event/digits.h"

namespace stockade {
namespace {

constexpr int64_t kDaySeconds = 86400;
constexpr int64_t kHalfYearSeconds = 183 * kDaySeconds;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

// Reads exactly `count` digits at text[at]; -1 if there are fewer.
int Digits(std::string_view text, size_t at, size_t count) noexcept {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (!IsDigit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// "hh:mm:ss" at text[at] → second of the day; -1 if it is none.
int64_t SecondOfDay(std::string_view text, size_t at) noexcept {
  if (at + 8 > text.size() || text[at + 2] != ':' || text[at + 5] != ':') return -1;
  const int hour = Digits(text, at, 2);
  const int minute = Digits(text, at + 3, 2);
  const int second = Digits(text, at + 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  return hour * 3600 + minute * 60 + second;
}

// ".123456" at text[*at] → nanoseconds, and moves behind it; 0 if there is none.
int64_t Fraction(std::string_view text, size_t* at) noexcept {
  if (*at + 1 >= text.size() || (text[*at] != '.' && text[*at] != ',') || !IsDigit(text[*at + 1])) return 0;
  ++*at;
  int64_t nanoseconds = 0;
  int64_t unit = kNanosecondsPerSecond / 10;
  while (*at < text.size() && IsDigit(text[*at])) {
    nanoseconds += unit * (text[*at] - '0');
    unit /= 10;
    ++*at;
  }
  return nanoseconds;
}

// An offset from UTC at text[*at], "+hh", "+hhmm" or "+hh:mm" → seconds, and moves behind it. Nothing if it
// is none.
std::optional<int64_t> Offset(std::string_view text, size_t* at) noexcept {
  const int hour = Digits(text, *at + 1, 2);
  if (hour < 0 || hour > 23) return std::nullopt;
  size_t end = *at + 3;
  const bool colon = end < text.size() && text[end] == ':';
  int minute = Digits(text, end + (colon ? 1 : 0), 2);
  if (minute < 0) {
    if (colon) return std::nullopt;
    minute = 0;
  } else {
    end += colon ? 3 : 2;
  }
  if (minute > 59) return std::nullopt;
  const int64_t seconds = hour * 3600 + minute * 60;
  const bool west = text[*at] == '-';
  *at = end;
  return west ? -seconds : seconds;
}

}  // namespace

int64_t LocalZone::ToUtc(int64_t civil_seconds) const noexcept {
  if (is_utc_) return civil_seconds;
  const absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1, 0, 0, 0) + civil_seconds;
  return absl::ToUnixSeconds(zone_.At(civil).pre);
}

std::optional<int64_t> DaysSinceEpoch(int year, int month, int day) noexcept {
  static constexpr std::array<int, 12> kMonthDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || year < 0 || year > 9999) return std::nullopt;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int days = kMonthDays[static_cast<size_t>(month - 1)] + (leap && month == 2 ? 1 : 0);
  if (day > days) return std::nullopt;
  // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil: years begin in March.
  const int64_t y = year - (month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

int ParseMonth(std::string_view text) noexcept {
  if (text.size() < 3) return 0;
  static constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
  const auto lower = [](char c) { return static_cast<char>(c | 0x20); };
  for (size_t i = 0; i < 12; ++i) {
    const std::string_view month = kMonths.substr(i * 3, 3);
    if (lower(text[0]) == month[0] && lower(text[1]) == month[1] && lower(text[2]) == month[2]) {
      return static_cast<int>(i) + 1;
    }
  }
  return 0;
}

std::optional<int64_t> ToNanoseconds(int64_t seconds, int64_t nanoseconds) noexcept {
  constexpr int64_t kSecondsMax = INT64_MAX / kNanosecondsPerSecond - 1;
  if (seconds < 0 || seconds > kSecondsMax) return std::nullopt;
  return seconds * kNanosecondsPerSecond + nanoseconds;
}

std::optional<int64_t> ParseIso8601(std::string_view text, const LocalZone& zone, size_t* used) noexcept {
  if (text.size() < 10 || text[4] != text[7] || (text[4] != '-' && text[4] != '/')) return std::nullopt;
  const auto days = DaysSinceEpoch(Digits(text, 0, 4), Digits(text, 5, 2), Digits(text, 8, 2));
  if (!days.has_value()) return std::nullopt;
  int64_t seconds = *days * kDaySeconds;
  int64_t nanoseconds = 0;
  size_t at = 10;
  const bool has_time =
      text.size() > 11 && (text[10] == 'T' || text[10] == ' ' || text[10] == 't') && IsDigit(text[11]);
  if (has_time) {
    const int64_t second = SecondOfDay(text, 11);
    if (second < 0) return std::nullopt;
    seconds += second;
    at = 19;
    nanoseconds = Fraction(text, &at);
  }
  if (has_time && at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else if (has_time && text.substr(at, 4) == " UTC") {
    at += 4;
  } else if (has_time && at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const auto offset = Offset(text, &at);
    if (!offset.has_value()) return std::nullopt;
    seconds -= *offset;
  } else if (has_time && at + 1 < text.size() && text[at] == ' ' &&
             (text[at + 1] == '+' || text[at + 1] == '-') && Digits(text, at + 2, 4) >= 0) {
    ++at;  // "2024-05-01 10:11:12 +0200", as Go and Ruby write it
    const auto offset = Offset(text, &at);
    if (!offset.has_value()) return std::nullopt;
    seconds -= *offset;
  } else {
    seconds = zone.ToUtc(seconds);
  }
  *used = at;
  return ToNanoseconds(seconds, nanoseconds);
}

std::optional<int64_t> ParseIso8601(std::string_view text, const LocalZone& zone) noexcept {
  size_t used = 0;
  const auto time = ParseIso8601(text, zone, &used);
  return used == text.size() ? time : std::nullopt;
}

// Nothing for any text that is not plainly of the minute remembered, right or wrong: ParseFar's then.
std::optional<int64_t> Iso8601Reader::ParseNear(std::string_view text) const noexcept {
  constexpr size_t kShortest = kMinuteBytes + 4;  // ":56Z"
  if (text.size() < kShortest || std::memcmp(text.data(), minute_.data(), kMinuteBytes) != 0)
    return std::nullopt;
  const auto digit = [&](size_t i) noexcept {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i])) - '0';
  };
  const uint32_t tens = digit(17);
  const uint32_t ones = digit(18);
  if (text[16] != ':' || tens > 5 || ones > 9 || text.back() != 'Z') return std::nullopt;
  const int64_t second = tens * 10 + ones;
  if (text.size() == kShortest) return ToNanoseconds(minute_seconds_ + second, 0);
  const size_t digits = text.size() - kShortest - 1;
  if (text[19] != '.' || digits == 0 || digits > 9) return std::nullopt;
  static constexpr std::array<int64_t, 10> kUnits = {
      1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
  int64_t fraction = 0;
  for (size_t i = 20; i < 20 + digits; ++i) {
    if (digit(i) > 9) return std::nullopt;
    fraction = fraction * 10 + digit(i);
  }
  return ToNanoseconds(minute_seconds_ + second, fraction * kUnits[digits]);
}

std::optional<int64_t> Iso8601Reader::ParseFar(std::string_view text) noexcept {
  const auto time = ParseIso8601(text, zone_);
  // A date with a Z behind its 19th character has a time of day, "10:11:12", and is in no zone but UTC.
  if (time.has_value() && text.size() > 19 && text.back() == 'Z') {
    std::memcpy(minute_.data(), text.data(), kMinuteBytes);
    minute_seconds_ = *time / kNanosecondsPerSecond - Digits(text, 17, 2);
  }
  return time;
}

std::optional<int64_t> ParseEpoch(std::string_view text) noexcept {
  size_t at = 0;
  int64_t whole = 0;
  while (at < text.size() && IsDigit(text[at])) {
    if (whole > (INT64_MAX - 9) / 10) return std::nullopt;
    whole = whole * 10 + (text[at++] - '0');
  }
  if (at == 0) return std::nullopt;
  const int64_t fraction = Fraction(text, &at);  // of one unit, in 10^-9
  if (at != text.size()) return std::nullopt;
  int64_t units = 1;  // a second
  if (whole >= 100'000'000'000'000'000) {
    units = kNanosecondsPerSecond;
  } else if (whole >= 100'000'000'000'000) {
    units = 1'000'000;
  } else if (whole >= 100'000'000'000) {
    units = 1'000;
  }
  const int64_t unit_nanoseconds = kNanosecondsPerSecond / units;
  return ToNanoseconds(whole / units, whole % units * unit_nanoseconds + fraction / units);
}

std::optional<int64_t> ParseAccessLogDate(std::string_view text) noexcept {
  if (text.size() < 26 || text[2] != '/' || text[6] != '/' || text[11] != ':' || text[20] != ' ')
    return std::nullopt;
  const auto days = DaysSinceEpoch(Digits(text, 7, 4), ParseMonth(text.substr(3)), Digits(text, 0, 2));
  const int64_t second = SecondOfDay(text, 12);
  if (!days.has_value() || second < 0 || (text[21] != '+' && text[21] != '-')) return std::nullopt;
  size_t at = 21;
  const auto offset = Offset(text, &at);
  if (!offset.has_value() || at != text.size()) return std::nullopt;
  return ToNanoseconds(*days * kDaySeconds + second - *offset, 0);
}

YearlessDates::YearlessDates(std::optional<int> year, absl::Time latest, const absl::TimeZone& zone,
                             bool goes_on)
    : fixed_year_(year),
      goes_on_(goes_on),
      latest_(absl::ToUnixSeconds(latest) + kDaySeconds),
      latest_year_(static_cast<int>(absl::ToCivilYear(latest + absl::Hours(24), zone).year())),
      zone_(zone) {
  // Nobody said when "now" is.
  if (!fixed_year_.has_value() && latest_year_ <= 1970) fixed_year_ = 1970;
}

std::optional<int64_t> YearlessDates::InYear(int year, int month, int day,
                                             int64_t second_of_day) const noexcept {
  const auto days = DaysSinceEpoch(year, month, day);
  if (!days.has_value()) return std::nullopt;
  return zone_.ToUtc(*days * kDaySeconds + second_of_day);
}

std::optional<int64_t> YearlessDates::Parse(std::string_view text, size_t* used) noexcept {
  const int month = ParseMonth(text);
  if (month == 0 || text.size() < 13 || text[3] != ' ') return std::nullopt;
  int day = Digits(text, 4, 2);
  size_t at = 6;
  if (day < 0 && text[4] == ' ') day = Digits(text, 5, 1);
  if (day < 0 && text[5] == ' ') {  // "Apr 2 10:11:12": not padded
    day = Digits(text, 4, 1);
    at = 5;
  }
  if (day < 1 || text[at] != ' ') return std::nullopt;
  ++at;
  int year = Digits(text, at, 4);
  if (year > 0 && at + 4 < text.size() && text[at + 4] == ' ') {
    at += 5;
  } else {
    year = -1;
  }
  int64_t second = SecondOfDay(text, at);
  size_t clock_bytes = 8;
  const bool is_short = at + 7 == text.size() || (at + 7 < text.size() && text[at + 7] == ' ');
  if (second < 0 && is_short) {  // "10:11:2": not padded
    std::array<char, 8> padded;
    std::copy_n(text.data() + at, 6, padded.data());
    padded[6] = '0';
    padded[7] = text[at + 6];
    second = SecondOfDay({padded.data(), padded.size()}, 0);
    clock_bytes = 7;
  }
  if (second < 0) return std::nullopt;
  at += clock_bytes;
  const int64_t nanoseconds = Fraction(text, &at);
  if (year < 0 && at < text.size() && text[at] == ' ') {
    const int behind = Digits(text, at + 1, 4);
    const bool ends = at + 5 >= text.size() || text[at + 5] == ' ' || text[at + 5] == ':';
    if (behind >= 1970 && ends) {
      year = behind;
      at += 5;
    }
  }
  *used = at;
  if (year >= 0) {
    const auto exact = InYear(year, month, day, second);
    return exact.has_value() ? ToNanoseconds(*exact, nanoseconds) : std::nullopt;
  }
  std::optional<int64_t> seconds;
  if (year_ == 0) {
    if (fixed_year_.has_value()) {
      year_ = *fixed_year_;
      seconds = InYear(year_, month, day, second);
    } else {
      // Eight years back at most: a 29 February may have to look so far (1896-1904 is the widest gap there
      // is).
      for (year_ = latest_year_; year_ > latest_year_ - 9; --year_) {
        seconds = InYear(year_, month, day, second);
        if (seconds.has_value() && *seconds <= latest_) break;
        seconds.reset();
      }
    }
    if (!seconds.has_value()) {
      year_ = 0;
      return std::nullopt;
    }
    last_ = *seconds;
    return ToNanoseconds(*seconds, nanoseconds);
  }
  seconds = InYear(year_, month, day, second);
  if (seconds.has_value() && *seconds >= last_ - kHalfYearSeconds && *seconds <= last_ + kHalfYearSeconds) {
    last_ = std::max(last_, *seconds);
    return ToNanoseconds(*seconds, nanoseconds);
  }
  const auto next = InYear(year_ + 1, month, day, second);
  if (next.has_value() && *next <= last_ + kHalfYearSeconds &&
      (fixed_year_.has_value() || goes_on_ || *next <= latest_)) {
    ++year_;
    last_ = *next;
    return ToNanoseconds(*next, nanoseconds);
  }
  // A late line of last year: only where it is late by days, else the log has simply been quiet for months.
  const auto before = InYear(year_ - 1, month, day, second);
  if (before.has_value() && *before >= last_ - 2 * kDaySeconds) return ToNanoseconds(*before, nanoseconds);
  if (!seconds.has_value()) return std::nullopt;
  last_ = std::max(last_, *seconds);
  return ToNanoseconds(*seconds, nanoseconds);
}

}  // namespace stockade
