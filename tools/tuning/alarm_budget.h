// The alarm budget: how high a threshold must be so that chance alone crosses it only so often.
//
//   h = max(6.9, ln(first contacts a day / false alarms tolerated a day))
//
// A score that is a logarithm of odds crosses h by chance at most once in e^h first contacts. What counts as a first contact is what
// the detectors count (pressure.h, evidence.h): of pressure, an account and hour in the unfamiliar lane, failures and successes
// apart; of sources, a source and account and day of strangers, alike. They are counted on quiet days, where every alarm is false.
// 6.9 is a thousand to one: below it a small site would alarm over three slips.
//
// Source: detectors.md, 2.0; Lorden 1971 (the bound).
#pragma once

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "engine/detect/evidence.h"
#include "engine/gate/verdict.h"
#include "tools/tuning/days.h"
#include "tools/tuning/event_log.h"

namespace stockade {

inline constexpr double kAlarmThresholdMin = 6.9;

// `contacts_a_day` ≥ 0, `alarms_a_day` > 0.
double AlarmThreshold(double contacts_a_day, double alarms_a_day);
// The same rounded up to what a person writes, one digit behind the point.
double WrittenAlarmThreshold(double contacts_a_day, double alarms_a_day);

struct AlarmBudget {
  uint64_t quiet_days = 0;  // that were counted; 0: there is none, and nothing to be said
  double pressure_contacts_a_day = 0;
  double source_contacts_a_day = 0;
  double alarms_a_day = 1;  // tolerated
  double pressure_h = 0;    // as written
  double source_h = 0;
};

// Counts first contacts of one run. Some 40 bytes each, of one log.
class FirstContacts {
 public:
  // Both outlive it.
  FirstContacts(const EventLog& log, const LogDays& days);

  void Add(size_t attempt, const Verdict& verdict, bool reached);
  AlarmBudget Budget(double alarms_a_day) const;

 private:
  const EventLog& log_;
  const LogDays& days_;
  std::vector<bool> counted_;  // by day
  uint64_t quiet_days_ = 0;
  absl::flat_hash_set<std::pair<int64_t, uint64_t>> pressure_;
  absl::flat_hash_set<std::pair<Address, std::pair<uint32_t, uint64_t>>> sources_;
};

}  // namespace stockade
