// Days of Taipei (UTC+8, no summer time) and how logins at a broker spread over them.
//
// A weekday has a rush before and at the open of the market, 09:00, a plateau until it closes at 13:30, and an evening in
// which people look at what they have; the minute of the open carries 12 times the average one (detectors.md 1.1: surge
// factor 10 to 20, day and night 80:16). Weekends are flat and thin. Holidays there are none.
//
// Times are milliseconds since 1970 UTC; a day is a number, 0 is Thursday, 1 January 1970, in Taipei.
#pragma once

#include <cstdint>

#include "tools/simulation/chance.h"

namespace stockade {

inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kDayMs = 24 * kHourMs;
inline constexpr int64_t kTaipeiMs = 8 * kHourMs;
inline constexpr int64_t kMarketOpenMs = 9 * kHourMs;  // after midnight

// The day of a time, and the midnight at which a day begins.
constexpr int64_t TaipeiDay(int64_t time_ms) noexcept {
  const int64_t local = time_ms + kTaipeiMs;
  return local >= 0 ? local / kDayMs : (local - (kDayMs - 1)) / kDayMs;
}
constexpr int64_t TaipeiMidnight(int64_t day) noexcept {
  return day * kDayMs - kTaipeiMs;
}
// Milliseconds since midnight in Taipei.
constexpr int64_t TimeOfDayMs(int64_t time_ms) noexcept {
  return time_ms - TaipeiMidnight(TaipeiDay(time_ms));
}
constexpr bool IsWeekday(int64_t day) noexcept {
  const int64_t since_sunday = ((day + 4) % 7 + 7) % 7;
  return since_sunday != 0 && since_sunday != 6;
}

// Draws when within a day a login comes, in milliseconds since its midnight.
int64_t DrawTimeOfDay(bool weekday, Chance* chance) noexcept;

}  // namespace stockade
