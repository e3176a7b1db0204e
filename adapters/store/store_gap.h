// What is left to be written when more has happened than may wait: of each decision how it stands now, and one line for the
// audit log that says what that log does not hold.
//
// Bounded by the ledger: one entry for each key that changed, ~700 bytes, and at most kNotesMax notes; what people did is kept
// as they did it, as long as that lasts. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "adapters/store/decision_row.h"
#include "adapters/store/decision_store.h"

namespace stockade {

class StoreGap {
 public:
  // A day of somebody at the command line once every ten seconds.
  static constexpr size_t kNotesMax = 10'000;

  StoreGap();
  StoreGap(const StoreGap&) = delete;
  StoreGap& operator=(const StoreGap&) = delete;

  // In the order in which things happened.
  void Take(StoreEntry entry);
  // All of a later one, which is used up by it.
  void Merge(StoreGap* later);

  // What to hand to Write in one transaction. Valid until the next change.
  std::vector<const StoreEntry*> Entries() const;
  size_t size() const noexcept { return entries_.size(); }
  // Entries that the audit log will not list.
  uint64_t unlisted() const noexcept { return unlisted_; }

 private:
  void TakeRow(StoreEntry entry);
  void TakeNote(StoreEntry entry);
  void CountUnlisted(uint64_t count, int64_t first_ms, int64_t last_ms);

  std::deque<StoreEntry> entries_;  // the first is the line about the gap
  absl::flat_hash_map<RowKey, StoreEntry*> rows_;
  size_t notes_ = 0;
  StoreEntry* enforcing_ = nullptr;  // the kill switch as a note that is no longer kept left it
  uint64_t unlisted_ = 0;
  int64_t first_ms_ = 0;
  int64_t last_ms_ = 0;
};

}  // namespace stockade
