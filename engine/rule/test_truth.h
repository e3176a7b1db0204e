// The truth of one Test on one event, for the kinds that are not patterns: numbers, networks, presence,
// relations between fields, parts of times. What each means on odd values stands in rule_set.h.
//
// Pure functions of the event; noexcept; no allocation (the scratch grows to the longest user agent where
// source.fingerprint is asked). 2-30 ns; for fields beyond the known ones a walk over the event's extra
// fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/event/field.h"
#include "engine/event/login_event.h"
#include "engine/rule/sigma_rule.h"

namespace stockade {

// `field` and `other_field` are the ids of the test's names. Not for kPattern. The two scratches must differ.
bool TestHolds(const Test& test, FieldId field, FieldId other_field, const LoginEvent& event,
               FieldScratch* scratch, FieldScratch* other_scratch) noexcept;

// Whether `value` stands in this relation to `number`. NaN stands in none, kNeq included.
bool Compare(double value, Test::Comparison comparison, double number) noexcept;

// A value as a number: numbers, and texts that are wholly a decimal number ("22", "-1.5e3"). Not booleans.
std::optional<double> NumberOf(const FieldValue& value) noexcept;

// Milliseconds since 1970 of "2024-05-01T12:00:00[.123][Z|+02:00]" (RFC 3339; a space for the T, and a
// missing offset as UTC, are taken too); nothing for another text or a date that does not exist.
std::optional<int64_t> ParseTimeMs(std::string_view text) noexcept;

// A part of a UTC time: minute 0-59, hour 0-23, day of the month 1-31, ISO week 1-53, month 1-12, year.
int TimePartOf(int64_t time_ms, Test::TimePart part) noexcept;

}  // namespace stockade
