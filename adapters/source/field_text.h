// Text of a log → members of a LoginEvent: the vocabulary that all readers share.
//
// A value "" or "-" of an address, an AS number or a country is an absent one, as logs write it. Everything
// here is pure and allocates nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/source/source.h"
#include "engine/event/field.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"
#include "engine/event/outcome.h"

namespace stockade {

// Words for the coarse outcome (event.outcome): success|failure|unknown of ECS, the outcome words of the
// design, and the yes and no of other logs: true, 1, yes, ok, allow(ed), accepted, granted, succeeded, passed
// · false, 0, no, fail, failed, error, deny, denied, rejected, refused. Without regard to case. A failure is
// kBadPassword: what else it was, event.reason must say. Nothing for any other word.
std::optional<Outcome> ParseOutcomeWord(std::string_view word) noexcept;

// One outcome of event.outcome and event.reason, as words; a null view is an absent field. A reason that is
// one of the design's words decides; a foreign reason ("INVALID_CREDENTIALS") leaves the decision to
// event.outcome, and kUnknown where that is absent. Nothing: event.outcome holds a word nobody knows. `words`
// (lower case) goes before the built-in ones, for both fields.
std::optional<Outcome> ResolveOutcome(std::string_view outcome, std::string_view reason,
                                      const std::map<std::string, Outcome>& words);

// What may stand in an event as a login.password_id. A text of 16 to 128 hexadecimal digits is an id and
// stays itself; so does an empty one, which is none. Any other text may be a password: it becomes its keyed
// hash, 32 hexadecimal digits in `arena`, and the text itself goes nowhere. The same text and key give the
// same id.
inline constexpr size_t kPasswordIdDigitsMin = 16;  // not less: checked sixteen at a time
inline constexpr size_t kPasswordIdDigitsMax = 128;
std::string_view ToPasswordId(std::string_view text, const HashKey& key, TextArena* arena);

// The member of an attempt that takes the text of a known field as it comes; null for fields whose text means
// something else to the event: times, addresses, numbers, words of a vocabulary.
std::string_view Attempt::*TextMember(FieldId id) noexcept;

// Writes the value of one known text field into an event; kTimestamp, kEventOutcome and kEventReason are the
// caller's, and so is ToPasswordId. kNone, or why the value cannot be. `text` must live as long as the
// event's text.
ReadError SetField(FieldId id, std::string_view text, LoginEvent* event) noexcept;

// The words of `words` in lower case, as ResolveOutcome wants them.
std::map<std::string, Outcome> LowerCaseWords(const std::map<std::string, Outcome>& words);

}  // namespace stockade
