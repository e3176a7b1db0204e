// The days and hours of a log, and which days are quiet: the calendar by which a backtest counts.
//
// A day is one of UTC. It is quiet if no attempt on it is an attack's or its cover; where labels are guessed, if fewer than
// kBackground attempts and less than one in a hundred are: a guess errs, and something always knocks. Constant after Build; threads
// share it. Eight bytes an attempt.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/tuning/event_log.h"
#include "tools/tuning/labels.h"

namespace stockade {

struct LogDay {
  int64_t begin_ms = 0;
  uint64_t attempts = 0;
  uint64_t attacks = 0;
  bool quiet = false;
};

struct LogDays {
  static constexpr uint64_t kBackground = 20;
  static constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
  static constexpr int64_t kHourMs = int64_t{3600} * 1000;

  std::vector<LogDay> days;         // those with attempts, in order
  std::vector<uint32_t> day_of;     // by attempt
  std::vector<int64_t> hours;       // begin of each hour with attempts, in ms, in order
  std::vector<uint32_t> hour_of;    // by attempt
  std::vector<uint32_t> attacks;    // by hour: attempts of attacks
  std::vector<uint32_t> customers;  // by hour: of customers themselves

  static LogDays Build(const EventLog& log, const Labels& labels);

  bool is_quiet(size_t attempt) const noexcept { return days[day_of[attempt]].quiet; }
  // Quiet days by which false alarms are counted: all, but the first of the log where there is another one, for on that day
  // everybody is a stranger.
  std::vector<uint32_t> SettledQuietDays() const;
};

}  // namespace stockade
