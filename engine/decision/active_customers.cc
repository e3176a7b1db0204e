#include "engine/decision/active_customers.h"

#include <algorithm>

namespace stockade {
namespace {

constexpr int64_t kMsPerMinute = 60'000;

// Above it the level would shift everybody out.
constexpr unsigned kLevelMax = 40;

int64_t OverAt(int32_t minute) noexcept {
  return int64_t{minute} * kMsPerMinute + ActiveCustomers::kSpanMs;
}

}  // namespace

ActiveCustomers::ActiveCustomers(size_t customers_max)
    : customers_max_(std::max<size_t>(customers_max, 64)) {}

void ActiveCustomers::Uncount(uint32_t mark) {
  const auto found = counts_.find(mark);
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

void ActiveCustomers::Take(Customer* customer, uint32_t mark, int32_t minute) {
  if (mark == 0) return;
  Mark* oldest = customer->marks.data();
  for (Mark& one : customer->marks) {
    if (one.mark == mark) {
      one.minute = std::max(one.minute, minute);
      return;
    }
    if (one.minute < oldest->minute) oldest = &one;
  }
  if (oldest->minute >= minute) return;  // all that he has are newer
  if (oldest->mark != 0) Uncount(oldest->mark);
  *oldest = {mark, minute};
  ++counts_[mark];
}

void ActiveCustomers::Note(uint64_t account, uint32_t as_mark, uint32_t browser_mark, int64_t time_ms) {
  Forget(time_ms);
  if (!IsKept(account)) return;
  const auto minute = static_cast<int32_t>(time_ms / kMsPerMinute);
  if (OverAt(minute) <= newest_ms_) return;
  const auto [place, is_new] = customers_.try_emplace(account);
  Customer& customer = place->second;
  // A turn that comes too early finds nothing to forget and is put off; one that comes too late would keep what is over.
  if (is_new || minute < customer.turn_minute) {
    customer.turn_minute = minute;
    turns_.Push(OverAt(minute), account);
  }
  customer.minute = std::max(customer.minute, minute);
  Take(&customer, as_mark, minute);
  Take(&customer, browser_mark, minute);
  if (customers_.size() > customers_max_) MakeRoom();
  CompactTurns();
}

void ActiveCustomers::CompactTurns() {
  turns_.Compact(customers_.size(), [this](const auto& turn) {
    const auto found = customers_.find(turn.token);
    return found != customers_.end() && OverAt(found->second.turn_minute) == turn.when_ms;
  });
}

void ActiveCustomers::Forget(int64_t now_ms) {
  newest_ms_ = std::max(newest_ms_, now_ms);
  while (!turns_.empty() && turns_.top().when_ms <= newest_ms_) {
    const auto turn = turns_.top();
    turns_.Pop();
    const auto found = customers_.find(turn.token);
    if (found == customers_.end() || OverAt(found->second.turn_minute) != turn.when_ms) continue;  // stale
    Customer& customer = found->second;
    int32_t next = customer.minute;
    for (Mark& one : customer.marks) {
      if (one.mark == 0) continue;
      if (OverAt(one.minute) <= newest_ms_) {
        Uncount(one.mark);
        one = {};
      } else {
        next = std::min(next, one.minute);
      }
    }
    if (OverAt(customer.minute) <= newest_ms_) {
      customers_.erase(found);
    } else {
      customer.turn_minute = next;
      turns_.Push(OverAt(next), turn.token);
    }
  }
}

void ActiveCustomers::MakeRoom() {
  while (customers_.size() > customers_max_ && level_ < kLevelMax) {
    ++level_;
    for (auto at = customers_.begin(); at != customers_.end();) {
      if (IsKept(at->first)) {
        ++at;
        continue;
      }
      for (const Mark& one : at->second.marks)
        if (one.mark != 0) Uncount(one.mark);
      customers_.erase(at++);
    }
  }
  CompactTurns();
}

ActiveCustomers::Count ActiveCustomers::total(int64_t now_ms) {
  Forget(now_ms);
  return Scaled(customers_.size());
}

ActiveCustomers::Count ActiveCustomers::With(uint32_t mark, int64_t now_ms) {
  Forget(now_ms);
  const auto found = counts_.find(mark);
  return Scaled(found == counts_.end() ? 0 : found->second);
}

}  // namespace stockade
