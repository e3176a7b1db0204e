// Reads a snapshot (familiar_format.h) into lanes and customers that have learnt nothing yet.
//
//   FamiliarReader reader(key, &lanes, &customers);  (Read)*  Finish
//
// Bytes may come from anybody and in any pieces: a part is looked at when its seal is right, none is held that is larger than
// kFamiliarPartBytesMax, and what is taken in stays within the memory of lanes and customers: there the least gives way, as ever.
//
// Errors end it, and what was taken in until then is to be cleared: InvalidArgument (no snapshot), FailedPrecondition (of another
// version, or under another key), DataLoss (broken, at which byte). They say what to do, without a file's name.
// Not thread-safe. Cost: some 100 ns an account.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/decision/proven_customers.h"
#include "engine/detect/familiar_format.h"
#include "engine/detect/lanes.h"

namespace stockade {

// What a snapshot was.
struct FamiliarFacts {
  Hash128 id;              // of the whole file
  int64_t as_of_ms = 0;    // event time
  uint64_t accounts = 0;   // in it
  uint64_t given_way = 0;  // of those, for want of memory
  uint64_t bytes = 0;
};

class FamiliarReader {
 public:
  FamiliarReader(const HashKey& key, Lanes* lanes, ProvenCustomers* customers) noexcept;

  absl::Status Read(std::string_view bytes);
  // No bytes follow. What it was, if it was whole.
  absl::StatusOr<FamiliarFacts> Finish();

 private:
  absl::Status TakeHead(std::string_view head);
  absl::Status TakePart(FamiliarPart kind, std::string_view bytes);
  bool TakeShares(LittleReader* reader);
  bool TakeStepUps(LittleReader* reader);
  bool TakeSources(LittleReader* reader);
  bool TakeAccounts(LittleReader* reader);
  bool TakeEnd(LittleReader* reader);
  absl::Status Broken(std::string_view what) const;

  const HashKey seal_key_;
  const Hash128 key_id_;
  Lanes& lanes_;
  ProvenCustomers& customers_;
  std::string pending_;  // a head or part that is not all there yet
  bool has_head_ = false;
  bool has_end_ = false;
  uint64_t offset_ = 0;  // in the whole, of what is taken next
  Hash128 seal_;
  uint32_t last_kind_ = 0;
  size_t shares_ = 0;
  uint64_t parts_ = 0;
  DayQuarter now_ = 0;
  uint64_t given_way_before_ = 0;
  std::vector<uint32_t> counts_;  // reused
  FamiliarFacts facts_;
};

}  // namespace stockade
