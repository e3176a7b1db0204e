// What all conversations of a capture may keep together: heads that came in pieces, bodies of logins, bytes that wait for
// their turn. Each takes before it keeps and gives back when it lets go. Where it is at its end, those that entered as able to
// give way do so, the oldest first: who begins many things and ends none loses his own. Who gets nothing even then gives up
// what it follows.
//
// One capture's; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "engine/status.h"

namespace stockade {

// Keeps what others may have room for. Outlives what it entered.
class MemoryHolder {
 public:
  // Gives back what it took for `number`, and leaves.
  virtual void GiveWay(uint64_t number) = 0;

 protected:
  ~MemoryHolder() = default;
};

class MemoryShare {
 public:
  struct Entry {
    MemoryHolder* holder = nullptr;
    uint64_t number = 0;  // the holder's own
  };
  using Place = std::list<Entry>::iterator;

  explicit MemoryShare(size_t bytes_max) : bytes_max_(bytes_max) {}

  Place Enter(MemoryHolder* holder, uint64_t number) {
    return entries_.insert(entries_.end(), Entry{holder, number});
  }
  void Leave(Place place) { entries_.erase(place); }

  // Any that entered may have given way when it returns, the caller too.
  [[nodiscard]] bool Take(size_t bytes) {
    while (bytes > bytes_max_ - taken_) {
      if (entries_.empty()) return false;
      const Entry oldest = entries_.front();
      oldest.holder->GiveWay(oldest.number);
    }
    taken_ += bytes;
    return true;
  }
  void Give(size_t bytes) noexcept {
    STOCKADE_CHECK(bytes <= taken_);
    taken_ -= bytes;
  }
  size_t taken() const noexcept { return taken_; }

 private:
  const size_t bytes_max_;
  size_t taken_ = 0;
  std::list<Entry> entries_;  // the oldest in front
};

}  // namespace stockade
