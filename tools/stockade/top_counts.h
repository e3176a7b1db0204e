// The keys counted most often, in bounded memory, for the top lists of a report.
//
// Misra and Gries 1982, in batches: when more than kKeysMax keys are held, all counts are lowered by the
// median and those at zero forgotten. A count is therefore a lower bound ("at least"), never too high, and
// too low by at most missed(), which is at most all increments / (kKeysMax / 2). A key counted more often
// than missed() is never forgotten. O(1) amortised. For summaries only; a flood of keys costs the floor of
// the list, not memory. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace stockade {

template <typename Key>
class TopCounts {
 public:
  static constexpr size_t kKeysMax = size_t{1} << 14;

  void Add(const Key& key) {
    ++counts_[key];
    if (counts_.size() > kKeysMax) Shrink();
  }

  // How much any count may be too low. 0: all are exact.
  uint64_t missed() const noexcept { return missed_; }

  // The `limit` largest, largest first, of equal ones the smaller key first.
  std::vector<std::pair<Key, uint64_t>> Top(size_t limit) const {
    std::vector<std::pair<Key, uint64_t>> all(counts_.begin(), counts_.end());
    limit = std::min(limit, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(limit), all.end(),
                      [](const auto& a, const auto& b) {
                        return a.second != b.second ? a.second > b.second : a.first < b.first;
                      });
    all.resize(limit);
    return all;
  }

 private:
  void Shrink() {
    std::vector<uint64_t> values;
    values.reserve(counts_.size());
    for (const auto& entry : counts_) values.push_back(entry.second);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    const uint64_t median = *middle;
    missed_ += median;
    for (auto entry = counts_.begin(); entry != counts_.end();) {
      if (entry->second <= median) {
        counts_.erase(entry++);
      } else {
        entry->second -= median;
        ++entry;
      }
    }
  }

  absl::flat_hash_map<Key, uint64_t> counts_;
  uint64_t missed_ = 0;
};

}  // namespace stockade
