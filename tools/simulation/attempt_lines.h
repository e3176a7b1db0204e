// Attempts of a world as lines: the event, which `stockade replay` reads, and its label, which nobody should who is being
// tested.
//
//   event  {"@timestamp":"…Z","source":{"ip":…,"as":{"number":…},"geo":{"country_iso_code":…}},"user":{"name":…},
//           "event":{"outcome":…,"reason":…},"user_agent":{"original":…},"tls":{"client":{"ja4":…}},
//           "url":{"path":…},"login":{"channel":…,"password_id":…,"header_order":…,"device":…,"certificate":…,
//           "challenge":{"human":…,"identity":…}}}
//   label  {"line":17,"who":"customer","id":4711,"history":true}
//          {"line":18,"who":"attack","class":"mimic","campaign":3}
//
// A label says besides, only where it is so: "via":"aggregator" or "stale_client", a program did it and not that customer himself; "right":true, the
// attacker has the right password; "cover":true, of an account of his own; "on":4711, the number of the customer whose
// account it is, where it is another's.
//
// Appends without the newline. 0.4 µs a line. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "tools/simulation/attempt.h"

namespace stockade {

class AttemptLines {
 public:
  void AppendEvent(const SimulatedAttempt& login, const Settled& settled, std::string* out);
  static void AppendLabel(const SimulatedAttempt& login, std::string* out);

 private:
  void AppendTime(int64_t time_ms, std::string* out);

  int64_t minute_ = -1;
  std::string minute_text_;  // "2026-01-05T09:00:"
};

}  // namespace stockade
