#include "engine/rule/test_truth.h"

#include <charconv>
#include <cmath>

#include "absl/time/civil_time.h"
#include "engine/status.h"

namespace stockade {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
// From here on a bare number of a time field is milliseconds: as seconds it would be the year 5138.
constexpr double kMillisecondsFrom = 1e11;

// Calls `ask` with every value of a field until it says yes.
template <typename Ask>
bool AnyValue(const LoginEvent& event, FieldId id, FieldScratch* scratch, const Ask& ask) {
  if (id < FieldId::kFirstUnknown) {
    const FieldValue value = GetField(event, id, scratch);
    return value.present() && ask(value);
  }
  for (const ExtraField& extra : event.attempt.extra)
    if (extra.id == id && extra.value.present() && ask(extra.value)) return true;
  return false;
}

bool IsNull(const FieldValue& value) {
  return value.kind == FieldValue::Kind::kNull;
}

char FoldAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool EqualBytes(std::string_view a, std::string_view b, bool caseless) {
  if (a.size() != b.size()) return false;
  if (!caseless) return a == b;
  for (size_t i = 0; i < a.size(); ++i)
    if (FoldAscii(a[i]) != FoldAscii(b[i])) return false;
  return true;
}

bool Contains(std::string_view text, std::string_view part, bool caseless) {
  if (!caseless) return text.find(part) != std::string_view::npos;
  for (size_t i = 0; i + part.size() <= text.size(); ++i)
    if (EqualBytes(text.substr(i, part.size()), part, true)) return true;
  return false;
}

bool Relates(std::string_view text, std::string_view other, Test::TextRelation relation, bool caseless) {
  if (text.size() < other.size()) return false;
  switch (relation) {
    case Test::TextRelation::kEquals:
      return EqualBytes(text, other, caseless);
    case Test::TextRelation::kStartsWith:
      return EqualBytes(text.substr(0, other.size()), other, caseless);
    case Test::TextRelation::kEndsWith:
      return EqualBytes(text.substr(text.size() - other.size()), other, caseless);
    case Test::TextRelation::kContains:
      return Contains(text, other, caseless);
  }
  return false;
}

std::optional<int64_t> TimeMsOf(const FieldValue& value) {
  const std::optional<double> number = NumberOf(value);
  if (!number.has_value()) {
    return value.kind == FieldValue::Kind::kText ? ParseTimeMs(value.text) : std::nullopt;
  }
  const double ms = *number >= kMillisecondsFrom ? *number : *number * 1000;
  // Years 1970 to 9999: what a civil calendar is asked for.
  if (!(ms >= 0 && ms < 253402300800000.0)) return std::nullopt;
  return static_cast<int64_t>(ms);
}

bool InPrefix(const Prefix& prefix, const FieldValue& value) {
  if (IsNull(value)) return false;
  const std::optional<Address> address = Address::Parse(value.text);
  return address.has_value() && prefix.Contains(*address);
}

bool TimePartHolds(const Test& test, int64_t time_ms) {
  return Compare(TimePartOf(time_ms, test.time_part), test.comparison, test.number);
}

}  // namespace

bool Compare(double value, Test::Comparison comparison, double number) noexcept {
  if (std::isnan(value) || std::isnan(number)) return false;
  switch (comparison) {
    case Test::Comparison::kEq:
      return value == number;
    case Test::Comparison::kNeq:
      return value != number;
    case Test::Comparison::kLt:
      return value < number;
    case Test::Comparison::kLte:
      return value <= number;
    case Test::Comparison::kGt:
      return value > number;
    case Test::Comparison::kGte:
      return value >= number;
  }
  return false;
}

