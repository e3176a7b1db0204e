// D6, the campaign finder: what the attempts of a campaign have in common, whatever addresses they come from.
//
//   E(tuple) of evidence.h with a half-life of two hours, over the tuples of tuples.h, of the half and unfamiliar lanes.
//   π(x): the tuple's share of all successes of the last week (token_shares.h), of those at home as a sample has it.
//
// A tuple that customers have in common is nobody's mark: it is suspect only where π ≤ 1 %, condemned only where π ≤ 0.1 % and what is
// bad of it outweighs what honest customers of it would fail by 99 to 1. A popular browser under an attack that wears it is therefore
// never condemned, and a new release of an app is not hit, for its successes are normal.
//
// State: 32 bytes a tuple in one table, and a sketch of shares; the least suspicious give way. Cost: up to seven keyed hashes
// and cache lines an attempt of a stranger, nothing for most of the upper lanes. Catches residential, rotating,
// spray, networks. Fails: a perfect mimic (D5).
//
// Deterministic; noexcept where attempts are read; not thread-safe. Source: detectors.md, D6; Herley, Schechter, NDSS 2019.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/detect/contact_memory.h"
#include "engine/detect/evidence.h"
#include "engine/detect/evidence_table.h"
#include "engine/detect/token_shares.h"
#include "engine/detect/tuples.h"

namespace stockade {

// The most suspicious of an attempt's tuples.
struct TupleReading {
  Suspicion suspicion = Suspicion::kNone;
  TupleKind kind = TupleKind::kJa4;
  uint64_t tag = 0;
  float score = 0;
  float share = 0;       // π
  float bad = 0;         // accounts that failed with it lately
  int64_t begun_ms = 0;  // since when there has been evidence without a pause
};

class CampaignFinder {
 public:
  static constexpr int64_t kHalfLifeMs = int64_t{2} * 3600 * 1000;
  static constexpr int64_t kCountHalfLifeMs = int64_t{24} * 3600 * 1000;
  static constexpr float kShareOfSuspect = 0.01F;
  static constexpr float kShareOfCondemned = 0.001F;
  static constexpr float kOddsMin = 99;

  CampaignFinder(size_t bytes_max, const HashKey& key);

  void Set(const EvidenceThresholds& thresholds) noexcept { thresholds_ = thresholds; }

  TupleTags TagsOf(const Attempt& attempt) const noexcept { return tuples_.Of(attempt); }
  TupleReading Read(const TupleTags& tags, int64_t now_ms) const noexcept;
  // Evidence of a stranger's outcome, once an account and day. `account`: a keyed hash. Whether it counted anywhere.
  bool Note(const TupleTags& tags, uint64_t account, Clue clue, float z, int64_t now_ms,
            ContactMemory* contacts) noexcept;
  // What corrects an earlier Note of a failure; `good`: it was none.
  void Amend(const TupleTags& tags, float z, bool good, int64_t now_ms) noexcept;
  // A success, which stands for `many`.
  void NoteClean(const TupleTags& tags, uint32_t many, int64_t now_ms);
  // Whether so many were noted that a sample of the rest says enough.
  bool knows_many() const noexcept { return clean_ >= kManyClean; }

  size_t bytes() const noexcept { return table_.bytes(); }

 private:
  struct Record {
    float score = 0;
    float bad = 0;  // accounts, decaying
    float good = 0;
    uint32_t time_s = 0;
    uint32_t begun_s = 0;  // when the score last rose from below kQuietScore
    uint8_t kind = 0;
  };

  float ShareOf(TupleKind kind, uint64_t tag) const noexcept;
  Suspicion Judge(const Record& record, float score, float share, int64_t age_ms) const noexcept;
  void Add(Record* record, float z, int64_t now_ms) noexcept;
  void AgeShares(int64_t now_ms) noexcept;

  TupleHasher tuples_;
  EvidenceThresholds thresholds_;
  EvidenceTable<Record> table_;
  // Of successes of the last days: halved every week, by which one of a month ago is worth a sixteenth.
  static constexpr int64_t kSharesHalfLifeMs = int64_t{7} * 24 * 3600 * 1000;
  std::vector<uint32_t> counts_;
  TokenShares shares_;
  int64_t halve_at_ms_ = INT64_MIN;
  static constexpr uint64_t kManyClean = 50'000;
  uint64_t clean_ = 0;
  TupleTags all_;  // by kind: what counts how many successes had one
};

}  // namespace stockade
