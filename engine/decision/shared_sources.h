// Which accounts were proven at an address or a network within seven days: whether customers share it, as offices and carriers' NATs
// are shared.
//
// Of each place up to kAccountsMax different accounts are kept, with the minute they came last; a further one replaces the one that
// came longest ago. That many make a source shared, and nobody asks for more. A table of one size: where more places fall together
// than it has ways there, the place that was proven longest ago gives way, so that a flood of strangers, who prove nothing, displaces
// nobody. Accounts are kept as hashes; two in 2^32 may be taken for one, and then a place seems less shared than it is.
//
// Times are event time in milliseconds and may come out of order. Note and Find read a line of keys and one of what is known of the
// place. noexcept, but for the vectors handed in; no allocation after construction. Not thread-safe. Oracle: a list, in
// tests/engine/decision/proven_customers_test.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

class SharedSources {
 public:
  static constexpr int64_t kSpanMs = int64_t{7} * 24 * 3'600'000;
  // Three accounts make a shared source (D3); one more is kept, so that the newest can replace the oldest.
  static constexpr size_t kAccountsMax = 4;

  // What is known of one place, as snapshots hold it.
  struct Source {
    uint64_t place = 0;  // 0: free
    std::array<uint32_t, kAccountsMax> accounts{};
    std::array<int32_t, kAccountsMax> minutes{};
  };

  // As many places as `bytes` hold, to a power of two, and at least 64.
  explicit SharedSources(size_t bytes);

  // `place`, `account`: keyed hashes, not 0.
  void Note(uint64_t place, uint32_t account, int64_t time_ms) noexcept;
  // The accounts of this place within seven days, added to those `found` already; at most kAccountsMax in all.
  void Find(uint64_t place, int64_t now_ms, std::vector<uint32_t>* found) const;
  // Brings closer what both read.
  void Prefetch(uint64_t place) const noexcept;

  // Appends up to `count` places from `next` on, free ones left out; false: those were the last.
  bool Copy(size_t count, size_t* next, std::vector<Source>* out) const;
  // In the order they were copied, where nothing was noted yet: the same table again; where it is smaller the source that was
  // proven longest ago gives way. False: it was there already.
  bool Restore(const Source& source) noexcept;
  void Clear() noexcept;

 private:
  static constexpr size_t kWays = 4;
  struct Accounts {
    std::array<uint32_t, kAccountsMax> hashes{};
    std::array<int32_t, kAccountsMax> minutes{};
  };
  // The keys together, so that looking for one reads a single line.
  struct alignas(32) Bucket {
    std::array<uint64_t, kWays> places{};  // 0: free
    std::array<Accounts, kWays> accounts;
  };
  static_assert(sizeof(Bucket) == kWays * sizeof(Source));

  size_t BucketOf(uint64_t place) const noexcept {
    return static_cast<size_t>(place & (buckets_.size() - 1));
  }
  // kWays: it is not there.
  static size_t WayOf(const Bucket& bucket, uint64_t place) noexcept;
  // The way whose place was proven longest ago, a free one before all.
  static size_t OldestOf(const Bucket& bucket) noexcept;

  std::vector<Bucket> buckets_;
};

}  // namespace stockade
