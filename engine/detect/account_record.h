// What is remembered of one account: with which networks and devices it got in, how often and how lately.
//
// Counts are successes in 1/256 as of a time in quarters of a day, and halve every 30 days, by tables and powers of two: the same on
// every machine. Times are modulo 2^16 quarters (44.9 years); a late event is as old as the newest. A success on probation (lanes.h)
// is a token with the count kProbationCount, which says nothing until Settle has turned it into a success: after 24 to 30 hours.
//
// One cache line. Pure functions, noexcept, 1 to 20 ns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stockade {

// A time in quarters of a day.
using DayQuarter = uint16_t;
inline constexpr int64_t kDayQuarterNs = int64_t{6} * 3600 * 1'000'000'000;
constexpr DayQuarter DayQuarterOf(int64_t time_ns) noexcept {
  return static_cast<DayQuarter>(time_ns / kDayQuarterNs);
}
// Quarters from `then` to `now`; 0 for a late event.
constexpr int QuartersSince(DayQuarter then, DayQuarter now) noexcept {
  const auto age = static_cast<uint16_t>(now - then);
  return age < 0x8000 ? age : 0;
}

inline constexpr uint16_t kSuccessCount = 256;  // one success
inline constexpr uint16_t kProbationCount =
    0xffff;  // no count of successes comes here: all are halved before

struct SeenToken {
  uint32_t token = 0;  // 0: free
  uint16_t count = 0;
  DayQuarter quarter = 0;

  bool on_probation() const noexcept { return count == kProbationCount; }
};

struct AccountRecord {
  std::array<SeenToken, 4> networks;
  std::array<SeenToken, 3> devices;
  uint16_t count = 0;  // all its successes
  DayQuarter quarter = 0;
  DayQuarter certified = 0;  // of the last success with a valid certificate, if there was one
  uint8_t has_certificate = 0;
  uint8_t in_second = 0;  // which of its two buckets it lies in (account_records.h)
};
static_assert(sizeof(AccountRecord) == 64);

// A count, in successes, `age` quarters later.
double Decayed(uint16_t count, int age) noexcept;
inline double SuccessesOf(const AccountRecord& record, DayQuarter now) noexcept {
  return Decayed(record.count, QuartersSince(record.quarter, now));
}

// Turns what has been on probation long enough into successes. A network and a device that began together were one.
void Settle(AccountRecord* record, DayQuarter now) noexcept;
// Takes in a success with these tokens (0: none). The rarest token gives way to a new one; on probation no learnt one does.
void LearnSuccess(AccountRecord* record, uint32_t network, uint32_t device, DayQuarter now,
                  bool on_probation) noexcept;
// Takes back a success with these tokens, where it is the only one they have, and forgets what is on probation.
void ForgetSuccess(AccountRecord* record, uint32_t network, uint32_t device, DayQuarter now) noexcept;

}  // namespace stockade
