#include "tools/tuning/alarm_budget.h"

#include <algorithm>
#include <cmath>

namespace stockade {

double AlarmThreshold(double contacts_a_day, double alarms_a_day) {
  if (!(contacts_a_day > 0)) return kAlarmThresholdMin;
  return std::max(kAlarmThresholdMin, std::log(contacts_a_day / alarms_a_day));
}

double WrittenAlarmThreshold(double contacts_a_day, double alarms_a_day) {
  return std::ceil(AlarmThreshold(contacts_a_day, alarms_a_day) * 10) / 10;
}

FirstContacts::FirstContacts(const EventLog& log, const LogDays& days)
    : log_(log), days_(days), counted_(days.days.size()) {
  for (const uint32_t day : days.SettledQuietDays()) {
    counted_[day] = true;
    ++quiet_days_;
  }
}

void FirstContacts::Add(size_t attempt, const Verdict& verdict, bool reached) {
  if (!counted_[days_.day_of[attempt]] || verdict.lane < Lane::kHalf || log_.account(attempt) == 0) return;
  const Outcome outcome = log_.outcome(attempt);
  // A lock, an outage, or nobody knows: no evidence either way.
  if (reached && outcome != Outcome::kSuccess && ClueOf(outcome) == Clue::kNothing) return;
  const bool failed = !reached || outcome != Outcome::kSuccess;
  const uint64_t account = uint64_t{log_.account(attempt)} << 1 | (failed ? 1 : 0);
  if (verdict.lane == Lane::kUnfamiliar) pressure_.emplace(log_.time_ms(attempt) / LogDays::kHourMs, account);
  if (log_.source(attempt).present())
    sources_.emplace(log_.source(attempt), std::pair(days_.day_of[attempt], account));
}

AlarmBudget FirstContacts::Budget(double alarms_a_day) const {
  AlarmBudget budget;
  budget.alarms_a_day = alarms_a_day;
  budget.quiet_days = quiet_days_;
  if (quiet_days_ == 0) return budget;
  const auto days = static_cast<double>(quiet_days_);
  budget.pressure_contacts_a_day = static_cast<double>(pressure_.size()) / days;
  budget.source_contacts_a_day = static_cast<double>(sources_.size()) / days;
  budget.pressure_h = WrittenAlarmThreshold(budget.pressure_contacts_a_day, alarms_a_day);
  budget.source_h = WrittenAlarmThreshold(budget.source_contacts_a_day, alarms_a_day);
  return budget;
}

}  // namespace stockade
