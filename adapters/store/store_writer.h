// Takes what happens off the hands of those who must not wait, and writes it to a store: in order, at once, all that waits in
// one transaction (group commit), by a thread of its own.
//
//   desk, in its lock ─► Push(changes) ─► queue ─► DecisionStore::Write
//   an operator's add ─► Push, then WaitDurable(ticket): answered only when it is on the disk
//
// A disk that fails (full, read-only, gone) loses nothing: entries wait, and are tried again after 100 ms, 200 ms, … 10 s, until
// it takes them. Where more than kWaitingMax wait, what comes after them is kept by what it leaves behind (store_gap.h): the
// decisions stored are right in the end, and the audit log says in one line how much it does not list. Whoever pushes many at
// once (an import) waits for some before he pushes more.
//
// Memory: ~700 bytes an entry that waits; beyond kWaitingMax as much again for each decision that changed, twice while a gap
// is being written: bounded by the ledger.
//
// Push: any thread, takes no time but copying (~0.5 µs a change) and a lock that is never held during I/O; what is
// pushed by one thread is written in that order. The store must outlive the writer, and nobody else may write to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "adapters/store/decision_store.h"
#include "adapters/store/store_gap.h"
#include "engine/decision/change.h"

namespace stockade {

struct StoreFigures {
  uint64_t written = 0;    // entries on the disk, whether listed in the audit log or not
  uint64_t waiting = 0;    // entries in memory alone
  int64_t lag_ms = 0;      // how long the oldest of those has waited
  uint64_t failed = 0;     // transactions that the store refused
  bool failing = false;    // the last of them was one
  uint64_t gaps = 0;       // lines about a gap that were written
  uint64_t unlisted = 0;   // entries that those stand for
  uint64_t refused = 0;    // decisions that cannot be stored (CheckStorable)
  std::string last_error;  // of the last failure, also after it is over
};

class StoreWriter {
 public:
  // Entries that wait one by one: ten seconds of 20,000 changes a second, ~140 MB.
  static constexpr size_t kWaitingMax = 200'000;
  // Entries of one transaction: 50 ms of work. More would make an operator wait, fewer write to the disk more often.
  static constexpr size_t kBatchMax = 5000;
  static constexpr std::chrono::milliseconds kBackoffMin{100};
  static constexpr std::chrono::milliseconds kBackoffMax{10'000};
  // What a destructor without a Stop before it gives what still waits.
  static constexpr std::chrono::seconds kLastChance{5};

  // What has been pushed, by its number: 1, 2, 3, … 0 is durable always.
  using Ticket = uint64_t;
  using Deadline = std::chrono::steady_clock::time_point;

  // Called on the writer's thread with one sentence: once when writing fails, once when it works again (which is no trouble), and
  // when a decision is refused.
  using Log = std::function<void(bool is_trouble, std::string_view text)>;
  // `log` may be empty. `waiting_max`: kWaitingMax, or less for less memory.
  StoreWriter(DecisionStore* store, Log log, size_t waiting_max = kWaitingMax);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // `now_ms`: the wall clock, milliseconds since 1970. Returns the ticket of the last one. A decision that cannot be stored
  // is written as a line of the audit log that says so. After Stop nothing is taken, and the ticket is never durable.
  Ticket Push(std::span<const Change> changes, int64_t now_ms);
  Ticket Push(AuditNote note);

  // OK when everything up to the ticket is on the disk. DeadlineExceeded, with what the disk says, where it is not yet (it
  // will be written all the same); InvalidArgument where that very entry was refused; Unavailable after a Stop that left it.
  absl::Status WaitDurable(Ticket ticket, Deadline deadline);

  StoreFigures figures() const;

  // Writes what waits, until `deadline`. DataLoss, with how many entries and why, where some were left. Idempotent; for
  // the writer's owner alone.
  absl::Status Stop(Deadline deadline);

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    StoreEntry entry;
    Clock::time_point since;
  };
  struct Refusal {
    Ticket ticket;
    std::string why;
  };
  // Refusals that WaitDurable can tell of: those that somebody may be waiting for.
  static constexpr size_t kRefusalsKept = 64;

  Ticket Take(StoreEntry entry, Clock::time_point now);  // in mutex_
  void Run();
  bool NextBatch(std::vector<const StoreEntry*>* batch);  // in mutex_
  void WriteBatch(std::unique_lock<std::mutex>* lock, const std::vector<const StoreEntry*>& batch);
  void MergeGaps(std::unique_lock<std::mutex>* lock);
  void Say(std::unique_lock<std::mutex>* lock, bool is_trouble, std::string_view text);

  DecisionStore* const store_;
  const Log log_;
  const size_t waiting_max_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;     // the writer: there is something to do
  std::condition_variable durable_;  // those who wait
  std::deque<Waiting> incoming_;
  std::unique_ptr<StoreGap> back_;  // behind incoming_: while there is one, all that is pushed goes into it
  std::optional<Clock::time_point> back_since_;
  size_t work_size_ = 0;
  std::optional<Clock::time_point> work_since_;  // of the oldest in work_ or front_
  Ticket pushed_ = 0;
  Ticket written_ = 0;
  Ticket front_last_ = 0;  // the last one in front_
  std::deque<Refusal> refusals_;
  std::string refusal_unsaid_;
  StoreFigures figures_;
  std::chrono::milliseconds backoff_ = kBackoffMin;
  bool stopping_ = false;
  Deadline stop_deadline_;
  bool done_ = false;

  // The writer's alone. In order: front_, work_, then incoming_ and back_.
  std::unique_ptr<StoreGap> front_;
  std::deque<Waiting> work_;

  std::thread thread_;
};

}  // namespace stockade
