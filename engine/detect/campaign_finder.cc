#include "engine/detect/campaign_finder.h"

#include <algorithm>

namespace stockade {
namespace {

// Kinds of pairs in ContactMemory.
constexpr uint64_t kFailureOfTuple = 0x20;
constexpr uint64_t kSuccessOfTuple = 0x21;

// What nobody has been seen to have is worth: half a success of two hundred. So nothing is condemned before some 300 successes.
constexpr float kPriorSuccess = 0.5F;
constexpr float kPriorTotal = 200;
// β of honest customers: one in ten fails.
constexpr float kHonestOdds = 0.11F;
constexpr float kHonestFloor = 0.05F;
// 65,536 columns: customers have some thousand tuples, and more columns would only miss the cache.
constexpr size_t kSharesBytesMax = size_t{1} << 20;

}  // namespace

CampaignFinder::CampaignFinder(size_t bytes_max, const HashKey& key)
    : tuples_(key),
      table_(bytes_max - std::min(bytes_max / 4, kSharesBytesMax)),
      counts_(TokenShares::CountersOf(std::min(bytes_max / 4, kSharesBytesMax))),
      shares_(counts_) {
  for (size_t i = 0; i < kTupleKinds; ++i)
    all_[i] = SipHash128({key.k0 ^ 0x616c6c0000000000, key.k1}, &i, sizeof i).low | 1;
}

// Less than one failure of a stranger: nothing is going on.
constexpr float kQuietScore = 1;

float CampaignFinder::ShareOf(TupleKind kind, uint64_t tag) const noexcept {
  return (static_cast<float>(shares_.Count(tag)) + kPriorSuccess) /
         (static_cast<float>(shares_.Count(all_[static_cast<size_t>(kind)])) + kPriorTotal);
}

Suspicion CampaignFinder::Judge(const Record& record, float score, float share,
                                int64_t age_ms) const noexcept {
  if (score < thresholds_.suspect || share > kShareOfSuspect) return Suspicion::kNone;
  if (score < thresholds_.condemned || share > kShareOfCondemned) return Suspicion::kSuspect;
  const float good = kHonestOdds * Decayed(record.good, age_ms, kCountHalfLifeMs);
  const float bad = Decayed(record.bad, age_ms, kCountHalfLifeMs);
  return (bad - good) / (good + kHonestFloor) >= kOddsMin ? Suspicion::kCondemned : Suspicion::kSuspect;
}

TupleReading CampaignFinder::Read(const TupleTags& tags, int64_t now_ms) const noexcept {
  TupleReading reading;
  for (size_t i = 0; i < kTupleKinds; ++i) {
    if (tags[i] == 0) continue;
    const Record* const record = table_.Find(tags[i]);
    if (record == nullptr || record->score < thresholds_.suspect) continue;
    const int64_t age_ms = now_ms - int64_t{record->time_s} * 1000;
    const float score = Decayed(record->score, age_ms, kHalfLifeMs);
    if (score < thresholds_.suspect) continue;
    const auto kind = static_cast<TupleKind>(i);
    const float share = ShareOf(kind, tags[i]);
    const Suspicion suspicion = Judge(*record, score, share, age_ms);
    if (suspicion == Suspicion::kNone || suspicion < reading.suspicion) continue;
    if (suspicion == reading.suspicion && score <= reading.score) continue;
    reading = {suspicion,
               kind,
               tags[i],
               score,
               share,
               Decayed(record->bad, age_ms, kCountHalfLifeMs),
               int64_t{record->begun_s} * 1000};
  }
  return reading;
}

void CampaignFinder::Add(Record* record, float z, int64_t now_ms) noexcept {
  const int64_t age_ms = now_ms - int64_t{record->time_s} * 1000;
  if (z > 0 && Decayed(record->score, age_ms, kHalfLifeMs) < kQuietScore)
    record->begun_s = static_cast<uint32_t>(now_ms / 1000);
  record->score = AddEvidence(record->score, age_ms, kHalfLifeMs, z);
  record->bad = Decayed(record->bad, age_ms, kCountHalfLifeMs);
  record->good = Decayed(record->good, age_ms, kCountHalfLifeMs);
  if (age_ms > 0) record->time_s = static_cast<uint32_t>(now_ms / 1000);
}

bool CampaignFinder::Note(const TupleTags& tags, uint64_t account, Clue clue, float z, int64_t now_ms,
                          ContactMemory* contacts) noexcept {
  if (z == 0) return false;
  bool counted = false;
  const uint64_t pair = clue == Clue::kSuccess ? kSuccessOfTuple : kFailureOfTuple;
  for (size_t i = 0; i < kTupleKinds; ++i) {
    if (tags[i] == 0 || !contacts->IsFirst(PairOf(tags[i], account, pair), now_ms, ContactMemory::kDay))
      continue;
    Record* const record = table_.FindOrMake(tags[i], thresholds_.suspect, [now_ms](const Record& one) {
      return Decayed(one.score, now_ms - int64_t{one.time_s} * 1000, kHalfLifeMs);
    });
    if (record == nullptr) continue;
    if (record->time_s == 0) record->time_s = static_cast<uint32_t>(now_ms / 1000);
    record->kind = static_cast<uint8_t>(i);
    Add(record, z, now_ms);
    ++(z > 0 ? record->bad : record->good);
    counted = true;
  }
  return counted;
}

void CampaignFinder::Amend(const TupleTags& tags, float z, bool good, int64_t now_ms) noexcept {
  for (const uint64_t tag : tags) {
    Record* const record = tag == 0 ? nullptr : table_.Find(tag);
    if (record == nullptr) continue;
    Add(record, z, now_ms);
    if (!good) continue;
    record->bad = std::max(0.0F, record->bad - 1);
    ++record->good;
  }
}

void CampaignFinder::AgeShares(int64_t now_ms) noexcept {
  if (halve_at_ms_ == INT64_MIN) halve_at_ms_ = now_ms + kSharesHalfLifeMs;
  for (; now_ms >= halve_at_ms_; halve_at_ms_ += kSharesHalfLifeMs)
    if (!shares_.Halve()) halve_at_ms_ = std::max(halve_at_ms_, now_ms);  // a gap of years is one step
}

void CampaignFinder::NoteClean(const TupleTags& tags, uint32_t many, int64_t now_ms) {
  clean_ += many;
  for (size_t i = 0; i < kTupleKinds; ++i) {
    if (tags[i] == 0) continue;
    AgeShares(now_ms);
    shares_.Add(tags[i], many);
    shares_.Add(all_[i], many);
  }
}

}  // namespace stockade
