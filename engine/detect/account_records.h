// The records of all accounts by a keyed 64-bit tag, under a ceiling in bytes that it never outgrows.
//
// Each account may lie in either of two buckets of eight and goes to the emptier one (Azar, Broder, Karlin, Upfal, "Balanced
// allocations", SIAM J. Comput. 1999), so that one of two thousand gives way where the memory is full to eight tenths, one of
// a hundred at nine; with one bucket an account a twentieth did at eight. Where both are full the account with the fewest successes gives way, of equals the
// one seen longest ago; one that would come in on probation displaces nobody who has any.
//
// 72 bytes an account. Memory is reserved whole and touched only as accounts come: the buckets in use double in place when both of an
// account's are full, so that few accounts lie close together. Find costs one or two cache misses for the tags and one for the
// record; Prefetch brings the tags. noexcept, no allocation after construction but a doubling's pages. Not thread-safe. Pointers live
// until the next FindOrMake, Restore or Clear.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/detect/account_record.h"
#include "engine/window/lazy_memory.h"

namespace stockade {

struct TaggedRecord {
  uint64_t tag = 0;  // of the account's keyed hash; never 0
  AccountRecord record;
};

class AccountRecords {
 public:
  // Throws std::bad_alloc where the system refuses. At least one bucket's worth, 576 bytes.
  explicit AccountRecords(size_t bytes_max);

  const AccountRecord* Find(uint64_t tag) const noexcept {
    const Place place = PlaceOf(tag);
    return place.bucket == nullptr ? nullptr : &place.bucket->records[place.way];
  }
  AccountRecord* Find(uint64_t tag) noexcept {
    return const_cast<AccountRecord*>(static_cast<const AccountRecords*>(this)->Find(tag));
  }
  // Where an account lies, to be looked for there first: a look-up of one line where nothing was moved since, else of all.
  struct Hint {
    uint32_t bucket = 0;
    uint32_t way = 0;
  };
  // Brings the record closer, where there is one. Needs the tags that Prefetch brought.
  std::optional<Hint> PrefetchRecord(uint64_t tag) const noexcept;
  const AccountRecord* Find(uint64_t tag, Hint hint) const noexcept {
    const Bucket& bucket = buckets_[hint.bucket];
    const bool is_there = hint.bucket < bucket_count_ && bucket.tags[hint.way] == tag;
    return is_there ? &bucket.records[hint.way] : Find(tag);
  }
  // Null: on probation, and everybody there has a success.
  AccountRecord* FindOrMake(uint64_t tag, DayQuarter now, bool on_probation, Hint hint) noexcept;
  AccountRecord* FindOrMake(uint64_t tag, DayQuarter now, bool on_probation) noexcept {
    return FindOrMake(tag, now, on_probation, Hint());
  }
  void Prefetch(uint64_t tag) const noexcept {
    __builtin_prefetch(&FirstOf(tag)->tags);
    __builtin_prefetch(&SecondOf(tag)->tags);
  }

  // Copying out for a snapshot: some buckets at a time, between which anything may be learnt. What was known all the while is copied
  // once, as it was at some moment meanwhile. False: those were the last. Appends; up to 8 accounts a bucket.
  struct CopyPlace {
    size_t next = 0;
    size_t of = 0;  // as many buckets there were; 0: not begun
  };
  bool Copy(size_t buckets, CopyPlace* place, std::vector<TaggedRecord>* out) const;
  // Taking in, into records of nobody: room first, then accounts in the order they were copied. Where the memory is the same the
  // table is the same again, place for place; where it is less the accounts with the fewest successes at `now` give way.
  // `bucket_count`: of where it was copied.
  void MakeRoom(size_t bucket_count) noexcept;
  // False: the account was there already, which no copy holds twice.
  bool Restore(const TaggedRecord& account, DayQuarter now) noexcept;
  void Clear() noexcept;

  size_t size() const noexcept { return size_; }
  uint64_t evicted() const noexcept { return evicted_; }
  size_t bucket_count() const noexcept { return bucket_count_; }
  // In use.
  size_t bytes() const noexcept { return bucket_count_ * sizeof(Bucket); }

 private:
  static constexpr size_t kWays = 8;
  struct Bucket {
    std::array<uint64_t, kWays> tags;  // 0: free, and so are those after it
    std::array<AccountRecord, kWays> records;
  };
  static_assert(sizeof(Bucket) == 72 * kWays);
  struct Place {
    Bucket* bucket = nullptr;
    size_t way = 0;
  };

  static uint64_t SecondHash(uint64_t tag) noexcept {
    const uint64_t mixed = (tag ^ (tag >> 32)) * 0x9e3779b97f4a7c15;
    return mixed ^ (mixed >> 29);
  }
  Bucket* BucketAt(uint64_t hash) const noexcept {
    return &buckets_[static_cast<size_t>(static_cast<unsigned __int128>(hash) * bucket_count_ >> 64)];
  }
  Bucket* FirstOf(uint64_t tag) const noexcept { return BucketAt(tag); }
  Bucket* SecondOf(uint64_t tag) const noexcept { return BucketAt(SecondHash(tag)); }
  static size_t WayOf(const Bucket& bucket, uint64_t tag) noexcept {
    size_t way = 0;
    while (way < kWays && bucket.tags[way] != tag) ++way;
    return way;
  }
  Place PlaceOf(uint64_t tag) const noexcept;
  // The free place of the emptier bucket, and without one whose account gives way.
  Place RoomFor(uint64_t tag, DayQuarter now) const noexcept;
  bool CanGrow() const noexcept { return 2 * bucket_count_ <= buckets_max_; }
  void Grow() noexcept;
  void Put(const Place& place, uint64_t tag, const AccountRecord& record) noexcept;

  LazyMemory memory_;
  Bucket* buckets_;
  size_t bucket_count_;  // in use
  size_t buckets_first_;
  size_t buckets_max_;
  size_t size_ = 0;
  uint64_t evicted_ = 0;
};

}  // namespace stockade
