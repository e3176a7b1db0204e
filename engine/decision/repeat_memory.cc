#include "engine/decision/repeat_memory.h"

#include <algorithm>
#include <limits>

namespace stockade {

int RepeatMemory::Repeats(const Hash128& name, int64_t now_ms) const noexcept {
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.forget_ms <= now_ms) return 0;
  const Entry& entry = found->second;
  if (now_ms < entry.until_ms || entry.repeats == std::numeric_limits<int>::max()) return entry.repeats;
  return entry.repeats + 1;
}

bool RepeatMemory::IsLive(const ExpiryQueue<Hash128>::Item& item) const noexcept {
  const auto found = entries_.find(item.token);
  return found != entries_.end() && found->second.forget_ms == item.when_ms;
}

void RepeatMemory::Remember(const Hash128& name, int repeats, int64_t until_ms, int64_t forget_ms,
                            int64_t now_ms) {
  if (entries_max_ == 0 || forget_ms <= now_ms) return;
  const auto [place, is_new] = entries_.try_emplace(name);
  Entry& entry = place->second;
  // A late alert must not shorten what is known.
  // Of an episode that several decisions were made in, as a store tells them, the largest count holds.
  const bool is_known = !is_new && entry.forget_ms > now_ms;
  const Entry next{is_known ? std::max(entry.repeats, repeats) : repeats, std::max(entry.until_ms, until_ms),
                   std::max(entry.forget_ms, forget_ms)};
  const bool moved = is_new || next.forget_ms != entry.forget_ms;
  entry = next;
  if (moved) forgets_.Push(next.forget_ms, name);
  while (!forgets_.empty() && (forgets_.top().when_ms <= now_ms || entries_.size() > entries_max_)) {
    const auto item = forgets_.top();
    forgets_.Pop();
    if (IsLive(item)) entries_.erase(item.token);
  }
  forgets_.Compact(entries_.size(), [this](const auto& item) { return IsLive(item); });
}

}  // namespace stockade
