// What may be set about the delivery to one firewall, and what can be read of it. Which member is which key of
// stockade.yaml stands beside it. Plain data; the defaults are right for a firewall on this machine or in its network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "adapters/firewall/delay_histogram.h"

namespace stockade {

// Some thirteen seconds of twenty thousand changes a second, and a third of a million shared pointers: 8 MiB.
inline constexpr size_t kDeliveryQueueMax = size_t{1} << 18;

struct DeliverySettings {
  // reconcile_interval: how often what stands is listed and compared, beside the start and after failures; where it lists, and
  // where that takes no more than a tenth of the time. At least a second, as the other times are at least a millisecond, and
  // at most a day
  absl::Duration reconcile_interval = absl::Seconds(30);
  // retry_first, retry_longest: the wait after a failure doubles from one to the other, less up to a half at random
  absl::Duration retry_first = absl::Milliseconds(100);
  absl::Duration retry_longest = absl::Seconds(30);
  // queue_max: changes that may wait to be looked at while a call lasts; beyond it they are dropped, and what is in force
  // is compared instead
  size_t queue_max = kDeliveryQueueMax;
  // resend: where it does not list: everything in force is sent once more at the start and whenever it comes back after
  // failures, but not more often than reconcile_interval
  bool resend = true;
  // release_on_stop: takes down all that stands when Stockade stops; otherwise it protects on until its time is over
  bool release_on_stop = false;
  // drain_time: a stop waits so long for what is queued
  absl::Duration drain_time = absl::Seconds(5);
};

// Of one key, at one firewall.
enum class DeliveryState : uint8_t {
  kNothing,     // not in force, and as far as known it does not stand
  kEnforced,    // confirmed
  kPending,     // to be enforced or to be released, or on its way
  kNotCarried,  // no matter for this firewall
  kRefused,     // the firewall cannot carry it out
};
inline constexpr std::string_view kDeliveryStateNames[] = {"nothing", "enforced", "pending", "not carried",
                                                           "refused"};
constexpr std::string_view Name(DeliveryState state) noexcept {
  return kDeliveryStateNames[static_cast<size_t>(state)];
}

struct DeliveryFigures {
  // Now. enforced == decided: all that is decided stands.
  size_t decided = 0;    // in force, unexpired, and carried by this firewall
  size_t enforced = 0;   // of those: confirmed, and not known to have changed since
  size_t refused = 0;    // of those: the firewall cannot carry them out
  size_t pending = 0;    // to be enforced or released
  int64_t lag_ms = 0;    // how long the oldest of those has been waiting, within the length of a call
  bool failing = false;  // the last call failed, and is to be tried again
  std::string last_error;
  int64_t last_error_at_ms = 0;  // wall clock; 0: never
  int64_t reconciled_at_ms = 0;  // the same: the last time all that stands was compared

  // Since the start.
  uint64_t applied = 0;       // orders confirmed
  uint64_t calls = 0;         // of Apply and List
  uint64_t failed_calls = 0;  // of those
  uint64_t refusals = 0;      // orders that were found impossible to carry out
  uint64_t drift_missing =
      0;  // confirmed before, but a List lacked them or told another expiry; enforced again
  uint64_t drift_surplus = 0;  // a List had them, but nothing is in force for them; released
  uint64_t overflows = 0;      // times that more than queue_max changes waited
  DelayHistogram delay;        // from Take to confirmed, of each order that a change caused
};

}  // namespace stockade
