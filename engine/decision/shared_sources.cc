#include "engine/decision/shared_sources.h"

#include <algorithm>
#include <bit>

namespace stockade {
namespace {

constexpr int64_t kMinuteMs = 60'000;

int32_t Newest(const std::array<int32_t, SharedSources::kAccountsMax>& minutes) noexcept {
  return *std::max_element(minutes.begin(), minutes.end());
}

}  // namespace

SharedSources::SharedSources(size_t bytes)
    : buckets_(std::bit_floor(std::max<size_t>(bytes / sizeof(Source), 64)) / kWays) {}

size_t SharedSources::WayOf(const Bucket& bucket, uint64_t place) noexcept {
  size_t way = 0;
  while (way < kWays && bucket.places[way] != place) ++way;
  return way;
}

size_t SharedSources::OldestOf(const Bucket& bucket) noexcept {
  size_t oldest = 0;
  int32_t oldest_minute = INT32_MAX;
  for (size_t way = 0; way < kWays; ++way) {
    const int32_t newest = bucket.places[way] == 0 ? INT32_MIN : Newest(bucket.accounts[way].minutes);
    if (newest >= oldest_minute) continue;
    oldest = way;
    oldest_minute = newest;
  }
  return oldest;
}

void SharedSources::Note(uint64_t place, uint32_t account, int64_t time_ms) noexcept {
  const auto minute = static_cast<int32_t>(time_ms / kMinuteMs);
  Bucket& bucket = buckets_[BucketOf(place)];
  size_t way = WayOf(bucket, place);
  if (way == kWays) {
    way = OldestOf(bucket);
    bucket.places[way] = place;
    bucket.accounts[way].hashes.fill(0);
    bucket.accounts[way].minutes.fill(INT32_MIN);
  }
  Accounts& known = bucket.accounts[way];
  size_t at = 0;
  for (size_t i = 0; i < kAccountsMax; ++i) {
    if (known.hashes[i] == account) {
      at = i;
      break;
    }
    if (known.minutes[i] < known.minutes[at]) at = i;
  }
  known.hashes[at] = account;
  known.minutes[at] = std::max(minute, known.minutes[at]);
}

void SharedSources::Find(uint64_t place, int64_t now_ms, std::vector<uint32_t>* found) const {
  const Bucket& bucket = buckets_[BucketOf(place)];
  const size_t way = WayOf(bucket, place);
  if (way == kWays) return;
  const Accounts& known = bucket.accounts[way];
  const int64_t oldest_minute = (now_ms - kSpanMs) / kMinuteMs;
  for (size_t i = 0; i < kAccountsMax; ++i) {
    if (known.minutes[i] <= oldest_minute || found->size() == kAccountsMax) continue;
    if (std::find(found->begin(), found->end(), known.hashes[i]) == found->end())
      found->push_back(known.hashes[i]);
  }
}

void SharedSources::Prefetch(uint64_t place) const noexcept {
  const Bucket& bucket = buckets_[BucketOf(place)];
  __builtin_prefetch(&bucket.places);
  // The lines of the ways, whichever it will be.
  __builtin_prefetch(&bucket.accounts[1]);
  __builtin_prefetch(&bucket.accounts[3]);
}

bool SharedSources::Copy(size_t count, size_t* next, std::vector<Source>* out) const {
  const size_t places = buckets_.size() * kWays;
  const size_t end = std::min(places, *next + count);
  for (; *next < end; ++*next) {
    const Bucket& bucket = buckets_[*next / kWays];
    const size_t way = *next % kWays;
    if (bucket.places[way] != 0)
      out->push_back({bucket.places[way], bucket.accounts[way].hashes, bucket.accounts[way].minutes});
  }
  return end < places;
}

bool SharedSources::Restore(const Source& source) noexcept {
  Bucket& bucket = buckets_[BucketOf(source.place)];
  if (WayOf(bucket, source.place) != kWays) return false;
  const size_t way = OldestOf(bucket);
  if (bucket.places[way] != 0 && Newest(bucket.accounts[way].minutes) > Newest(source.minutes)) return true;
  bucket.places[way] = source.place;
  bucket.accounts[way] = {source.accounts, source.minutes};
  return true;
}

void SharedSources::Clear() noexcept {
  std::fill(buckets_.begin(), buckets_.end(), Bucket{});
}

}  // namespace stockade
