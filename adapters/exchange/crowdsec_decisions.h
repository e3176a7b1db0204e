// Decisions as CrowdSec's command line writes and reads them.
//
// Read: the JSON and the CSV of `cscli decisions import` (origin,scope,value,reason,type,duration; a header names the
// columns), and the JSON of `cscli decisions list -o json` (alerts with their decisions, `scenario` for the reason). What is
// left out has cscli's own default: scope Ip, type ban; without a duration it is the caller's.
//
//   ban, on username: lock    ban: block    captcha: challenge    throttle: throttle
//   Ip, Range, AS, username in any case; Country and whatever else is refused, as are simulated ones
//
// A duration is Go's, "3h59m58.5s", and d as cscli takes it; what is zero or negative is over, and refused.
//
// Written: the JSON of the import, for those on addresses, networks and ASNs, with whole seconds left. Accounts stay here:
// they are customers, and whom a list is for need not know them. So do shadows, fingerprints (hashed with a key of ours),
// and what is over within a second. A challenge for identity becomes a captcha.
//
// Pure, any thread. Source: crowdsecurity/crowdsec cmd/crowdsec-cli/clidecision/import.go. Fuzz: tests/fuzz/exchange_fuzz.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/exchange/exchanged.h"

namespace stockade {

// JSON where it begins as such, else CSV. `line` of JSON is the number of the decision. Errors: those of
// CheckExchangedText; JSON that is none, or no list; CSV without a column for the value.
absl::StatusOr<Exchanged> ReadCrowdsecDecisions(std::string_view text);

// `left_out`: how many of `decisions` are not written, for the reasons above.
std::string WriteCrowdsecDecisions(std::span<const Decision> decisions, int64_t now_ms, size_t* left_out);

}  // namespace stockade
