// Attempts of a gate's record that were let through and wait for their outcome, which stands further down: between the
// two, the gate answered others. A replay keeps them as the gate did.
//
// At most kWaitingMax, more than a gate ever has under way (EngineDesk::kTicketsMax); of a record that claims more, the
// further ones are not kept, and their outcomes find nobody. Owns the text of the attempts. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "adapters/source/source.h"
#include "engine/engine.h"

namespace stockade {

struct WaitingAttempt {
  Record record;  // its event is that of `event`
  OwnedEvent event;
  Verdict verdict;  // without its views
};

class WaitingAttempts {
 public:
  static constexpr size_t kWaitingMax = size_t{1} << 17;

  void Keep(const Record& record, const Verdict& verdict) {
    if (waiting_.size() == kWaitingMax) return;
    auto kept = std::make_unique<WaitingAttempt>();
    kept->event.Assign(record.event);
    kept->record = record;
    kept->record.event = kept->event.event();
    kept->verdict = verdict;
    kept->verdict.by = kept->verdict.reason = {};
    kept->verdict.decision = nullptr;
    waiting_[{record.input, record.number}] = std::move(kept);
  }
  // The attempt that an outcome belongs to, with it; null if none waits for it: the replay stopped it, or its line is
  // not in the input.
  std::unique_ptr<WaitingAttempt> Take(const Record& outcome) {
    const auto found = waiting_.find({outcome.input, outcome.number});
    if (found == waiting_.end()) return nullptr;
    std::unique_ptr<WaitingAttempt> taken = std::move(found->second);
    waiting_.erase(found);
    taken->record.event.aftermath.outcome = outcome.event.aftermath.outcome;
    return taken;
  }
  size_t size() const noexcept { return waiting_.size(); }

 private:
  absl::flat_hash_map<std::pair<uint32_t, uint64_t>, std::unique_ptr<WaitingAttempt>> waiting_;
};

// What a record said that a replay can only report.
struct RecordNotes {
  uint64_t begun = 0;             // gates that began: more than one, and windows were emptied in between
  std::optional<Mode> mode;       // the last one that was switched to
  uint64_t reloads = 0;           // other rules or settings from there on
  uint64_t first_reload = 0;      // its line
  uint64_t unread_decisions = 0;  // given by hand, and not to be read
  uint64_t first_unread_decision = 0;
  std::string familiar;  // the id of the snapshot that the last of them began with; empty: it knew nobody
  uint64_t without_outcome = 0;  // let through, and the record ends before their outcome
};

}  // namespace stockade
