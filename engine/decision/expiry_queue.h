// Things in the order in which their time is over. Lazy: an entry that was prolonged or removed stays inside
// until it comes up, and its owner then says that it is stale; Compact throws such entries out when they
// become many.
//
// Of equal times the smaller token comes first, so that the order is the same on every machine. What is pushed behind all that
// wait already, as nearly everything is that lasts for one span from its own event on, waits in a row: O(1). The rest waits in a
// heap: Push and Pop are O(log n) of those. `Token` is a small value with operator<.
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
    const Item item{when_ms, token};
    if (row_begin_ == row_.size() || !Later(row_.back(), item)) {
      row_.push_back(item);
      return;
    }
    heap_.push_back(item);
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  bool empty() const noexcept { return size() == 0; }
  size_t size() const noexcept { return row_.size() - row_begin_ + heap_.size(); }
  // Only where !empty().
  const Item& top() const noexcept { return IsNextInRow() ? row_[row_begin_] : heap_.front(); }
  // What waits in the row so many behind its first, to be brought closer; null: nothing does.
  const Item* Following(size_t n) const noexcept {
    return n < row_.size() - row_begin_ ? &row_[row_begin_ + n] : nullptr;
  }
  void Pop() noexcept {
    if (IsNextInRow()) {
      ++row_begin_;
      // What has left takes no more room than what waits: moved together once for each that left.
      if (row_begin_ * 2 >= row_.size()) CloseUp();
      return;
    }
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    heap_.pop_back();
  }

  // Drops stale entries once they may outnumber the `live` ones; O(n), paid for by the pushes that made them.
  template <typename IsLive>
  void Compact(size_t live, IsLive&& is_live) {
    if (size() < 2 * live + 64) return;
    const auto is_stale = [&](const Item& item) { return !is_live(item); };
    CloseUp();
    row_.erase(std::remove_if(row_.begin(), row_.end(), is_stale), row_.end());
    heap_.erase(std::remove_if(heap_.begin(), heap_.end(), is_stale), heap_.end());
    std::make_heap(heap_.begin(), heap_.end(), Later);
  }

 private:
  static bool Later(const Item& a, const Item& b) noexcept {
    return a.when_ms != b.when_ms ? a.when_ms > b.when_ms : b.token < a.token;
  }
  bool IsNextInRow() const noexcept {
    return row_begin_ < row_.size() && (heap_.empty() || !Later(row_[row_begin_], heap_.front()));
  }
  void CloseUp() noexcept {
    row_.erase(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(row_begin_));
    row_begin_ = 0;
  }

  std::vector<Item> row_;  // in order, from row_begin_ on
  size_t row_begin_ = 0;
  std::vector<Item> heap_;
};

}  // namespace stockade
