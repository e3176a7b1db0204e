#include "engine/decision/ledger.h"

#include <algorithm>
#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A short string lies in its object; a longer one costs its bytes and what malloc adds.
size_t HeapBytes(const std::string& text) noexcept {
  return text.size() < 16 ? 0 : text.size() + 17;
}

size_t HeapBytes(const Decision& d) noexcept {
  size_t bytes = HeapBytes(d.id) + HeapBytes(d.value) + HeapBytes(d.rule) + HeapBytes(d.reason) +
                 HeapBytes(d.campaign) + HeapBytes(d.evidence.via) + HeapBytes(d.evidence.title) +
                 HeapBytes(d.evidence.condition) + HeapBytes(d.evidence.counted_field) +
                 HeapBytes(d.evidence.detector) + HeapBytes(d.evidence.setting);
  for (const auto& [field, value] : d.evidence.group)
    bytes += sizeof(std::pair<std::string, std::string>) + HeapBytes(field) + HeapBytes(value);
  return bytes;
}

uint32_t Severity(const Decision& decision) noexcept {
  switch (decision.action) {
    case Action::kBlock:
    case Action::kLock:
      return 3;
    case Action::kChallenge:
      return decision.challenge_kind == ChallengeKind::kIdentity ? 2 : 1;
    case Action::kThrottle:
      return 0;
  }
  return 0;
}

// In one number: carried out before shadow, then by severity, then all lanes before one.
uint32_t Strictness(const Decision& decision) noexcept {
  return (decision.shadow ? 0u : 16u) + 2 * Severity(decision) + (decision.all_lanes ? 1u : 0u);
}

bool SameAction(const Decision& a, const Decision& b) noexcept {
  return a.action == b.action && a.shadow == b.shadow &&
         (a.action != Action::kChallenge || a.challenge_kind == b.challenge_kind) &&
         (a.action != Action::kLock || a.all_lanes == b.all_lanes);
}

}  // namespace

Ledger::Ledger(const LedgerOptions& options)
    : options_(options), index_(options.hash_key), lifted_(options.hash_key) {}

uint32_t Ledger::FindSame(const Decision& decision) const noexcept {
  for (uint32_t slot = index_.Find(decision); slot != kNone; slot = hot_[slot].next)
    if (SameAction(slots_[slot].decision, decision)) return slot;
  return kNone;
}

std::optional<Prefix> Ledger::RungAbove(const Decision& decision) noexcept {
  if (decision.action != Action::kBlock || decision.shadow) return std::nullopt;
  if (!NamesAddresses(decision.scope) || !decision.prefix.address.is_v6()) return std::nullopt;
  for (size_t i = 0; i + 1 < kLadderV6.size(); ++i)
    if (kLadderV6[i] == decision.prefix.length)
      return Prefix::Around(decision.prefix.address, kLadderV6[i + 1]);
  return std::nullopt;
}

size_t Ledger::BlocksWithin(const Prefix& rung, int64_t now_ms) const noexcept {
  const auto found = children_.find(rung);
  if (found == children_.end()) return 0;
  return static_cast<size_t>(std::count_if(found->second.begin(), found->second.end(),
                                           [&](uint32_t slot) { return hot_[slot].until_ms > now_ms; }));
}

bool Ledger::IsCoveredAround(const Decision& decision) const noexcept {
  if (!NamesAddresses(decision.scope)) return false;
  bool covered = false;
  index_.prefixes().VisitCovering(decision.prefix.address, [&](const PrefixMap::Match& match) noexcept {
    if (match.prefix.length >= decision.prefix.length) return;
    for (uint32_t slot = match.value; slot != kNone && !covered; slot = hot_[slot].next)
      covered = hot_[slot].until_ms >= decision.until_ms && SameAction(slots_[slot].decision, decision);
  });
  return covered;
}

Proposal Ledger::Propose(const Decision& decision, std::string_view by, std::string_view why) {
  if (decision.until_ms <= decision.time_ms || decision.until_ms <= now_ms_) {
    ++refused_;
    return Proposal::kRefused;
  }
  if (const uint32_t same = FindSame(decision); same != kNone) {
    Slot& slot = slots_[same];
    if (slot.decision.until_ms >= decision.until_ms) return Proposal::kCovered;
    // Whatever was ours once stays ours.
    slot.imported = slot.imported && IsImported(decision);
    Fill(same, decision);
    Queue(same);
    Note(ChangeKind::kExtended, decision, by, why);
    return Proposal::kExtended;
  }
  if (IsCoveredAround(decision)) return Proposal::kCovered;

  if (!MakeRoom(kSlotBytes + HeapBytes(decision), decision)) {
    ++refused_;
    ++turned_away_;
    lifted_.Note(decision);
    return Proposal::kRefused;
  }
  const uint32_t head = index_.Find(decision);
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
    hot_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  if (!index_.Set(decision, index)) {
    free_.push_back(index);
    ++refused_;
    return Proposal::kRefused;
  }
  slots_[index].sequence = next_sequence_++;
  slots_[index].full_at_ms = INT64_MIN;
  slots_[index].imported = IsImported(decision);
  hot_[index].next = head;
  Fill(index, decision);
  ++live_;
  Queue(index);
  if (const std::optional<Prefix> rung = RungAbove(decision)) {
    std::vector<uint32_t>& children = children_[*rung];
    if (children.size() < kChildrenMax) children.push_back(index);
  }
  Note(ChangeKind::kAdded, decision, by, why);
  return Proposal::kAdded;
}

