// STIX 2.1: indicators become decisions, decisions become a bundle for the sector's CERT.
//
// Read: a bundle, a TAXII envelope, a list of objects or one object. An indicator is taken if its pattern is of stix_pattern.h
// and it stands now (not revoked, valid_from reached, valid_until ahead); its name or description is the reason, and who
// created it the origin. Anything else of an indicator is refused with the reason. Objects of other types are passed over.
// An indicator says nothing about what to do; the action is the caller's.
//
// Written: an indicator for each decision on addresses and networks, with what was counted as a sighting of it. Accounts,
// fingerprints and shadows stay here (crowdsec_decisions.h says why). The ids are UUIDs of version 5 over what they name, so
// that the same decision exported twice is the same object, and the same decisions the same bytes:
//   identity   producer           indicator  producer, decision id, value       sighting  indicator      bundle  contents
// `confidence` is of the scale None/Low/Med/High (STIX 2.1, appendix A): 85 for what is blocked, 50 for what is doubted
// (challenge, throttle).
//
// Pure, any thread. Bundles validate against the OASIS schemas: tests/adapters/exchange/stix_schema_test.cc.
// Fuzz: tests/fuzz/exchange_fuzz.cc. Source: STIX 2.1 (OASIS Standard, 2021-06-10), 2.9, 3.1-3.3, 4.7, 5.2, 7.2, 8.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/exchange/exchanged.h"

namespace stockade {

// `line` of what comes is the number of the object in its list. Errors: those of CheckExchangedText; no JSON, nested deeper
// than 64, or none of the forms above.
absl::StatusOr<Exchanged> ReadStix(std::string_view text, int64_t now_ms);

// Who may see a bundle: the Traffic Light Protocol's version 1, which STIX 2.1 has objects of. Version 2's CLEAR is WHITE.
enum class Tlp : uint8_t { kNone, kWhite, kGreen, kAmber, kRed };
// "white", "clear", "green", "amber", "red"; nothing for another word.
std::optional<Tlp> ParseTlp(std::string_view word) noexcept;

struct StixOptions {
  std::string producer;  // the organisation; empty: none is named
  Tlp tlp = Tlp::kNone;
};
// `left_out`: how many of `decisions` are not written.
std::string WriteStix(std::span<const Decision> decisions, const StixOptions& options, size_t* left_out);

}  // namespace stockade
