// The alarm budget: its formula, and what counts as a first contact.
#include "tools/tuning/alarm_budget.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/tools/tuning/written_log.h"

namespace stockade {
namespace {

TEST_CASE("a threshold is the logarithm of contacts to alarms, and a thousand to one at least", "[tuning]") {
  CHECK(AlarmThreshold(100'000, 1) == Approx(std::log(100'000)));
  CHECK(AlarmThreshold(100'000, 10) == Approx(std::log(10'000)));
  CHECK(AlarmThreshold(100'000, 0.1) == Approx(std::log(1'000'000)));
  CHECK(AlarmThreshold(500, 1) == 6.9);
  CHECK(AlarmThreshold(0, 1) == 6.9);
}

TEST_CASE("what a person writes is rounded up, never down", "[tuning]") {
  CHECK(WrittenAlarmThreshold(100'000, 1) == Approx(11.6));  // 11.513
  CHECK(WrittenAlarmThreshold(500, 1) == Approx(6.9));
}

Verdict In(Lane lane) {
  Verdict verdict;
  verdict.lane = lane;
  return verdict;
}

TEST_CASE("first contacts are counted once an account and hour, of strangers on quiet days", "[tuning]") {
  WrittenLog written;
  written.Add(0, "198.51.100.1", "first_day", "bad_password");      // the first day is left out
  written.Add(90'000, "198.51.100.1", "alice", "bad_password");     // a contact
  written.Add(90'060, "198.51.100.1", "alice", "bad_password");     // the same
  written.Add(90'070, "198.51.100.1", "alice", "success");          // a success is another
  written.Add(94'000, "198.51.100.1", "alice", "bad_password");     // another hour, the same source and day
  written.Add(94'001, "198.51.100.2", "bob", "success");            // of somebody at home: none
  written.Add(94'002, "198.51.100.2", "carol", "account_locked");   // says nothing
  written.Add(180'000, "198.51.100.9", "mallory", "bad_password");  // a day with an attack
  const EventLog log = written.Read();
  Labels labels;
  labels.of.resize(log.size());
  labels.campaigns = {"attack"};
  labels.of[7].kind = AttemptKind::kAttack;
  labels.of[7].campaign = 1;
  const LogDays days = LogDays::Build(log, labels);
  REQUIRE(days.days.size() == 3);
  CHECK_FALSE(days.days[2].quiet);
  FirstContacts contacts(log, days);
  for (size_t i = 0; i < log.size(); ++i)
    contacts.Add(i, In(i == 5 ? Lane::kFamiliar : Lane::kUnfamiliar), true);
  const AlarmBudget budget = contacts.Budget(1);
  CHECK(budget.quiet_days == 1);
  CHECK(budget.pressure_contacts_a_day == 3);
  CHECK(budget.source_contacts_a_day == 2);
  CHECK(budget.pressure_h == Approx(6.9));
}

TEST_CASE("without a quiet day nothing is said", "[tuning]") {
  const EventLog log = WrittenLog().Add(0, "198.51.100.1", "x", "bad_password").Read();
  Labels labels;
  labels.of.resize(1);
  labels.campaigns = {"attack"};
  labels.of[0].kind = AttemptKind::kAttack;
  labels.of[0].campaign = 1;
  const LogDays days = LogDays::Build(log, labels);
  FirstContacts contacts(log, days);
  contacts.Add(0, In(Lane::kUnfamiliar), true);
  CHECK(contacts.Budget(1).quiet_days == 0);
}

}  // namespace
}  // namespace stockade
