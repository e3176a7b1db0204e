// How many different values a report has seen, in memory that does not grow with them: exact up to kExactMax
// values, above that HyperLogLog (Flajolet et al. 2007) with 2^14 registers and the estimator of Ertl
// (arXiv:1702.01284, algorithm 6), which needs no correction at either end; standard error 0.81 %.
//
// For summaries only; what decides counts in engine/window. Fed with 64-bit hashes that look random. At most
// 160 KiB. Deterministic: the same values in any order give the same count.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace stockade {

class DistinctCount {
 public:
  // More than a person reads one by one, and small enough to stay in the processor's second cache beside the
  // engine: a report must not slow down what it reports.
  static constexpr size_t kExactMax = size_t{1} << 13;

  void Add(uint64_t hash) {
    if (registers_.empty()) {
      if (!exact_.insert(hash).second || exact_.size() <= kExactMax) return;
      registers_.resize(kRegisters);
      for (const uint64_t each : exact_) Register(each, &registers_);
      exact_ = {};
      pending_ = hash;
      return;
    }
    // One behind: the register of a hash is mostly in no near cache, and is on its way until the next one comes.
    Register(pending_, &registers_);
    pending_ = hash;
    __builtin_prefetch(&registers_[IndexOf(hash)], 1);
  }

  bool exact() const noexcept { return registers_.empty(); }
  uint64_t count() const {
    if (exact()) return exact_.size();
    std::vector<uint8_t> registers = registers_;
    Register(pending_, &registers);
    std::array<double, kRankMax + 1> with_rank{};
    for (const uint8_t rank : registers) ++with_rank[rank];
    constexpr double m = kRegisters;
    double sum = m * Tau(1 - with_rank[kRankMax] / m);
    for (size_t rank = kRankMax - 1; rank >= 1; --rank) sum = 0.5 * (sum + with_rank[rank]);
    sum += m * Sigma(with_rank[0] / m);
    return static_cast<uint64_t>(std::llround(m * m / (2 * std::log(2.0)) / sum));
  }

 private:
  static constexpr int kIndexBits = 14;
  static constexpr size_t kRegisters = size_t{1} << kIndexBits;
  static constexpr size_t kRankMax = 64 - kIndexBits + 1;

  static size_t IndexOf(uint64_t hash) noexcept { return hash >> (64 - kIndexBits); }
  static void Register(uint64_t hash, std::vector<uint8_t>* registers) noexcept {
    const auto rank =
        static_cast<uint8_t>(std::countl_zero(hash << kIndexBits | uint64_t{1} << (kIndexBits - 1)) + 1);
    uint8_t& of_index = (*registers)[IndexOf(hash)];
    if (rank > of_index) of_index = rank;
  }

  // What the registers of rank 0, and those of the highest rank, add: the series of the paper, to the last
  // bit. x < 1, for no more than all but one register can be empty here.
  static double Sigma(double x) {
    double sum = x;
    for (double before = -1, weight = 1; sum != before; weight += weight) {
      x *= x;
      before = sum;
      sum += x * weight;
    }
    return sum;
  }
  static double Tau(double x) {
    if (x == 0 || x == 1) return 0;
    double sum = 1 - x;
    for (double before = -1, weight = 0.5; sum != before; weight *= 0.5) {
      x = std::sqrt(x);
      before = sum;
      sum -= (1 - x) * (1 - x) * weight;
    }
    return sum / 3;
  }

  absl::flat_hash_set<uint64_t> exact_;
  std::vector<uint8_t> registers_;  // empty while counting exactly
  uint64_t pending_ = 0;            // then the last hash, which may not be in them yet
};

}  // namespace stockade
