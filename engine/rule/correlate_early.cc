// Keys whose windows are unopened, and how they are opened (key_group.h).
//
// Why nobody can tell. What a row holds is every event that any window of its key would still hold, in the order it came, with
// all that was to be counted. As long as no limit of the group is reached no window can be met that matters; with the
// event that reaches one, or for which the row has no room, the row is counted in the windows as it would have been,
// rule by rule, and what follows from it within the group follows again. From then on the windows are given everything,
// until all they hold has run out. What is different is memory, and so what is given up where it is short. While
// somebody listens to every window (SetTracing) every key is opened that is met.
//
// Oracle: the same rules with tracing on, in tests/engine/rule/correlate_early_test.cc.
#include <algorithm>
#include <bit>

#include "engine/rule/correlate.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

void Correlator::PrepareGroups(std::span<const uint16_t> matched, Feeds* feeds) noexcept {
  std::array<uint32_t, kKeyGroupsMax> inputs{};
  uint32_t touched = 0;
  for (const uint16_t rule : matched) {
    for (const GroupShare& share : plans_.shares(rule)) {
      inputs[share.group] |= share.feeds;
      touched |= uint32_t{1} << share.group;
    }
  }
  feeds->groups_size = 0;
  for (; touched != 0; touched &= touched - 1) {
    const auto number = static_cast<uint32_t>(std::countr_zero(touched));
    const GroupPlan& group = plans_.groups()[number];
    if (feeds->sources_only && group.of_account) continue;
    GroupFeed& feed = feeds->groups[feeds->groups_size];
    if (!PartsOf(group, &feed.parts)) continue;
    feed.group = number;
    feed.feeds = inputs[number];
    feed.hint = kNoEntry;
    feed.window_hints.fill(kNoEntry);
    for (size_t i = 0; i < kEarlyTagsMax; ++i) {
      feed.tags[i] = 0;
      if ((group.needing[i] & feed.feeds) == 0) continue;
      if (const Hash128* const value = keys_.Find(group.value_slots[i]); value != nullptr) {
        feed.tags[i] = Fingerprint(*value);
      } else {
        feed.feeds &= ~group.needing[i];
      }
    }
    if (feed.feeds == 0) continue;
    table_->Prefetch(Salted(feed.parts, group.salt));
    ++feeds->groups_size;
  }
}

void Correlator::PrefetchWindows(Feeds* feeds) const noexcept {
  for (size_t i = 0; i < feeds->groups_size; ++i) {
    GroupFeed& feed = feeds->groups[i];
    const GroupPlan& group = plans_.groups()[feed.group];
    if (!table_->PrefetchRow(Salted(feed.parts, group.salt), feed.hint)) continue;
    uint32_t inputs = feed.feeds;
    for (size_t at = 0; at < GroupFeed::kHints && inputs != 0; ++at, inputs &= inputs - 1) {
      const uint32_t number = group.routes[static_cast<size_t>(std::countr_zero(inputs))];
      feed.window_hints[at] = table_->PrefetchBlock(Salted(feed.parts, plans_.route(number).salt));
    }
  }
}

void Correlator::AddInputs(const GroupPlan& group, const Hash128& parts, uint32_t feeds,
                           const std::array<uint32_t, kEarlyTagsMax>& tags, std::span<const uint32_t> hints,
                           FeedList* entries) const noexcept {
  for (size_t at = 0; feeds != 0 && entries->size() < kFeedsMax; ++at, feeds &= feeds - 1) {
    const uint32_t number = group.routes[static_cast<size_t>(std::countr_zero(feeds))];
    const FeedRoute& route = plans_.route(number);
    const uint32_t tag = route.tag == EarlyLimit::kEvents ? route.reference : tags[route.tag];
    const uint32_t hint = at < hints.size() ? hints[at] : kNoEntry;
    entries->Append() =
        Feed{route.correlation, route.reference, tag, 0, hint, number, Salted(parts, route.salt)};
  }
}

