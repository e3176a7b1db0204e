// Records by a keyed 64-bit tag under a ceiling in bytes: eight ways to a bucket, and where a bucket is full the record that is
// worth least gives way, whatever its age: a flood of keys displaces what is as harmless as itself.
//
// `Record` is trivial, all zeros when made, and its owner says what it is worth now: the least suspicious least. Lies in memory that is
// touched as keys come. Pointers live until the next Make. O(1), noexcept, no allocation after construction. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "engine/window/lazy_memory.h"

namespace stockade {

template <typename Record>
class EvidenceTable {
 public:
  static_assert(std::is_trivially_copyable_v<Record>);
  static constexpr size_t kWays = 8;

  // Throws std::bad_alloc where the system refuses.
  explicit EvidenceTable(size_t bytes_max)
      : bucket_count_(bytes_max < sizeof(Bucket) ? 1 : bytes_max / sizeof(Bucket)),
        memory_(bucket_count_ * sizeof(Bucket)),
        buckets_(static_cast<Bucket*>(memory_.data())) {
    if (buckets_ == nullptr) throw std::bad_alloc();
  }

  Record* Find(uint64_t tag) noexcept {
    Bucket& bucket = BucketOf(tag);
    for (size_t way = 0; way < kWays; ++way)
      if (bucket.tags[way] == Full(tag)) return &bucket.records[way];
    return nullptr;
  }
  const Record* Find(uint64_t tag) const noexcept { return const_cast<EvidenceTable*>(this)->Find(tag); }

  // The record of the tag, made where there is none. Null: all there are worth more than `worth_max`. `worth(record)`.
  template <typename Worth>
  Record* FindOrMake(uint64_t tag, float worth_max, Worth&& worth) noexcept {
    if (Record* const found = Find(tag)) return found;
    Bucket& bucket = BucketOf(tag);
    size_t least_way = 0;
    float least = 0;
    for (size_t way = 0; way < kWays; ++way) {
      if (bucket.tags[way] == 0) {
        ++size_;
        return Take(&bucket, way, tag);
      }
      const float value = worth(bucket.records[way]);
      if (way == 0 || value < least) {
        least_way = way;
        least = value;
      }
    }
    if (least > worth_max) return nullptr;
    ++evicted_;
    return Take(&bucket, least_way, tag);
  }

  void Prefetch(uint64_t tag) const noexcept { __builtin_prefetch(&BucketOf(tag)); }
  size_t size() const noexcept { return size_; }
  uint64_t evicted() const noexcept { return evicted_; }
  size_t bytes() const noexcept { return memory_.bytes(); }

 private:
  struct Bucket {
    std::array<uint64_t, kWays> tags;  // 0: free
    std::array<Record, kWays> records;
  };
  static uint64_t Full(uint64_t tag) noexcept { return tag == 0 ? 1 : tag; }
  Bucket& BucketOf(uint64_t tag) const noexcept {
    return buckets_[static_cast<size_t>(static_cast<unsigned __int128>(Full(tag)) * bucket_count_ >> 64)];
  }
  static Record* Take(Bucket* bucket, size_t way, uint64_t tag) noexcept {
    bucket->tags[way] = Full(tag);
    bucket->records[way] = Record{};
    return &bucket->records[way];
  }

  size_t bucket_count_;
  LazyMemory memory_;
  Bucket* buckets_;
  size_t size_ = 0;
  uint64_t evicted_ = 0;
};

}  // namespace stockade
