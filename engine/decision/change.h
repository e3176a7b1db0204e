// What changed in the ledger: the ordered stream from which stores and firewalls learn, and the audit log says who did what.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/decision/decision.h"

namespace stockade {

enum class ChangeKind : uint8_t { kAdded, kExtended, kExpired, kRemoved };
inline constexpr std::string_view kChangeKindNames[] = {"added", "extended", "expired", "removed"};
constexpr std::string_view Name(ChangeKind kind) noexcept {
  return kChangeKindNames[static_cast<size_t>(kind)];
}

// What became of a proposal. Only kAdded and kExtended changed anything, and are worth telling anybody.
enum class Proposal : uint8_t {
  kAdded,
  kExtended,  // an older one on the same target lasted less long
  kCovered,   // one that lasts as long already stands on it, or on a network around it
  kRefused,   // already over, or names nothing, or expires sooner than all the rest of a full ledger
};
inline constexpr std::string_view kProposalNames[] = {"added", "extended", "covered", "refused"};
constexpr std::string_view Name(Proposal proposal) noexcept {
  return kProposalNames[static_cast<size_t>(proposal)];
}

struct Change {
  uint64_t sequence = 0;  // 1, 2, 3, …: a gap is a loss
  ChangeKind kind = ChangeKind::kAdded;
  Decision decision;  // as it stands after the change; for kExpired and kRemoved as it stood before
  // Who, and why, where it was not the decision's own rule or time: an operator's name, "import", "allowlist", "memory".
  std::string by = {};
  std::string why = {};
};

}  // namespace stockade
