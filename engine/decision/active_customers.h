// How many customers were active within seven days, and how many of them with this AS or that browser: what a standing decision on
// one would touch, where the last hour says nothing of it, as at night.
//
// Exact while no more than `customers_max` were active: each is kept, with when he last came and the marks he came with. Beyond, one
// of two, of four, of eight is kept, by his keyed hash, and counts are estimates, that many times what is kept (distinct sampling,
// Gibbons 2001): the standard error of a count n is √(n·(2^level − 1)), and `estimated` says so. Who is kept does not depend on who
// comes how often, and nobody chooses his hash. The level never falls: who was not kept is missed for a week after a fall.
//
// A customer counts for every now in [t, t + kSpanMs), his times taken down to the minute. Of each the kMarks marks that he came with
// last are kept, an AS and a browser being two; who has more is counted under fewer, which touches nobody else. Two marks in 2^32 may
// be taken for one, and then seem to touch more.
//
// Times are event time, in milliseconds, and may come out of order. O(log n), but for the moments at
// which half of them go: O(n), as often as their number has doubled. Allocates, up to kCustomerBytes for each of `customers_max`. Not thread-safe. Same calls, same answers. Oracle: a list, in
// tests/engine/decision/active_customers_test.cc. Not in snapshots: after a restart it fills as customers come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/expiry_queue.h"

namespace stockade {

class ActiveCustomers {
 public:
  static constexpr int64_t kSpanMs = int64_t{7} * 24 * 3'600'000;
  // Home, office and carrier with one browser each, or three browsers at home.
  static constexpr size_t kMarks = 6;
  // Of table, marks' counts and expiry, at their fullest.
  static constexpr size_t kCustomerBytes = 288;  // measured: 229, and 284 while a table grows

  explicit ActiveCustomers(size_t customers_max);

  // `account` and `marks`: keyed hashes; 0: no mark.
  void Note(uint64_t account, uint32_t as_mark, uint32_t browser_mark, int64_t time_ms);

  // The watermark went back: what is newer was never.
  void SetNow(int64_t now_ms) noexcept { newest_ms_ = now_ms; }
  // Hints that this account is noted next.
  void Prefetch(uint64_t account) const noexcept { customers_.prefetch(account); }

  struct Count {
    size_t customers = 0;
    bool estimated = false;
  };
  Count total(int64_t now_ms);
  Count With(uint32_t mark, int64_t now_ms);

 private:
  struct Mark {
    uint32_t mark = 0;  // 0: free
    int32_t minute = INT32_MIN;
  };
  struct Customer {
    int32_t minute = INT32_MIN;       // the newest
    int32_t turn_minute = INT32_MIN;  // whose turn it is: no time of his is older
    std::array<Mark, kMarks> marks;
  };

  bool IsKept(uint64_t account) const noexcept { return (account & ((uint64_t{1} << level_) - 1)) == 0; }
  void Take(Customer* customer, uint32_t mark, int32_t minute);
  void Uncount(uint32_t mark);
  void Forget(int64_t now_ms);
  // Throws out turns that are nobody's any more, where they are many.
  void CompactTurns();
  // Halves who is kept until there is room.
  void MakeRoom();
  Count Scaled(size_t kept) const noexcept { return {kept << level_, level_ > 0}; }

  size_t customers_max_;
  unsigned level_ = 0;
  absl::flat_hash_map<uint64_t, Customer> customers_;
  absl::flat_hash_map<uint32_t, uint32_t> counts_;  // by mark
  ExpiryQueue<uint64_t> turns_;                     // of each customer: when the first of his times is over
  int64_t newest_ms_ = INT64_MIN;
};

}  // namespace stockade
