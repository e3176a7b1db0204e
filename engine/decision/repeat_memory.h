// Who came back: how often a rule has decided on the same name before, so that the next decision can last
// longer.
//
// A name is remembered until `forget`, which lies after the end of its last decision by the rule's
// escalate.up-to. Only a decision made after the last one was over is a repeat: what goes on while one stands
// is the same episode.
//
// Bounded: at most `entries_max` names, ~120 bytes each; where it is full the one that would be forgotten
// soonest is. Times are event time in milliseconds. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/expiry_queue.h"
#include "engine/event/keyed_hash.h"

namespace stockade {

class RepeatMemory {
 public:
  explicit RepeatMemory(size_t entries_max) : entries_max_(entries_max) {}

  // How often the rule had decided on this name before, for a decision made now.
  int Repeats(const Hash128& name, int64_t now_ms) const noexcept;
  // A decision with so many repeats before it stands until `until_ms`.
  void Remember(const Hash128& name, int repeats, int64_t until_ms, int64_t forget_ms, int64_t now_ms);

  size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    int repeats = 0;
    int64_t until_ms = 0;
    int64_t forget_ms = 0;
  };

  bool IsLive(const ExpiryQueue<Hash128>::Item& item) const noexcept;

  size_t entries_max_;
  absl::flat_hash_map<Hash128, Entry> entries_;
  ExpiryQueue<Hash128> forgets_;
};

}  // namespace stockade
