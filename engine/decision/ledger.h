// The decisions in force: who may not pass now, until when, and because of what.
//
//   policy ──► Propose ──►  ledger  ──► Find, before every password check
//                             │
//                             └──► DrainChanges, for firewalls, in order
//
// Time: event time in milliseconds, handed in. A decision acts for every now < until; Find never returns one
// that is over, whether or not Advance has thrown it out yet. Advance reports expiries in the order of
// (until, age).
//
// Merging: of decisions with the same scope, value and action (challenge kind, lanes and shadow are part of
// the action) the one that lasts longest stands, whole: its id, rule and evidence with it. Different actions
// on one target stand beside each other, and the strictest acts. A newcomer inside a network on which the same action
// stands as long is covered by it; those that stood inside before go their own way.
//
// Memory: at most `bytes_max`, about 800 bytes a decision. Where it is full the decision that would be over
// soonest gives way, or the newcomer if that is the one; both are counted. What others decided (IsImported)
// gives way before what rules and people here decided, and never the other way round.
//
// Lifting: whatever is taken out before its time, or refused for want of room, is noted (lifted_targets.h), so
// that the rule behind it speaks again.
//
// Cost: Find is one hash look-up for each kind of name that any decision has (target_index.h): with a million
// decisions on addresses ~60 ns after Prefetch, ~180 ns without.
// noexcept, allocates nothing. Propose and Advance allocate; they run when something changes. Not
// thread-safe. Oracle: a plain list, in tests/engine/decision/ledger_test.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/allowlist.h"
#include "engine/decision/change.h"
#include "engine/decision/decision.h"
#include "engine/decision/easing.h"
#include "engine/decision/expiry_queue.h"
#include "engine/decision/lifted_targets.h"
#include "engine/decision/target_index.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"

namespace stockade {

struct LedgerOptions {
  HashKey hash_key;                      // the one that policy hashes fingerprints with
  size_t bytes_max = size_t{256} << 20;  // a third of a million decisions
  size_t changes_max = 0;                // changes kept for DrainChanges; 0: nobody drains
};

// What stands against an attempt. Pointers live until the next call of Propose, Advance, Remove, Release or
// SetAllowlist.
struct InForce {
  const Decision* source = nullptr;   // the strictest of those on its address, networks, ASN and fingerprint
  const Decision* account = nullptr;  // the strictest of those on its account
  bool allowlisted = false;           // neither may do more than challenge: see ActionOn
};

// What a decision does to an attempt that is, or is not, on the allowlist.
inline Action ActionOn(const Decision& decision, bool allowlisted) noexcept {
  return allowlisted && Stops(decision) ? Action::kChallenge : decision.action;
}

class Ledger {
 public:
  // Throttling: a throttled target has kThrottleBurst attempts at once and one more every
  // kThrottleIntervalMs.
  static constexpr int64_t kThrottleIntervalMs = 10'000;
  static constexpr int64_t kThrottleBurst = 5;

  explicit Ledger(const LedgerOptions& options);

  // `by`, `why`: whose doing it is, where it is not the rule's (change.h).
  Proposal Propose(const Decision& decision, std::string_view by = {}, std::string_view why = {});
  // Event time has come to `now_ms`: throws out what is over. Time never goes back; an older `now_ms` changes
  // nothing.
  void Advance(int64_t now_ms) {
    if (now_ms <= now_ms_) return;
    now_ms_ = now_ms;
    if (now_ms >= quiet_until_ms_) [[unlikely]]
      ThrowOut(now_ms);
  }

  // Brings closer what Find of this attempt will read. Optional; worth it a few attempts ahead.
  void Prefetch(const Attempt& attempt) const noexcept { index_.Prefetch(attempt); }
  // Where several stand, one that is carried out goes before a shadow, then block and lock before challenge
  // for identity before challenge for a human before throttle, then the one that lasts longer, then the
  // older. `fingerprint`: FingerprintHash of the attempt under LedgerOptions::hash_key, where the caller has it already.
  InForce Find(const Attempt& attempt, int64_t now_ms, const Hash128* fingerprint = nullptr) const noexcept;

  // Takes one token of a throttling decision's bucket: true if the attempt may pass. Deterministic in event
  // time; an attempt older than the newest one counted is judged as if it came with that one. True for a
  // decision that does not stand or does not throttle.
  bool TakeToken(const Decision& decision, int64_t now_ms) noexcept;
  // Whether TakeToken would let an attempt pass; takes nothing.
  bool HasToken(const Decision& decision, int64_t now_ms) const noexcept;

  // By hand: takes out the decision that does what this one does to whom it names. False if none of that id stands there.
  bool Remove(const Decision& decision, std::string_view by, std::string_view why);
  // Lets a target go: removes every decision on exactly this scope and value, and says how many.
  size_t Release(Scope scope, std::string_view value);

  // How many of those that act at `now_ms` and are no shadows block an address or network one rung below this one: for
  // IPv6, where a host has many. Counted for the rungs of the ladder only; O(of them).
  size_t BlocksWithin(const Prefix& rung, int64_t now_ms) const noexcept;

