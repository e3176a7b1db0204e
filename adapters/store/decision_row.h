// A decision as a store keeps it: the key of its row, its text, and back.
//
// Two decisions have one key where the ledger would merge them: what is done to whom, and whether it is carried out at all (a
// shadow stands beside the real one, and must not take its row).
//
// Names of strangers: `value` is kept as its bytes are, UTF-8 or not, since a look-up compares bytes. All other text is for
// people and goes through JSON, where bad bytes become U+FFFD; a decision whose JSON were beyond kDecisionTextBytesMax, which
// ParseDecision would refuse, has its texts cut to kPrintedFieldBytesMax and its evidence to kGroupsMax groups.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/decision/decision.h"

namespace stockade {

struct RowKey {
  Scope scope = Scope::kIp;
  Action action = Action::kBlock;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;  // of a challenge; else kHuman
  bool all_lanes = false;                                // of a lock; else false
  bool shadow = false;
  std::string value;

  static RowKey Of(const Decision& decision);

  friend bool operator==(const RowKey&, const RowKey&) = default;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const RowKey& key) {
    return H::combine(std::move(h), key.scope, key.action, key.challenge_kind, key.all_lanes, key.shadow,
                      key.value);
  }
};

// Groups of evidence that are kept of a decision too long to be kept whole; a rule groups by two or three fields.
inline constexpr size_t kGroupsMax = 8;

// The JSON of a decision that CheckStorable accepts.
std::string RowText(const Decision& decision);

// The decision of a row. InvalidArgument, naming the member, where its text is none of a decision or of another row.
absl::StatusOr<Decision> ReadRow(std::string_view text, std::string_view value);

}  // namespace stockade
