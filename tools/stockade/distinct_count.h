// How many different values a report has seen, in memory that does not grow with them: exact up to kExactMax
// values, above that HyperLogLog (Flajolet et al. 2007) with 2^14 registers, standard error 0.81 %.
//
// For summaries only; what decides counts in engine/window. Fed with 64-bit hashes that look random. At most
// about 1 MiB. Deterministic: the same values in any order give the same count.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace stockade {

class DistinctCount {
 public:
  // 65,536 accounts are more than a person reads one by one, and half a megabyte.
  static constexpr size_t kExactMax = size_t{1} << 16;

  void Add(uint64_t hash) {
    if (registers_.empty()) {
      if (!exact_.insert(hash).second || exact_.size() <= kExactMax) return;
      registers_.resize(kRegisters);
      for (const uint64_t each : exact_) Register(each);
      exact_ = {};
      return;
    }
    Register(hash);
  }

  bool exact() const noexcept { return registers_.empty(); }
  uint64_t count() const {
    if (exact()) return exact_.size();
    double sum = 0;
    for (const uint8_t rank : registers_) sum += std::ldexp(1.0, -rank);
    // 64-bit hashes need no correction for large counts, and kExactMax lies beyond the range of the small
    // one.
    const double m = kRegisters;
    return static_cast<uint64_t>(std::llround(0.7213 / (1 + 1.079 / m) * m * m / sum));
  }

 private:
  static constexpr int kIndexBits = 14;
  static constexpr size_t kRegisters = size_t{1} << kIndexBits;

  void Register(uint64_t hash) {
    const size_t index = hash >> (64 - kIndexBits);
    const auto rank =
        static_cast<uint8_t>(std::countl_zero(hash << kIndexBits | uint64_t{1} << (kIndexBits - 1)) + 1);
    if (rank > registers_[index]) registers_[index] = rank;
  }

  absl::flat_hash_set<uint64_t> exact_;
  std::vector<uint8_t> registers_;  // empty while counting exactly
};

}  // namespace stockade
