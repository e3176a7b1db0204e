// Things in the order in which their time is over. Lazy: an entry that was prolonged or removed stays inside
// until it comes up, and its owner then says that it is stale; Compact throws such entries out when they
// become many.
//
// Of equal times the smaller token comes first, so that the order is the same on every machine. Push and Pop
// are O(log n). `Token` is a small value with operator<.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stockade {

template <typename Token>
class ExpiryQueue {
 public:
  struct Item {
    int64_t when_ms;
    Token token;
  };

  void Push(int64_t when_ms, const Token& token) {
    items_.push_back({when_ms, token});
    std::push_heap(items_.begin(), items_.end(), Later);
  }
  bool empty() const noexcept { return items_.empty(); }
  size_t size() const noexcept { return items_.size(); }
  // Only where !empty().
  const Item& top() const noexcept { return items_.front(); }
  // Gives the top another time; cheaper than Pop and Push.
  void Postpone(int64_t when_ms) noexcept {
    Item item = items_.front();
    item.when_ms = when_ms;
    size_t at = 0;
    for (size_t child = 1; child < items_.size(); child = 2 * at + 1) {
      if (child + 1 < items_.size() && Later(items_[child], items_[child + 1])) ++child;
      if (!Later(item, items_[child])) break;
      items_[at] = items_[child];
      at = child;
    }
    items_[at] = item;
  }
  void Pop() noexcept {
    std::pop_heap(items_.begin(), items_.end(), Later);
    items_.pop_back();
  }

  // Drops stale entries once they may outnumber the `live` ones; O(n), paid for by the pushes that made them.
  template <typename IsLive>
  void Compact(size_t live, IsLive&& is_live) {
    if (items_.size() < 2 * live + 64) return;
    items_.erase(
        std::remove_if(items_.begin(), items_.end(), [&](const Item& item) { return !is_live(item); }),
        items_.end());
    std::make_heap(items_.begin(), items_.end(), Later);
  }

 private:
  static bool Later(const Item& a, const Item& b) noexcept {
    return a.when_ms != b.when_ms ? a.when_ms > b.when_ms : b.token < a.token;
  }

  std::vector<Item> items_;
};

}  // namespace stockade
