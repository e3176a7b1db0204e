#include "tools/simulation/trading_day.h"

#include <array>
#include <span>

namespace stockade {
namespace {

// From a minute of the day on until the next row's: how many logins a minute, in relation to the other rows.
struct Stretch {
  int minute;
  int weight;
};
constexpr int Clock(int hour, int minute) noexcept {
  return hour * 60 + minute;
}

constexpr std::array<Stretch, 11> kWeekday = {{{Clock(0, 0), 2},
                                               {Clock(6, 0), 4},
                                               {Clock(8, 0), 15},
                                               {Clock(8, 30), 40},
                                               {Clock(8, 55), 120},
                                               {Clock(9, 5), 60},
                                               {Clock(9, 20), 14},
                                               {Clock(13, 30), 8},
                                               {Clock(18, 0), 10},
                                               {Clock(23, 0), 4},
                                               {Clock(24, 0), 0}}};
constexpr std::array<Stretch, 4> kWeekend = {
    {{Clock(0, 0), 2}, {Clock(8, 0), 8}, {Clock(23, 0), 3}, {Clock(24, 0), 0}}};

constexpr int64_t WeightOf(std::span<const Stretch> day) noexcept {
  int64_t sum = 0;
  for (size_t i = 0; i + 1 < day.size(); ++i) {
    sum += int64_t{day[i].weight} * (day[i + 1].minute - day[i].minute);
  }
  return sum;
}

}  // namespace

int64_t DrawTimeOfDay(bool weekday, Chance* chance) noexcept {
  const std::span<const Stretch> day =
      weekday ? std::span<const Stretch>(kWeekday) : std::span<const Stretch>(kWeekend);
  constexpr int64_t kWeekdayWeight = WeightOf(kWeekday);
  constexpr int64_t kWeekendWeight = WeightOf(kWeekend);
  int64_t left =
      static_cast<int64_t>(chance->Below(static_cast<uint64_t>(weekday ? kWeekdayWeight : kWeekendWeight)));
  size_t row = 0;
  for (; row + 2 < day.size(); ++row) {
    const int64_t weight = int64_t{day[row].weight} * (day[row + 1].minute - day[row].minute);
    if (left < weight) break;
    left -= weight;
  }
  // Within a row every moment is alike.
  const int64_t span_ms = (day[row + 1].minute - day[row].minute) * kMinuteMs;
  return day[row].minute * kMinuteMs + static_cast<int64_t>(chance->Below(static_cast<uint64_t>(span_ms)));
}

}  // namespace stockade
