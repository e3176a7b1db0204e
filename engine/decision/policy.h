// From an alert to a decision: what the rule's response asks for, made narrow, lasting and harmless enough to
// stand.
//
// - The target's value comes from the event that raised the alert. One that does not say gives no decision.
// - It lasts `for`, times `factor` for every repeat that is remembered, at most `up-to`. A repeat is an alert of the
//   same rule on the same value after the last decision was over and within `up-to` of its end.
// - What touches the allowlist is challenged instead of blocked or locked.
// - A block or lock of an account is a lock, of the unfamiliar lane unless the rule says all lanes: nobody locks a
//   customer out but the customer. A lock of anything else is a challenge: there are no lanes to close.
// - Made while the engine observes, it is a shadow: shown, never carried out.
// - Its id is 16 hex digits of the keyed hash of rule, scope, value and time. Same events, same ids.
//
// Runs when an alert is raised; allocates. Not thread-safe.
#pragma once

#include <optional>
#include <string>

#include "engine/decision/alert.h"
#include "engine/decision/allowlist.h"
#include "engine/decision/decision.h"
#include "engine/decision/repeat_memory.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

class Policy {
 public:
  // A quarter of a million repeaters, 30 MiB.
  static constexpr size_t kRepeatersMax = size_t{1} << 18;
  // No decision lasts longer: ten years are for ever, and times stay far from overflow.
  static constexpr int64_t kDurationMsMax = int64_t{3650} * 24 * 3600 * 1000;

  explicit Policy(const HashKey& key, size_t repeaters_max = kRepeatersMax)
      : key_(key), repeats_(repeaters_max) {}

  // The decision an alert asks for; nothing where the alert has no response or its event no such target. It
  // is the caller's to propose to the ledger, and to tell of only if the ledger took it.
  std::optional<Decision> Decide(const Alert& alert, const Allowlist& allowlist, bool shadow);

 private:
  HashKey key_;
  RepeatMemory repeats_;
};

// One sentence for a person: what was seen, in which span, against which condition.
std::string ReasonOf(const Alert& alert);

// `for` of a response after so many repeats.
int64_t DurationMs(const Response& response, int repeats) noexcept;

}  // namespace stockade