void Ledger::Fill(uint32_t index, const Decision& decision) {
  Slot& slot = slots_[index];
  slot.decision = decision;
  const size_t bytes = kSlotBytes + HeapBytes(slot.decision);
  bytes_ += bytes - slot.bytes;
  slot.bytes = bytes;
  hot_[index].until_ms = decision.until_ms;
  hot_[index].strictness = Strictness(decision);
}

void Ledger::Queue(uint32_t index) {
  const Slot& slot = slots_[index];
  ExpiryQueue<Due>& expiries = slot.imported ? imported_expiries_ : expiries_;
  expiries.Push(slot.decision.until_ms, {slot.sequence, index});
  quiet_until_ms_ = std::min(quiet_until_ms_, slot.decision.until_ms);
  expiries.Compact(live_, [this](const auto& item) { return IsLive(item); });
}

void Ledger::DropStale() noexcept {
  for (ExpiryQueue<Due>* expiries : {&imported_expiries_, &expiries_})
    while (!expiries->empty() && !IsLive(expiries->top())) expiries->Pop();
}

bool Ledger::MakeRoom(size_t bytes, const Decision& newcomer) {
  const bool imported = IsImported(newcomer);
  while (bytes_ + bytes > options_.bytes_max) {
    DropStale();
    ExpiryQueue<Due>& expiries = imported || !imported_expiries_.empty() ? imported_expiries_ : expiries_;
    if (expiries.empty()) return false;
    const bool is_lesser = !imported && &expiries == &imported_expiries_;
    if (!is_lesser && expiries.top().when_ms > newcomer.until_ms) return false;
    const uint32_t slot = expiries.top().token.slot;
    expiries.Pop();
    Erase(slot, ChangeKind::kRemoved, "memory",
          is_lesser ? "the ledger is full, and what others decided gives way"
                    : "the ledger is full, and this would have been over soonest");
    ++evicted_;
  }
  return true;
}

void Ledger::Erase(uint32_t index, ChangeKind kind, std::string_view by, std::string_view why) {
  Slot& slot = slots_[index];
  if (const std::optional<Prefix> rung = RungAbove(slot.decision)) {
    const auto found = children_.find(*rung);
    if (found != children_.end() && std::erase(found->second, index) > 0 && found->second.empty())
      children_.erase(found);
  }
  if (kind == ChangeKind::kRemoved) lifted_.Note(slot.decision);
  const uint32_t head = index_.Find(slot.decision);
  if (head == index) {
    index_.Set(slot.decision, hot_[index].next);
  } else {
    uint32_t before = head;
    while (hot_[before].next != index) before = hot_[before].next;
    hot_[before].next = hot_[index].next;
  }
  Note(kind, slot.decision, by, why);
  bytes_ -= slot.bytes;
  --live_;
  slot = Slot{};
  hot_[index] = Hot{};
  free_.push_back(index);
}

void Ledger::ThrowOut(int64_t now_ms) {
  for (;;) {
    DropStale();
    // Of both queues the one that is over first; of equal times the older.
    const auto key = [](const ExpiryQueue<Due>& expiries) {
      return expiries.empty() ? std::pair(INT64_MAX, UINT64_MAX)
                              : std::pair(expiries.top().when_ms, expiries.top().token.sequence);
    };
    ExpiryQueue<Due>& first = key(imported_expiries_) < key(expiries_) ? imported_expiries_ : expiries_;
    if (first.empty() || first.top().when_ms > now_ms) {
      // What is stale when it comes up lies before nothing that is not.
      quiet_until_ms_ = first.empty() ? INT64_MAX : first.top().when_ms;
      return;
    }
    const uint32_t slot = first.top().token.slot;
    first.Pop();
    Erase(slot, ChangeKind::kExpired);
  }
}

bool Ledger::Beats(uint32_t a, uint32_t b) const noexcept {
  if (hot_[a].strictness != hot_[b].strictness) return hot_[a].strictness > hot_[b].strictness;
  if (hot_[a].until_ms != hot_[b].until_ms) return hot_[a].until_ms > hot_[b].until_ms;
  return slots_[a].sequence < slots_[b].sequence;
}

void Ledger::Consider(uint32_t head, int64_t now_ms, uint32_t* best) const noexcept {
  for (uint32_t slot = head; slot != kNone; slot = hot_[slot].next) {
    if (hot_[slot].until_ms <= now_ms) continue;
    if (*best == kNone || Beats(slot, *best)) *best = slot;
  }
}

