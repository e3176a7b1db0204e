// Decisions from their JSON, the other way round of ToJson(Decision): for who keeps them, records them or is handed them.
//
// Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/decision/decision.h"

namespace stockade {

// One object as ToJson writes it: ToJson of the result gives the same bytes. Members that are not known are passed over, so
// that an older program reads a newer one's. Errors: InvalidArgument, naming the member, for what is missing, of another
// type, no time, no address of its scope, or over before it begins. Text beyond kDecisionTextBytesMax is refused.
absl::StatusOr<Decision> ParseDecision(std::string_view json);
inline constexpr size_t kDecisionTextBytesMax = size_t{64} << 10;

// "for: is no duration": InvalidArgument, of a member of an object.
absl::Status WrongMember(std::string_view member, std::string_view what);

// "is none of block, lock": for what a word should have been.
std::string NoneOf(std::span<const std::string_view> words);

// "2026-11-23T09:00:00.123Z" → milliseconds since 1970; nothing for another form.
std::optional<int64_t> ParseDecisionTimeMs(std::string_view text) noexcept;

}  // namespace stockade
