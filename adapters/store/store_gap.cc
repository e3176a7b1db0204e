#include "adapters/store/store_gap.h"

#include <algorithm>
#include <utility>

#include "engine/text.h"

namespace stockade {

StoreGap::StoreGap() {
  entries_.push_back({AuditNote{.by = "stockade", .what = "gap"}});
}

void StoreGap::Take(StoreEntry entry) {
  if (std::holds_alternative<AuditNote>(entry.what)) {
    TakeNote(std::move(entry));
    return;
  }
  CountUnlisted(1, entry.time_ms, entry.time_ms);
  TakeRow(std::move(entry));
}

void StoreGap::TakeRow(StoreEntry entry) {
  entry.audited = false;
  const auto [row, added] = rows_.try_emplace(RowKey::Of(std::get<Change>(entry.what).decision), nullptr);
  if (added) {
    entries_.push_back(std::move(entry));
    row->second = &entries_.back();
  } else {
    *row->second = std::move(entry);
  }
}

void StoreGap::TakeNote(StoreEntry entry) {
  auto& note = std::get<AuditNote>(entry.what);
  if (entry.audited && notes_ < kNotesMax) {
    ++notes_;
    entries_.push_back(std::move(entry));
    return;
  }
  if (entry.audited) CountUnlisted(1, note.time_ms, note.time_ms);
  if (!note.enforcing) return;
  // Behind every note that is kept, so that the last word stands.
  entry.audited = false;
  if (enforcing_ == nullptr) {
    entries_.push_back(std::move(entry));
    enforcing_ = &entries_.back();
  } else {
    *enforcing_ = std::move(entry);
  }
}

void StoreGap::CountUnlisted(uint64_t count, int64_t first_ms, int64_t last_ms) {
  if (count == 0) return;
  first_ms_ = unlisted_ == 0 ? first_ms : std::min(first_ms_, first_ms);
  last_ms_ = unlisted_ == 0 ? last_ms : std::max(last_ms_, last_ms);
  unlisted_ += count;
  auto& note = std::get<AuditNote>(entries_.front().what);
  note.time_ms = last_ms_;
  note.text = Concat(unlisted_, " entries from ", FormatTimeMs(first_ms_), " to ", FormatTimeMs(last_ms_),
                     " are not listed one by one: more happened than could wait for the disk. The decisions "
                     "themselves are stored as they stand after them");
}

void StoreGap::Merge(StoreGap* later) {
  CountUnlisted(later->unlisted_, later->first_ms_, later->last_ms_);
  later->entries_.pop_front();
  for (StoreEntry& entry : later->entries_) {
    if (std::holds_alternative<AuditNote>(entry.what)) {
      TakeNote(std::move(entry));
    } else {
      TakeRow(std::move(entry));
    }
  }
}

std::vector<const StoreEntry*> StoreGap::Entries() const {
  std::vector<const StoreEntry*> entries;
  entries.reserve(entries_.size());
  // Nothing to say of a gap in which only notes came, all of them kept.
  for (const StoreEntry& entry : entries_)
    if (unlisted_ > 0 || &entry != &entries_.front()) entries.push_back(&entry);
  return entries;
}

}  // namespace stockade
