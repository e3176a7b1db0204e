#include "engine/detect/account_records.h"

#include <algorithm>
#include <new>

namespace stockade {

AccountRecords::AccountRecords(size_t bytes_max)
    : memory_(std::max(bytes_max, sizeof(Bucket))), buckets_(static_cast<Bucket*>(memory_.data())) {
  if (buckets_ == nullptr) throw std::bad_alloc();
  // From a count that a few thousand accounts fill, so that its doublings end at the most the memory holds.
  constexpr size_t kBucketsFirst = 512;
  bucket_count_ = memory_.bytes() / sizeof(Bucket);
  buckets_max_ = bucket_count_;
  while (bucket_count_ / 2 >= kBucketsFirst) bucket_count_ /= 2;
  buckets_first_ = bucket_count_;
}

AccountRecords::Place AccountRecords::PlaceOf(uint64_t tag) const noexcept {
  Bucket* bucket = FirstOf(tag);
  size_t way = WayOf(*bucket, tag);
  if (way == kWays) {
    bucket = SecondOf(tag);
    way = WayOf(*bucket, tag);
  }
  return way == kWays ? Place{} : Place{bucket, way};
}

AccountRecords::Place AccountRecords::RoomFor(uint64_t tag, DayQuarter now) const noexcept {
  const Place free[] = {{FirstOf(tag), WayOf(*FirstOf(tag), 0)}, {SecondOf(tag), WayOf(*SecondOf(tag), 0)}};
  const Place& emptier = free[1].way < free[0].way ? free[1] : free[0];
  if (emptier.way < kWays) return emptier;
  Place least{free[0].bucket, 0};
  for (const Place& full : free) {
    for (size_t way = 0; way < kWays; ++way) {
      const AccountRecord& one = full.bucket->records[way];
      const AccountRecord& other = least.bucket->records[least.way];
      const double worth = SuccessesOf(one, now), least_worth = SuccessesOf(other, now);
      if (worth < least_worth ||
          (worth == least_worth && QuartersSince(one.quarter, now) > QuartersSince(other.quarter, now)))
        least = {full.bucket, way};
    }
  }
  return least;
}

void AccountRecords::Put(const Place& place, uint64_t tag, const AccountRecord& record) noexcept {
  ++(place.bucket->tags[place.way] == 0 ? size_ : evicted_);
  place.bucket->tags[place.way] = tag;
  place.bucket->records[place.way] = record;
  place.bucket->records[place.way].in_second = place.bucket == FirstOf(tag) ? 0 : 1;
}

std::optional<AccountRecords::Hint> AccountRecords::PrefetchRecord(uint64_t tag) const noexcept {
  const Place place = PlaceOf(tag);
  if (place.bucket == nullptr) return std::nullopt;
  __builtin_prefetch(&place.bucket->records[place.way]);
  return Hint{static_cast<uint32_t>(place.bucket - buckets_), static_cast<uint32_t>(place.way)};
}

AccountRecord* AccountRecords::FindOrMake(uint64_t tag, DayQuarter now, bool on_probation,
                                          Hint hint) noexcept {
  if (const AccountRecord* const found = Find(tag, hint)) return const_cast<AccountRecord*>(found);
  Place place = RoomFor(tag, now);
  // Two full buckets ask for more of them while there is room, unless nearly all the others are empty: then somebody has found names
  // that fall together, and gets no memory for it.
  while (place.bucket->tags[place.way] != 0 && CanGrow() && size_ >= bucket_count_) {
    Grow();
    place = RoomFor(tag, now);
  }
  AccountRecord* const record = &place.bucket->records[place.way];
  if (place.bucket->tags[place.way] != 0 && on_probation && SuccessesOf(*record, now) > 0) return nullptr;
  AccountRecord made;
  made.quarter = now;
  Put(place, tag, made);
  return record;
}

// Splits every bucket into its two halves, from the last to the first: bucket b goes to 2b and 2b + 1, which lie at or behind it
// and whose own content has moved already.
void AccountRecords::Grow() noexcept {
  const size_t doubled = 2 * bucket_count_;
  for (size_t at = bucket_count_; at-- > 0;) {
    const Bucket from = buckets_[at];
    buckets_[at] = Bucket{};
    buckets_[2 * at] = Bucket{};
    buckets_[2 * at + 1] = Bucket{};
    size_t filled[2] = {0, 0};
    for (size_t way = 0; way < kWays && from.tags[way] != 0; ++way) {
      const uint64_t hash = from.records[way].in_second != 0 ? SecondHash(from.tags[way]) : from.tags[way];
      const auto to = static_cast<size_t>(static_cast<unsigned __int128>(hash) * doubled >> 64);
      size_t& next = filled[to - 2 * at];
      buckets_[to].tags[next] = from.tags[way];
      buckets_[to].records[next] = from.records[way];
      ++next;
    }
  }
  bucket_count_ = doubled;
}

bool AccountRecords::Copy(size_t buckets, CopyPlace* place, std::vector<TaggedRecord>* out) const {
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

void AccountRecords::MakeRoom(size_t bucket_count) noexcept {
  // Counts that this memory comes to by doubling; another memory has others, and takes the next larger one it has.
  while (bucket_count_ < bucket_count && CanGrow()) bucket_count_ *= 2;
}

bool AccountRecords::Restore(const TaggedRecord& account, DayQuarter now) noexcept {
  if (Find(account.tag) != nullptr) return false;
  // Where it was, if there is room. They come bucket by bucket, so that how full the others are says nothing; and who wrote the
  // snapshot had the key.
  const bool in_second = account.record.in_second != 0;
  Bucket* const before = in_second ? SecondOf(account.tag) : FirstOf(account.tag);
  Place place{before, WayOf(*before, 0)};
  if (place.way == kWays) place = RoomFor(account.tag, now);
  while (place.bucket->tags[place.way] != 0 && CanGrow()) {
    Grow();
    place = RoomFor(account.tag, now);
  }
  if (place.bucket->tags[place.way] != 0 &&
      SuccessesOf(account.record, now) <= SuccessesOf(place.bucket->records[place.way], now)) {
    ++evicted_;
    return true;
  }
  Put(place, account.tag, account.record);
  return true;
}

void AccountRecords::Clear() noexcept {
  memory_.Clear();
  bucket_count_ = buckets_first_;
  size_ = 0;
  evicted_ = 0;
}

}  // namespace stockade
