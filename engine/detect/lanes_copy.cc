// Lanes out of a snapshot and into one.
#include <algorithm>

#include "engine/detect/lanes.h"

namespace stockade {

bool Lanes::CopyAccounts(size_t buckets, CopyPlace* place, std::vector<Account>* out) const {
  if (place->of == 0) place->of = bucket_count_;
  // The table has grown meanwhile: every bucket became 2, 4, … that follow one another, those before the place too.
  place->next *= bucket_count_ / place->of;
  place->of = bucket_count_;
  const size_t end = std::min(bucket_count_, place->next + buckets);
  for (; place->next < end; ++place->next) {
    const Bucket& bucket = buckets_[place->next];
    for (size_t way = 0; way < kWays && bucket.tags[way] != 0; ++way)
      out->push_back({bucket.tags[way], bucket.records[way]});
  }
  return end < bucket_count_;
}

uint64_t Lanes::CopyShares(ShareKind kind, std::vector<uint32_t>* out) const {
  const Shares& shares = kind == ShareKind::kNetwork ? network_shares_ : device_shares_;
  out->assign(shares.counts(), shares.counts() + kShareRows * kShareColumns);
  return shares.total();
}

void Lanes::CopyStepUps(std::vector<StepUp>* out) const {
  std::copy_if(step_ups_->begin(), step_ups_->end(), std::back_inserter(*out),
               [](const StepUp& step_up) { return step_up.tag != 0; });
}

void Lanes::MakeRoom(size_t bucket_count) noexcept {
  // Counts that this memory comes to by doubling; another memory has others, and takes the next larger one it has.
  while (bucket_count_ < bucket_count && 2 * bucket_count_ <= buckets_max_) bucket_count_ *= 2;
}

bool Lanes::Restore(const Account& account, Quarter now) noexcept {
  Bucket* bucket = BucketOf(account.tag);
  if (Find(bucket, account.tag) != nullptr) return false;
  // They come bucket by bucket, so that how full the others are says nothing; and who wrote the snapshot had the key.
  while (IsFull(*bucket) && 2 * bucket_count_ <= buckets_max_) {
    Grow();
    bucket = BucketOf(account.tag);
  }
  double least = 0;
  const size_t way = LeastWay(*bucket, now, &least);
  const bool is_free = bucket->tags[way] == 0;
  if (is_free) {
    ++accounts_;
  } else {
    ++evicted_;
    if (Worth(account.record, now) <= least) return true;
  }
  bucket->tags[way] = account.tag;
  bucket->records[way] = account.record;
  return true;
}

void Lanes::RestoreShares(ShareKind kind, size_t row, size_t column,
                          std::span<const uint32_t> counts) noexcept {
  Shares& shares = kind == ShareKind::kNetwork ? network_shares_ : device_shares_;
  std::copy(counts.begin(), counts.end(), shares.counts() + row * kShareColumns + column);
}

void Lanes::RestoreShareTotal(ShareKind kind, uint64_t total) noexcept {
  (kind == ShareKind::kNetwork ? network_shares_ : device_shares_).set_total(total);
}

void Lanes::Restore(const StepUp& step_up) noexcept {
  (*step_ups_)[(step_up.tag >> 32) % kStepUps] = step_up;
  has_step_ups_ = true;
}

void Lanes::Clear() noexcept {
  memory_.Clear();
  sketches_.Clear();
  bucket_count_ = buckets_first_;
  network_shares_.set_total(0);
  device_shares_.set_total(0);
  step_ups_->fill(StepUp{});
  has_step_ups_ = false;
  accounts_ = 0;
  evicted_ = 0;
}

}  // namespace stockade
