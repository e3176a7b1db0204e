// Labels for a log that has none: who gets in, from where he tried, is a customer there, before and after.
//
// 1. Marks. Of each day (UTC) and each source address, network (/24, /64), fingerprint (JA4 and user agent) and password id, the
//    accounts that failed and those that got in are counted. With kAccountsMin or more that failed, and more than four times as many as
//    got in, the mark is a campaign's for that day.
// 2. Hours. In each hour the accounts are counted that failed from a network (/24, /48) and device which never get in on them. An
//    hour with kHourMin or more, and kHourTimes the median of its hour of the day (of all hours, of a log under three days), is one of
//    a campaign without a mark.
// 3. An attempt is a customer's if its network and device got in on that account, earlier or later in the log, in a success that was
//    neither under a mark nor in such an hour. It is an attack's if it is no customer's and is under a mark, or failed in such an
//    hour. Everything else is undecided, and judges nothing.
//    Device: the device cookie; without one, JA4 and user agent.
// 4. Attacks more than kGapMs apart are two campaigns.
//
// What it cannot see. A customer who never gets in from where he tries is nobody's customer, so the harm that is counted is
// too small, most of all where devices and networks change. An attacker who gets in outside marks and hours is a customer: what he
// is challenged for is counted as harm. The detectors learn from the same successes and look for the same marks, so that they look
// better here than they are: take it to compare settings, not to praise them. A log of a gateway that stopped attempts has no
// successes where it did; and where outcomes are missing there is nothing to guess by.
//
// O(attempts); some 60 bytes for each different (mark, account) of one day.
// Source of the first test: Islam et al., Araña, USENIX Security 2023 (more than 7 requests, more than 80 % failing).
#pragma once

#include "tools/tuning/event_log.h"
#include "tools/tuning/labels.h"

namespace stockade {

struct ProxyRules {
  static constexpr uint32_t kAccountsMin = 8;
  static constexpr uint32_t kFailuresPerSuccess = 4;
  static constexpr uint32_t kHourMin = 20;
  static constexpr uint32_t kHourTimes = 4;
  static constexpr int64_t kGapMs = int64_t{6} * 3600 * 1000;
};

Labels GuessLabels(const EventLog& log);

}  // namespace stockade
