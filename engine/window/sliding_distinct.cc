#include "engine/window/sliding_distinct.h"

#include <algorithm>

#include "engine/status.h"

namespace stockade {

int FindTag(const uint32_t* tags, int size, uint32_t tag) noexcept {
  int at = 0;
  // Eight at a time without a branch, which compilers turn into a few vector instructions; most tags are new.
  for (; at + 8 <= size; at += 8) {
    uint32_t hits = 0;
    for (int i = 0; i < 8; ++i) hits |= uint32_t{tags[at + i] == tag} << i;
    if (hits != 0) return at + __builtin_ctz(hits);
  }
  for (; at < size; ++at) {
    if (tags[at] == tag) return at;
  }
  return -1;
}

DistinctSample::DistinctSample(uint32_t span, uint32_t limit) : span_(span), limit_(limit), list_count_(1) {
  list_max_ = std::min(limit, kListMax);
  // Room for a tenth more than the limit: which list a value falls into is chance.
  while (list_count_ < kListsMax && double(kListMax) * double(1u << (list_count_ - 1)) < 1.1 * limit &&
         limit > kListMax) {
    ++list_count_;
  }
  entries_.reserve(kEntriesMin);
  index_.assign(2 * kEntriesMin, kNil);
  index_shift_ = 32 - 8;
  static_assert(2 * kEntriesMin == 1 << 8);
  static_assert(kListsMax * kListMax < kNil);
}

size_t DistinctSample::growth_bytes() const noexcept {
  if (free_ != kNil || entries_.size() < entries_.capacity()) return 0;
  return 2 * bytes();
}

size_t DistinctSample::bytes() const noexcept {
  return entries_.capacity() * sizeof(Entry) + index_.capacity() * sizeof(uint16_t);
}

int DistinctSample::ListOf(uint32_t tag) const noexcept {
  // Other bits than the index uses; a small tag is as good as a hashed one.
  uint32_t mixed = tag * 0x85EBCA6Bu;
  mixed = (mixed ^ (mixed >> 15)) * 0xC2B2AE35u;
  mixed ^= mixed >> 16;
  if (mixed == 0) return list_count_ - 1;
  return std::min(__builtin_ctz(mixed), list_count_ - 1);
}

size_t DistinctSample::FindSlot(uint32_t tag) const noexcept {
  const size_t mask = index_.size() - 1;
  size_t at = Home(tag);
  while (index_[at] != kNil && entries_[index_[at]].tag != tag) at = (at + 1) & mask;
  return at;
}

void DistinctSample::EraseSlot(uint32_t tag) noexcept {
  const size_t mask = index_.size() - 1;
  size_t hole = FindSlot(tag);
  for (size_t at = (hole + 1) & mask; index_[at] != kNil; at = (at + 1) & mask) {
    const size_t home = Home(entries_[index_[at]].tag);
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      index_[hole] = index_[at];
      hole = at;
    }
  }
  index_[hole] = kNil;
}

void DistinctSample::Unlink(List& list, uint16_t at) noexcept {
  const Entry& entry = entries_[at];
  (entry.older == kNil ? list.oldest : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNil ? list.newest : entries_[entry.newer].older) = entry.older;
  --list.size;
}

void DistinctSample::LinkByTime(List& list, uint16_t at, uint32_t now) noexcept {
  Entry& entry = entries_[at];
  const uint32_t age = now - entry.time;
  uint16_t older = list.newest;
  while (older != kNil && now - entries_[older].time < age) older = entries_[older].older;
  entry.older = older;
  entry.newer = older == kNil ? list.oldest : entries_[older].newer;
  (entry.older == kNil ? list.oldest : entries_[entry.older].newer) = at;
  (entry.newer == kNil ? list.newest : entries_[entry.newer].older) = at;
  ++list.size;
}

void DistinctSample::Drop(List& list, uint16_t at) noexcept {
  EraseSlot(entries_[at].tag);
  Unlink(list, at);
  entries_[at].newer = free_;
  free_ = at;
}

void DistinctSample::Lose(List& list, uint32_t now, uint32_t time) noexcept {
  if (!list.has_lost || now - time < now - list.lost_time) list.lost_time = time;
  list.has_lost = true;
}

void DistinctSample::Expire(uint32_t now) noexcept {
  for (int z = 0; z < list_count_; ++z) {
    List& list = lists_[z];
    while (list.oldest != kNil && now - entries_[list.oldest].time >= span_) Drop(list, list.oldest);
    if (list.has_lost && now - list.lost_time >= span_) list.has_lost = false;
  }
}

void DistinctSample::Add(uint32_t now, uint32_t time, uint32_t tag, bool may_grow) {
  Expire(now);
  List& list = lists_[ListOf(tag)];
  const uint16_t found = index_[FindSlot(tag)];
  if (found != kNil) {
    if (now - time >= now - entries_[found].time) return;
    Unlink(list, found);
    entries_[found].time = time;
    LinkByTime(list, found, now);
    return;
  }
  const bool has_room = free_ != kNil || entries_.size() < entries_.capacity() || may_grow;
  if (list.size >= list_max_ || !has_room) {
    // The oldest goes, which may be the new one itself. Without room or a list of its own nothing can be
    // kept.
    const uint16_t oldest = list.oldest;
    if (oldest == kNil || now - time > now - entries_[oldest].time) {
      Lose(list, now, time);
      return;
    }
    Lose(list, now, entries_[oldest].time);
    Drop(list, oldest);
  }
  uint16_t at = free_;
  if (at != kNil) {
    free_ = entries_[at].newer;
  } else {
    if (entries_.size() == entries_.capacity()) Grow();
    at = static_cast<uint16_t>(entries_.size());
    entries_.push_back(Entry{});
  }
  entries_[at] = Entry{tag, time, kNil, kNil};
  index_[FindSlot(tag)] = at;
  LinkByTime(list, at, now);
}

void DistinctSample::Grow() {
  const size_t capacity = entries_.capacity() * 2;
  entries_.reserve(capacity);
  index_ = std::vector<uint16_t>();
  index_.assign(2 * capacity, kNil);
  --index_shift_;
  // Growing happens only when no entry is free: all are in use.
  for (size_t at = 0; at < entries_.size(); ++at)
    index_[FindSlot(entries_[at].tag)] = static_cast<uint16_t>(at);
}

int DistinctSample::LevelInUse(uint32_t now) const noexcept {
  int level = list_count_;
  while (level > 0 && !(lists_[level - 1].has_lost && now - lists_[level - 1].lost_time < span_)) --level;
  return level;
}

uint32_t DistinctSample::Count(uint32_t now) const noexcept {
  const int level = LevelInUse(now);
  // Even the last list was full: beyond what was asked for.
  if (level == list_count_) return limit_;
  uint64_t sampled = 0;
  for (int z = level; z < list_count_; ++z) sampled += lists_[z].size;
  return static_cast<uint32_t>(std::min<uint64_t>(sampled << level, limit_));
}

uint32_t DistinctSample::oldest_age(uint32_t now) const noexcept {
  uint32_t age = 0;
  for (int z = 0; z < list_count_; ++z) {
    if (lists_[z].oldest != kNil) age = std::max(age, now - entries_[lists_[z].oldest].time);
  }
  return age;
}

}  // namespace stockade
