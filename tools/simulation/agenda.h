// What is due when, in order of time; of equal times the one that was put in first. O(log n) a step.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

namespace stockade {

class Agenda {
 public:
  enum class What : uint8_t { kVisit, kCampaign };
  struct Due {
    int64_t time_ms = 0;
    uint64_t order = 0;
    What what = What::kVisit;
    uint32_t which = 0;
  };

  void Add(int64_t time_ms, What what, uint32_t which) { due_.push({time_ms, ++order_, what, which}); }
  bool empty() const { return due_.empty(); }
  const Due& next() const { return due_.top(); }
  Due Take() {
    const Due taken = due_.top();
    due_.pop();
    return taken;
  }

 private:
  struct Later {
    bool operator()(const Due& a, const Due& b) const noexcept {
      return a.time_ms != b.time_ms ? a.time_ms > b.time_ms : a.order > b.order;
    }
  };
  std::priority_queue<Due, std::vector<Due>, Later> due_;
  uint64_t order_ = 0;
};

}  // namespace stockade