void Correlator::AddGroups(Feeds* feeds, int64_t time_ms) noexcept {
  bool in_order = feeds->entries.size() == 0;
  for (size_t i = 0; i < feeds->groups_size; ++i) {
    const GroupFeed& feed = feeds->groups[i];
    const GroupPlan& group = plans_.groups()[feed.group];
    const bool opens = tracing_ || time_ms < open_until_ms_[feed.group];
    const KeyedTable::EarlyState state =
        table_->AddEarly(group.window, Salted(feed.parts, group.salt), {time_ms, feed.feeds, feed.tags},
                         opens, feed.hint, &opened_);
    if (state == KeyedTable::EarlyState::kKept) continue;
    if (state == KeyedTable::EarlyState::kOpening) Replay(feed.group, feed.parts, opened_);
    if (feeds->entries.size() != 0) in_order = false;
    AddInputs(group, feed.parts, feed.feeds, feed.tags, feed.window_hints, &feeds->entries);
  }
  // As if there were no groups: by rule, then by correlation.
  if (!in_order)
    std::sort(feeds->entries.begin(), feeds->entries.end(),
              [](const Feed& a, const Feed& b) { return a.order < b.order; });
}

void Correlator::Replay(size_t group, const Hash128& parts, const EarlyEvents& events) noexcept {
  for (size_t i = 0; i < events.size; ++i) {
    const EarlyEvent& event = events.events[i];
    replayed_.clear();
    AddInputs(plans_.groups()[group], parts, event.feeds, event.tags, {}, &replayed_);
    Run run{event.time_ms};
    Enter(&replayed_, &run);
  }
}

void Correlator::OpenRows(int64_t newer_than_ms) noexcept {
  for (size_t group = 0; group < plans_.groups().size(); ++group) {
    const GroupPlan& plan = plans_.groups()[group];
    ForEachKey(plan.window, [&](uint32_t entry, const Hash128& key) {
      if (table_->OpenEarly(entry, newer_than_ms, &opened_)) Replay(group, Salted(key, plan.salt), opened_);
    });
  }
}

void Correlator::SetNow(int64_t now_ms) noexcept {
  // What comes now must not be taken for earlier than what never was: windows know how to tell (KeyedTable::SetNow).
  if (now_ms < table_->now_ms()) OpenRows(now_ms);
  table_->SetNow(now_ms);
}

absl::Status Correlator::MakeRoomForGroups(size_t count) {
  while (row_windows_.size() < count) {
    WindowConfig config;
    config.kind = WindowKind::kEarly;
    config.span_ms = kEarlySpanMsMax;
    config.limit = static_cast<int>(kEarlyEventsMax);
    ASSIGN_OR_RETURN(const uint16_t window, table_->AddWindow(config));
    row_windows_.push_back(window);
  }
  return absl::OkStatus();
}

void Correlator::PlaceGroups(bool anew) {
  if (anew) ++generation_;
  // Windows that stay know what no row says: until all that has run out, every key is opened that is met.
  if (anew) open_until_ms_.assign(plans_.groups().size(), kNeverMs);
  const int64_t now_ms = table_->now_ms();
  for (size_t unused = plans_.groups().size(); anew && unused < row_windows_.size(); ++unused)
    table_->SetEarlyPlan(row_windows_[unused], EarlyPlan());
  for (size_t group = 0; group < plans_.groups().size(); ++group) {
    const std::string salt = Concat("rows:", generation_, ":", group);
    plans_.SetGroupPlace(group, {row_windows_[group], window_places_.SaltOf(salt)});
    if (!anew) continue;
    const EarlyPlan& plan = plans_.early(group);
    if (now_ms != kNeverMs) open_until_ms_[group] = now_ms + plan.longest_ms + table_->lateness_ms();
    table_->SetEarlyPlan(row_windows_[group], plan);
  }
}

}  // namespace stockade
