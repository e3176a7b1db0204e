// What the audit log says of an entry: who did what, when, to whom, and why.
//
// Of a change: time, by, what ("added", "extended", "expired", "removed"), id, action, scope, value, until, rule, then where
// they say something kind (of a challenge), all_lanes, shadow and why. `time` is when the decision was made, or when it was
// let go. `by` is whoever is named in the change; else the rule that made the decision, "time" that ended it, "memory" that
// had no room for it. `why` is what was said with the change; of what somebody gave by hand, the reason of the decision. Of a note: time, by, what, and where they say something why, text and enforcing.
//
// Texts are cut: a name to kPrintedFieldBytesMax, a reason to kAuditTextBytesMax; bytes that are not UTF-8 become U+FFFD. A
// line is so at most some 60 KiB, whatever strangers send. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "adapters/store/decision_store.h"

namespace stockade {

// A reason, or what an operator wrote: a page of text.
inline constexpr size_t kAuditTextBytesMax = 4096;

// The members between `n` and `chain` of the entry's line.
std::string AuditMembers(const StoreEntry& entry);

}  // namespace stockade
