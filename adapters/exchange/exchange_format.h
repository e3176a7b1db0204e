// The formats that decisions come in, told apart by their content where nobody says.
//
// Pure, any thread. Fuzz: tests/fuzz/exchange_fuzz.cc.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/exchange/exchanged.h"

namespace stockade {

enum class ExchangeFormat : uint8_t { kPlain, kCrowdsec, kStix, kNdjson };
inline constexpr std::string_view kExchangeFormatNames[] = {"plain", "crowdsec", "stix", "ndjson"};
constexpr std::string_view Name(ExchangeFormat format) noexcept {
  return kExchangeFormatNames[static_cast<size_t>(format)];
}
// Nothing for another word.
std::optional<ExchangeFormat> ParseExchangeFormat(std::string_view word) noexcept;

// By its begin: an object a line with an `action` is ndjson, other objects are STIX; a list is STIX if it speaks of patterns,
// else CrowdSec's; a line of columns with `value` and one of CrowdSec's others is CrowdSec's CSV; all else is a plain list.
ExchangeFormat DetectExchangeFormat(std::string_view text) noexcept;

// Errors as those of the readers: ReadPlainList, ReadCrowdsecDecisions, ReadStix; of ndjson (a line each, as
// ReadNewDecision reads it) those of CheckExchangedText.
absl::StatusOr<Exchanged> ReadExchanged(ExchangeFormat format, std::string_view text, int64_t now_ms);

}  // namespace stockade
