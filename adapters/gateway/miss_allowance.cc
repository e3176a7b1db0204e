#include "adapters/gateway/miss_allowance.h"

#include <algorithm>

#include "engine/status.h"

namespace stockade {

MissAllowance::MissAllowance(const MissRate& rate, const HashKey& key, size_t rungs)
    : key_(key), rungs_(rungs) {
  STOCKADE_CHECK(rungs > 0 && rungs % kWays == 0);
  SetRate(rate);
}

void MissAllowance::SetRate(const MissRate& rate) {
  constexpr int64_t kSecondNs = 1'000'000'000;
  // Cut to a whole number of the wide rung's, so that both have exactly the same span.
  const int64_t wide_ns =
      std::max<int64_t>(kSecondNs / std::clamp(rate.rate, 1, kMissRateMax) / kWideFactor, 1);
  token_ns_ = wide_ns * kWideFactor;
  burst_ns_ = token_ns_ * std::clamp(rate.burst, 1, kMissBurstMax);
}

MissAllowance::Buckets MissAllowance::BucketsOf(const Address& source) const noexcept {
  const bool v4 = source.is_v4();
  return {{Prefix::Around(source, v4 ? 32 : 64), token_ns_},
          {Prefix::Around(source, v4 ? 24 : 48), token_ns_ / kWideFactor}};
}

MissAllowance::Rung* MissAllowance::SetOf(const Prefix& prefix) noexcept {
  const uint64_t words[] = {prefix.address.high(), prefix.address.low(),
                            uint64_t{prefix.length} << 8 | (prefix.address.is_v4() ? 4U : 6U)};
  const Hash128 hash = SipHash128(key_, words, sizeof words);
  return &rungs_[hash.low % (rungs_.size() / kWays) * kWays];
}

MissAllowance::Rung* MissAllowance::Find(const Prefix& prefix) noexcept {
  Rung* const set = SetOf(prefix);
  Rung* const found = std::find_if(set, set + kWays, [&](const Rung& rung) { return rung.prefix == prefix; });
  return found == set + kWays ? nullptr : found;
}

bool MissAllowance::Has(const Bucket& bucket, int64_t now_ns) noexcept {
  const Rung* const rung = Find(bucket.prefix);
  return rung == nullptr || std::max(rung->full_at_ns, now_ns) + bucket.token_ns - now_ns <= burst_ns_;
}

void MissAllowance::Spend(const Bucket& bucket, int64_t now_ns) noexcept {
  Rung* rung = Find(bucket.prefix);
  if (rung == nullptr) {
    Rung* const set = SetOf(bucket.prefix);
    rung = std::min_element(set, set + kWays,
                            [](const Rung& a, const Rung& b) { return a.full_at_ns < b.full_at_ns; });
    *rung = {bucket.prefix, now_ns};
  }
  rung->full_at_ns = std::max(rung->full_at_ns, now_ns) + bucket.token_ns;
}

bool MissAllowance::Take(const Address& source, int64_t now_ns) {
  if (!source.present()) return true;
  const auto [narrow, wide] = BucketsOf(source);
  if (!Has(narrow, now_ns) || !Has(wide, now_ns)) return false;
  Spend(narrow, now_ns);
  Spend(wide, now_ns);
  return true;
}

void MissAllowance::GiveBack(const Address& source) {
  if (!source.present()) return;
  const auto [narrow, wide] = BucketsOf(source);
  // One that was forgotten has all its tokens already. One that is full sinks below now, which counts as now.
  for (const Bucket& bucket : {narrow, wide})
    if (Rung* const rung = Find(bucket.prefix)) rung->full_at_ns -= bucket.token_ns;
}

}  // namespace stockade
