// How often one source may cost a thread a certificate that nobody knows yet: a token bucket for each rung of its ladder,
// the address and what one site has (v4 /32 and /24, v6 /64 and /48).
//
// Take spends one token of both rungs, or of none. GiveBack undoes it: who turns out good has cost nothing, so that an
// office full of customers at 09:00 goes through however many they are, and only what is bad adds up. At most `burst`
// certificates of one address are under way at once, then, and bad ones come at `rate` a second.
//
// Memory is fixed: kRungs of them, in sets of kWays that a keyed hash chooses. A rung that nobody knows has all its tokens,
// and where a set is full the rung that would soonest have them all again is forgotten: nothing is lost then unless more
// rungs than there is room for are in debt at one time, and whoever has so many addresses is not held by counting them; the
// queue's bound holds him (certificate_queue.h).
//
// A source without an address (a unix socket) is let through: there is nobody to hold it against.
//
// A bucket is kept as the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371), in whole
// nanoseconds: no rounding, 40 bytes a rung. Take and GiveBack: two hashes and a look at 2·kWays entries, no allocation.
// Time is an argument and never runs backwards. Not thread-safe. Oracle: tests/adapters/gateway/miss_allowance_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adapters/gateway/settings.h"
#include "engine/event/address.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

inline constexpr int kMissRateMax = 100'000;
inline constexpr int kMissBurstMax = 1'000'000;

class MissAllowance {
 public:
  // What a botnet of 16,000 homes fills; 1.3 MiB.
  static constexpr size_t kRungs = size_t{1} << 15;
  static constexpr size_t kWays = 8;
  // The wide rung has this many times the tokens: customers share a /24 or a /48, and whoever owns one gets four times
  // what one address gives him, not 256 times.
  static constexpr int kWideFactor = 4;

  // `rungs`: a multiple of kWays.
  MissAllowance(const MissRate& rate, const HashKey& key, size_t rungs = kRungs);

  // From now on; debts stay.
  void SetRate(const MissRate& rate);
  bool Take(const Address& source, int64_t now_ns);
  void GiveBack(const Address& source);

 private:
  struct Rung {
    Prefix prefix;
    int64_t full_at_ns = 0;  // in the past: all its tokens are there
  };
  struct Bucket {
    Prefix prefix;
    int64_t token_ns;  // in which one token comes back
  };
  struct Buckets {
    Bucket narrow, wide;
  };

  Buckets BucketsOf(const Address& source) const noexcept;
  Rung* SetOf(const Prefix& prefix) noexcept;
  Rung* Find(const Prefix& prefix) noexcept;
  bool Has(const Bucket& bucket, int64_t now_ns) noexcept;
  void Spend(const Bucket& bucket, int64_t now_ns) noexcept;

  const HashKey key_;
  int64_t token_ns_ = 0;  // of the narrow rung
  int64_t burst_ns_ = 0;  // a full bucket, the same of both rungs
  std::vector<Rung> rungs_;
};

}  // namespace stockade
