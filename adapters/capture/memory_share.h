// What all conversations of a capture may keep together: what is known of each, heads that came in pieces, bodies of logins,
// bytes that wait for their turn. Each takes before it keeps and gives back when it lets go. Where it is at its end, those that
// entered as able to give way do so: the least worth first, of one worth the one that stands there longest. So who begins many
// things and ends none loses his own. Who gets nothing even then gives up what it follows.
//
// One capture's; not thread-safe.
#pragma once

#include <array>
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
  // What it is worth to keep, the least first.
  enum class Worth : uint8_t {
    kBegun,     // nobody has answered it: anybody can begin one, under any address
    kAnswered,  // a connection whose sides both speak: logins to come, if it is a proxy's all of them
    kUnderWay,  // a login of whoever is at work: others go with their connections
  };
  struct Entry {
    MemoryHolder* holder = nullptr;
    uint64_t number = 0;  // the holder's own
    Worth worth = Worth::kBegun;
  };
  using Place = std::list<Entry>::iterator;

  // While it is there, what stands at `place` is at work and does not give way. One at a time.
  class AtWork {
   public:
    AtWork(MemoryShare* share, Place place) : share_(*share) {
      STOCKADE_CHECK(share_.at_work_ == nullptr);
      share_.at_work_ = &*place;
    }
    ~AtWork() { share_.at_work_ = nullptr; }
    AtWork(const AtWork&) = delete;
    AtWork& operator=(const AtWork&) = delete;

   private:
    MemoryShare& share_;
  };

  explicit MemoryShare(size_t bytes_max) : bytes_max_(bytes_max) {}

  Place Enter(MemoryHolder* holder, uint64_t number, Worth worth) {
    std::list<Entry>& entries = entries_[static_cast<size_t>(worth)];
    return entries.insert(entries.end(), Entry{holder, number, worth});
  }
  void Leave(Place place) { entries_[static_cast<size_t>(place->worth)].erase(place); }
  // To the end of those of `worth`.
  void Move(Place place, Worth worth) {
    std::list<Entry>& to = entries_[static_cast<size_t>(worth)];
    to.splice(to.end(), entries_[static_cast<size_t>(place->worth)], place);
    place->worth = worth;
  }

  // Any that entered may have given way when it returns, the caller too, unless it is at work.
  [[nodiscard]] bool Take(size_t bytes) {
    while (bytes > bytes_max_ - taken_) {
      const Entry* const first = FindFirst();
      if (first == nullptr) return false;
      first->holder->GiveWay(first->number);
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
  const Entry* FindFirst() const noexcept {
    for (const std::list<Entry>& entries : entries_)
      for (const Entry& entry : entries)
        if (&entry != at_work_) return &entry;
    return nullptr;
  }

  const size_t bytes_max_;
  size_t taken_ = 0;
  const Entry* at_work_ = nullptr;
  std::array<std::list<Entry>, 3> entries_;
};

}  // namespace stockade