std::optional<double> NumberOf(const FieldValue& value) noexcept {
  if (value.kind == FieldValue::Kind::kNumber) return value.number;
  if (value.kind != FieldValue::Kind::kText || value.text.empty()) return std::nullopt;
  // from_chars also reads "inf" and "nan", which nobody means by a number in a log.
  const char first = value.text.front() == '-' && value.text.size() > 1 ? value.text[1] : value.text.front();
  if ((first < '0' || first > '9') && first != '.') return std::nullopt;
  double number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<int64_t> ParseTimeMs(std::string_view text) noexcept {
  size_t at = 0;
  const auto digits = [&](size_t count) {
    int64_t value = 0;
    for (size_t i = 0; i < count; ++i, ++at) {
      if (at >= text.size() || text[at] < '0' || text[at] > '9') return int64_t{-1};
      value = value * 10 + (text[at] - '0');
    }
    return value;
  };
  const auto sign = [&](std::string_view any) {
    if (at < text.size() && any.find(text[at]) != std::string_view::npos) return text[at++];
    return '\0';
  };
  const int64_t year = digits(4);
  if (sign("-") == 0) return std::nullopt;
  const int64_t month = digits(2);
  if (sign("-") == 0) return std::nullopt;
  const int64_t day = digits(2);
  if (sign("Tt ") == 0) return std::nullopt;
  const int64_t hour = digits(2);
  if (sign(":") == 0) return std::nullopt;
  const int64_t minute = digits(2);
  if (sign(":") == 0) return std::nullopt;
  const int64_t second = digits(2);
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return std::nullopt;
  }
  int64_t ms = 0;
  if (sign(".,") != 0) {
    int64_t scale = 100;
    const size_t from = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      ms += (text[at] - '0') * scale;
    if (at == from) return std::nullopt;
  }
  int64_t offset_minutes = 0;
  const char zone = sign("Zz+-");
  if (zone == '+' || zone == '-') {
    const int64_t hours = digits(2);
    static_cast<void>(sign(":"));
    const int64_t minutes = digits(2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
    offset_minutes = (hours * 60 + minutes) * (zone == '+' ? 1 : -1);
  }
  if (at != text.size()) return std::nullopt;
  const absl::CivilDay date(year, month, day);
  if (date.year() != year || date.month() != month || date.day() != day) return std::nullopt;  // 30 February
  const int64_t days = date - absl::CivilDay(1970, 1, 1);
  return days * kDayMs + ((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + ms;
}

int TimePartOf(int64_t time_ms, Test::TimePart part) noexcept {
  const int64_t days = time_ms >= 0 ? time_ms / kDayMs : -((kDayMs - 1 - time_ms) / kDayMs);
  const int64_t in_day = time_ms - days * kDayMs;
  if (part == Test::TimePart::kMinute) return static_cast<int>(in_day / 60000 % 60);
  if (part == Test::TimePart::kHour) return static_cast<int>(in_day / 3600000);
  const absl::CivilDay date = absl::CivilDay(1970, 1, 1) + days;
  switch (part) {
    case Test::TimePart::kDay:
      return date.day();
    case Test::TimePart::kMonth:
      return date.month();
    case Test::TimePart::kYear:
      return static_cast<int>(date.year());
    default:
      break;
  }
  // ISO 8601: a week belongs to the year of its Thursday. 1970-01-01 was one.
  const int64_t weekday = ((days + 3) % 7 + 7) % 7;  // Monday 0
  const absl::CivilDay thursday = date + (3 - weekday);
  return (absl::GetYearDay(thursday) - 1) / 7 + 1;
}

bool TestHolds(const Test& test, FieldId field, FieldId other_field, const LoginEvent& event,
               FieldScratch* scratch, FieldScratch* other_scratch) noexcept {
  switch (test.kind) {
    case Test::Kind::kPattern:
      break;
    case Test::Kind::kNumber:
      return AnyValue(event, field, scratch, [&](const FieldValue& value) {
        const std::optional<double> number = NumberOf(value);
        return number.has_value() && Compare(*number, test.comparison, test.number);
      });
    case Test::Kind::kCidr:
      if (field == FieldId::kSourceIp)
        return event.attempt.source.present() && test.prefix.Contains(event.attempt.source);
      return AnyValue(event, field, scratch,
                      [&](const FieldValue& value) { return InPrefix(test.prefix, value); });
    case Test::Kind::kExists:
      return AnyValue(event, field, scratch, [](const FieldValue&) { return true; });
    case Test::Kind::kNull: {
      bool present = false;
      const bool null = AnyValue(event, field, scratch, [&](const FieldValue& value) {
        present = true;
        return IsNull(value);
      });
      return null || !present;
    }
    case Test::Kind::kEmpty:
      return AnyValue(event, field, scratch, [](const FieldValue& value) {
        return value.kind == FieldValue::Kind::kText && value.text.empty();
      });
    case Test::Kind::kFieldRef:
      return AnyValue(event, field, scratch, [&](const FieldValue& value) {
        return !IsNull(value) && AnyValue(event, other_field, other_scratch, [&](const FieldValue& other) {
          return !IsNull(other) && Relates(value.text, other.text, test.text_relation, test.caseless);
        });
      });
    case Test::Kind::kTimePart:
      if (field == FieldId::kTimestamp) return TimePartHolds(test, event.attempt.time_ns / 1'000'000);
      return AnyValue(event, field, scratch, [&](const FieldValue& value) {
        const std::optional<int64_t> time_ms = TimeMsOf(value);
        return time_ms.has_value() && TimePartHolds(test, *time_ms);
      });
  }
  STOCKADE_CHECK(test.kind != Test::Kind::kPattern);
  return false;
}

}  // namespace stockade