InForce Ledger::Find(const Attempt& attempt, int64_t now_ms, const Hash128* fingerprint) const noexcept {
  InForce in_force;
  in_force.allowlisted = !allowlist_.empty() && allowlist_.Holds(attempt);
  if (live_ == 0) return in_force;
  // The table of addresses is the one too large for any cache: its misses wait while the names are hashed.
  Prefetch(attempt);
  uint32_t source = kNone;
  index_.VisitSource(attempt, fingerprint, [&](uint32_t head) noexcept { Consider(head, now_ms, &source); });
  if (source != kNone) in_force.source = &slots_[source].decision;
  uint32_t account = kNone;
  Consider(index_.FindAccount(attempt), now_ms, &account);
  if (account != kNone) in_force.account = &slots_[account].decision;
  return in_force;
}

bool Ledger::HasToken(const Decision& decision, int64_t now_ms) const noexcept {
  if (decision.action != Action::kThrottle) return true;
  const uint32_t index = FindSame(decision);
  if (index == kNone) return true;
  return std::max(slots_[index].full_at_ms, now_ms) - now_ms <= (kThrottleBurst - 1) * kThrottleIntervalMs;
}

bool Ledger::TakeToken(const Decision& decision, int64_t now_ms) noexcept {
  if (!HasToken(decision, now_ms)) return false;
  const uint32_t index = decision.action == Action::kThrottle ? FindSame(decision) : kNone;
  if (index == kNone) return true;
  // The bucket as one number, the time at which it is full again (GCRA, ITU-T I.371): a token is one interval
  // of it.
  Slot& slot = slots_[index];
  const int64_t full_at_ms = std::max(slot.full_at_ms, now_ms);
  slot.full_at_ms = full_at_ms + kThrottleIntervalMs;
  return true;
}

bool Ledger::Remove(const Decision& decision, std::string_view by, std::string_view why) {
  const uint32_t slot = FindSame(decision);
  if (slot == kNone || slots_[slot].decision.id != decision.id) return false;
  Erase(slot, ChangeKind::kRemoved, by, why);
  return true;
}

size_t Ledger::Release(Scope scope, std::string_view value) {
  Decision target;
  target.scope = scope;
  target.value = std::string(value);
  if (NamesAddresses(scope)) {
    const auto prefix = Prefix::Parse(value);
    if (!prefix) return 0;
    target.prefix = *prefix;
  }
  size_t removed = 0;
  for (uint32_t head = index_.Find(target); head != kNone; head = index_.Find(target), ++removed)
    Erase(head, ChangeKind::kRemoved);
  return removed;
}

template <typename Wanted>
std::vector<const Decision*> Ledger::Select(int64_t now_ms, Wanted&& wanted) const {
  std::vector<const Slot*> selected;
  for (const Slot& slot : slots_)
    if (slot.sequence != 0 && slot.decision.until_ms > now_ms && wanted(slot.decision))
      selected.push_back(&slot);
  std::sort(selected.begin(), selected.end(), [](const Slot* a, const Slot* b) {
    return a->decision.until_ms != b->decision.until_ms ? a->decision.until_ms < b->decision.until_ms
                                                        : a->sequence < b->sequence;
  });
  std::vector<const Decision*> decisions;
  decisions.reserve(selected.size());
  for (const Slot* slot : selected) decisions.push_back(&slot->decision);
  return decisions;
}

void Ledger::SetAllowlist(Allowlist allowlist) {
  allowlist_ = std::move(allowlist);
  if (allowlist_.empty()) return;
  std::vector<Decision> eased;
  for (const Decision* decision :
       Select(now_ms_, [this](const Decision& decision) { return MustEase(decision); }))
    eased.push_back(*decision);
  for (const Decision& decision : eased) EaseAllowlisted(decision);
}

bool Ledger::MustEase(const Decision& decision) const noexcept {
  return Stops(decision) && allowlist_.Touches(decision.scope, decision.prefix, decision.value);
}

void Ledger::EaseAllowlisted(const Decision& decision) {
  if (!MustEase(decision)) return;
  Decision eased = decision;
  constexpr std::string_view kBy = "allowlist";
  if (!Remove(decision, kBy, "somebody vouches for it now")) return;
  TurnIntoChallenge(&eased);
  Append(&eased.reason, "; allowlisted since: challenged, not stopped");
  Propose(eased, kBy);
}

std::vector<const Decision*> Ledger::Standing(int64_t now_ms) const {
  return Select(now_ms, [](const Decision&) { return true; });
}

void Ledger::Note(ChangeKind kind, const Decision& decision, std::string_view by, std::string_view why) {
  if (options_.changes_max == 0) return;
  const uint64_t sequence = next_change_++;
  if (changes_.size() >= options_.changes_max) {
    changes_.clear();
    changes_lost_ = true;
  }
  if (!changes_lost_) changes_.push_back({sequence, kind, decision, std::string(by), std::string(why)});
}

bool Ledger::DrainChanges(std::vector<Change>* out) {
  std::move(changes_.begin(), changes_.end(), std::back_inserter(*out));
  changes_.clear();
  return !std::exchange(changes_lost_, false);
}

}  // namespace stockade
