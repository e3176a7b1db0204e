// Lists of addresses as the world writes them: one address, network or range a line.
//
//   # what is behind # or ; is a comment, at the begin of a line or behind white space
//   203.0.113.9
//   203.0.113.0/24  AS64500 some text that is not read
//   203.0.113.7-203.0.113.12       a range of IPv4, taken as the networks that it is made of
//   "2001:db8::/48",2026-01-01,x   the first column of CSV, with , ; or tab
//
// A first line that is a column's name ("ip", "address", "network", …) is passed over. A list says neither action nor
// time; text behind the address is not taken for a reason.
//
// Pure, any thread. Linear. Fuzz: tests/fuzz/exchange_fuzz.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "adapters/exchange/exchanged.h"

namespace stockade {

// Errors: those of CheckExchangedText. `line` of what comes is that of the text.
absl::StatusOr<Exchanged> ReadPlainList(std::string_view text);

// The networks that make up first…last of IPv4, in their order: at most 62.
std::vector<Prefix> NetworksOfRange(uint32_t first, uint32_t last);

// The values of those on addresses and networks, a line each, sorted and each once; others and shadows are left out.
std::string WritePlainList(std::span<const Decision> decisions);

}  // namespace stockade