  // What stands and touches the allowlist is removed and comes back as a challenge: for one that was put in as it was.
  void EaseAllowlisted(const Decision& decision);

  // Replaces the allowlist. Look-ups follow it at once; standing blocks and locks that touch it are removed
  // and come back as challenges, so that a firewall lets go as well.
  void SetAllowlist(Allowlist allowlist);
  const Allowlist& allowlist() const noexcept { return allowlist_; }
  bool has_changes() const noexcept { return !changes_.empty(); }

  // All that act at `now_ms`, soonest expiry first.
  std::vector<const Decision*> Standing(int64_t now_ms) const;

  // Appends what changed since the last call, in order. False if more than changes_max happened in between:
  // then some are gone (all of them, not just the oldest), and the caller goes by Standing instead.
  bool DrainChanges(std::vector<Change>* out);

  size_t size() const noexcept { return live_; }
  size_t bytes() const noexcept { return bytes_; }
  uint64_t evicted() const noexcept { return evicted_; }  // gave way to others for memory
  uint64_t refused() const noexcept { return refused_; }
  uint64_t turned_away() const noexcept { return turned_away_; }  // of those, for memory

  // What was lifted, and where its owner says how late it is.
  LiftedTargets& lifted() noexcept { return lifted_; }

 private:
  static constexpr uint32_t kNone = TargetIndex::kNone;

  struct Slot {
    Decision decision;
    uint64_t sequence = 0;   // order of arrival; 0: free
    int64_t full_at_ms = 0;  // throttle: when the bucket will be full again
    size_t bytes = 0;
    bool imported = false;  // gives way first
  };
  // What a look-up needs of a slot, apart from its text: a million of these are 16 MiB, not 600.
  struct Hot {
    int64_t until_ms = INT64_MIN;
    uint32_t next = kNone;    // another decision on the same target
    uint32_t strictness = 0;  // larger acts before smaller
  };
  static_assert(sizeof(Hot) == 16);
  // A slot, its hot part, its entry in an index with the slack of a table that has just doubled, and two
  // entries in the queue of expiries.
  static constexpr size_t kSlotBytes = sizeof(Slot) + sizeof(Hot) + 2 * (sizeof(Prefix) + 16) + 2 * 24;
  struct Due {
    uint64_t sequence;
    uint32_t slot;
    friend bool operator<(const Due& a, const Due& b) noexcept { return a.sequence < b.sequence; }
  };

  bool IsLive(const ExpiryQueue<Due>::Item& item) const noexcept {
    const Slot& slot = slots_[item.token.slot];
    return slot.sequence == item.token.sequence && slot.decision.until_ms == item.when_ms;
  }
  void Fill(uint32_t index, const Decision& decision);
  // The slot of the standing decision that this one would merge with, or kNone.
  uint32_t FindSame(const Decision& decision) const noexcept;
  // Of those that act at `now_ms` the ones that `wanted` names, soonest expiry first.
  template <typename Wanted>
  std::vector<const Decision*> Select(int64_t now_ms, Wanted&& wanted) const;
  bool MustEase(const Decision& decision) const noexcept;
  bool MakeRoom(size_t bytes, const Decision& newcomer);
  // Everything that is over at `now_ms`.
  void ThrowOut(int64_t now_ms);
  // Into the queue of those that give way together.
  void Queue(uint32_t slot);
  // So that the first of each queue, if there is one, stands.
  void DropStale() noexcept;
  void Erase(uint32_t slot, ChangeKind kind, std::string_view by = {}, std::string_view why = {});
  void Note(ChangeKind kind, const Decision& decision, std::string_view by, std::string_view why);
  // Whether a network around the newcomer's stands at least as long under the same action.
  bool IsCoveredAround(const Decision& decision) const noexcept;
  // Children of a rung beyond these are not kept: three make it guilty.
  static constexpr size_t kChildrenMax = 8;
  // The rung above a block that counts there; nothing for other decisions.
  static std::optional<Prefix> RungAbove(const Decision& decision) noexcept;
  void Consider(uint32_t head, int64_t now_ms, uint32_t* best) const noexcept;
  bool Beats(uint32_t a, uint32_t b) const noexcept;

  LedgerOptions options_;
  Allowlist allowlist_;
  std::deque<Slot> slots_;
  std::vector<Hot> hot_;  // of the slot with the same index
  std::vector<uint32_t> free_;
  TargetIndex index_;  // the first slot of each target
  LiftedTargets lifted_;
  absl::flat_hash_map<Prefix, std::vector<uint32_t>> children_;  // slots of blocks, by the rung above them
  ExpiryQueue<Due> expiries_;
  ExpiryQueue<Due> imported_expiries_;
  std::vector<Change> changes_;
  bool changes_lost_ = false;
  uint64_t next_sequence_ = 1;
  uint64_t next_change_ = 1;
  int64_t now_ms_ = INT64_MIN;
  int64_t quiet_until_ms_ = INT64_MAX;  // before this time nothing is over: mostly Advance asks no more
  size_t live_ = 0;
  size_t bytes_ = 0;
  uint64_t evicted_ = 0;
  uint64_t refused_ = 0;
  uint64_t turned_away_ = 0;
};

}  // namespace stockade
