// Which correlations count under the same key, and until when none of them can have anything to say.
//
// A group is all correlations that base rules feed under the same fields (source.ip, say). While a key of it has seen
// too few events for any of them, its events are kept as they came and its windows are not opened (early_events.h,
// KeyedTable::AddEarly). Nine keys of ten of a gateway stay so: a home address, an account, a password.
//
// When the windows are opened. A counting rule that needs two or more is met by nothing less: its own number, of events or
// of different values, within its span is a limit of the group. One that a single event meets ("somebody gets in here") is
// met all the time, and what follows from that is worked out when the windows are opened, in the order it would have
// happened; unless it matters outside of the group at once, because it alerts or because somebody else counts it. The same
// holds for a temporal rule over such rules; one that needs a counting rule's answer as well has to wait for that.
//
// Not every correlation can wait: CanWait says which. One that cannot, and whatever looks at it, is entered at once.
//
// Worked out once a rule set. Immutable after construction; any thread. Oracle: tests/engine/rule/correlate_early_test.cc,
// where the same rules open every window at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/rule/rule_set.h"
#include "engine/window/early_events.h"

namespace stockade {

struct CorrelationPlan;

struct KeyGroup {
  std::vector<FieldId> group_by;
  std::vector<FieldId> values;    // whose different values are counted; an event's tags are of these
  std::vector<uint16_t> members;  // correlations
  // The inputs by base rules, as bits in this order.
  struct Input {
    uint16_t rule = 0;
    uint16_t correlation = 0;
    uint16_t reference = 0;
    uint8_t tag = EarlyLimit::kEvents;  // of `values`
  };
  std::vector<Input> inputs;
  EarlyPlan early;
};

// The groups of a rule set whose plans these are, in the order of their first correlations; at most kKeyGroupsMax: an event's
// groups are bits as well.
inline constexpr size_t kKeyGroupsMax = 32;
std::vector<KeyGroup> MakeKeyGroups(const RuleSet& rules, std::span<const CorrelationPlan> plans);

}  // namespace stockade
