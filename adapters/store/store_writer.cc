#include "adapters/store/store_writer.h"

#include <algorithm>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

StoreWriter::StoreWriter(DecisionStore* store, Log log, size_t waiting_max)
    : store_(store), log_(std::move(log)), waiting_max_(waiting_max), thread_([this] { Run(); }) {}

StoreWriter::~StoreWriter() {
  static_cast<void>(Stop(Clock::now() + kLastChance));  // whoever wants to know has called it
  if (thread_.joinable()) thread_.join();               // a write that hangs is waited for
}

StoreWriter::Ticket StoreWriter::Take(StoreEntry entry, Clock::time_point now) {
  const Ticket ticket = ++pushed_;
  if (stopping_) return ticket;
  if (const absl::Status storable = CheckStorable(entry); !storable.ok()) {
    ++figures_.refused;
    refusal_unsaid_ = std::string(FromAbsl(storable.message()));
    refusals_.push_back({ticket, refusal_unsaid_});
    if (refusals_.size() > kRefusalsKept) refusals_.pop_front();
    entry.what =
        AuditNote{.time_ms = entry.time_ms, .by = "stockade", .what = "refused", .text = refusal_unsaid_};
  }
  if (back_ == nullptr && work_size_ + incoming_.size() < waiting_max_) {
    incoming_.push_back({std::move(entry), now});
    return ticket;
  }
  if (back_ == nullptr) {
    back_ = std::make_unique<StoreGap>();
    back_since_ = now;
  }
  back_->Take(std::move(entry));
  return ticket;
}

StoreWriter::Ticket StoreWriter::Push(std::span<const Change> changes, int64_t now_ms) {
  const Clock::time_point now = Clock::now();
  Ticket ticket;
  {
    const std::lock_guard lock(mutex_);
    for (const Change& change : changes) Take({.what = change, .time_ms = now_ms}, now);
    ticket = pushed_;
  }
  wake_.notify_one();
  return ticket;
}

StoreWriter::Ticket StoreWriter::Push(AuditNote note) {
  const Clock::time_point now = Clock::now();
  Ticket ticket;
  {
    const std::lock_guard lock(mutex_);
    ticket = Take({.what = std::move(note)}, now);
  }
  wake_.notify_one();
  return ticket;
}

absl::Status StoreWriter::WaitDurable(Ticket ticket, Deadline deadline) {
  std::unique_lock lock(mutex_);
  durable_.wait_until(lock, deadline, [&] { return written_ >= ticket || done_; });
  for (const Refusal& refusal : refusals_)
    if (refusal.ticket == ticket) return absl::InvalidArgumentError(refusal.why);
  if (written_ >= ticket) return absl::OkStatus();
  const std::string why = figures_.failing ? Concat(": ", figures_.last_error) : std::string();
  if (done_) return absl::UnavailableError(Concat("the store was closed before this was written", why));
  return absl::DeadlineExceededError(Concat("not on the disk yet; it will be tried again", why));
}

StoreFigures StoreWriter::figures() const {
  const std::lock_guard lock(mutex_);
  StoreFigures figures = figures_;
  figures.written = written_;
  figures.waiting = pushed_ - written_;
  std::optional<Clock::time_point> since = work_since_;
  if (!since && !incoming_.empty()) since = incoming_.front().since;
  if (!since) since = back_since_;
  if (since)
    figures.lag_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - *since).count();
  return figures;
}

absl::Status StoreWriter::Stop(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!stopping_) {
    stopping_ = true;
    stop_deadline_ = deadline;
    wake_.notify_one();
  }
  const bool ended = durable_.wait_until(lock, deadline, [this] { return done_; });
  const uint64_t left = pushed_ - written_;
  const std::string error = figures_.last_error;
  lock.unlock();
  if (ended && thread_.joinable()) thread_.join();
  if (left == 0) return absl::OkStatus();
  return absl::DataLossError(Concat(left, " entries are not in the store",
                                    error.empty() ? ": the time to stop was over" : ": ", error));
}

bool StoreWriter::NextBatch(std::vector<const StoreEntry*>* batch) {
  batch->clear();
  if (front_ == nullptr && work_.empty()) {
    if (!incoming_.empty()) {
      work_.swap(incoming_);
      work_size_ = work_.size();
    } else if (back_ != nullptr) {
      front_ = std::move(back_);
      front_last_ = pushed_;
      work_since_ = std::exchange(back_since_, std::nullopt);
    } else {
      work_since_.reset();
      return false;
    }
  }
  if (front_ != nullptr) {
    *batch = front_->Entries();
  } else {
    work_since_ = work_.front().since;
    const size_t size = std::min(work_.size(), kBatchMax);
    batch->reserve(size);
    for (size_t i = 0; i < size; ++i) batch->push_back(&work_[i].entry);
  }
  return true;
}

void StoreWriter::Say(std::unique_lock<std::mutex>* lock, bool is_trouble, std::string_view text) {
  if (!log_) return;
  lock->unlock();
  log_(is_trouble, text);
  lock->lock();
}

void StoreWriter::Run() {
  std::vector<const StoreEntry*> batch;
  std::unique_lock lock(mutex_);
  while (true) {
    if (!refusal_unsaid_.empty()) Say(&lock, true, std::exchange(refusal_unsaid_, {}));
    if (!NextBatch(&batch)) {
      if (stopping_) break;
      wake_.wait(lock, [this] { return stopping_ || !incoming_.empty() || back_ != nullptr; });
      continue;
    }
    WriteBatch(&lock, batch);
    if (stopping_ && Clock::now() >= stop_deadline_) break;
  }
  done_ = true;
  durable_.notify_all();
}

void StoreWriter::WriteBatch(std::unique_lock<std::mutex>* lock,
                             const std::vector<const StoreEntry*>& batch) {
  lock->unlock();
  const absl::Status status = store_->Write(batch);
  lock->lock();
  if (!status.ok()) {
    ++figures_.failed;
    figures_.last_error = std::string(FromAbsl(status.message()));
    if (!std::exchange(figures_.failing, true))
      Say(lock, true, Concat("decisions are not being stored: ", figures_.last_error));
    if (front_ != nullptr && back_ != nullptr) MergeGaps(lock);
    // Woken by Stop alone: what is pushed meanwhile changes nothing.
    const Clock::time_point again = Clock::now() + backoff_;
    while (!stopping_ && wake_.wait_until(*lock, again) == std::cv_status::no_timeout) continue;
    if (stopping_) wake_.wait_until(*lock, std::min(stop_deadline_, Clock::now() + kBackoffMin));
    backoff_ = std::min(backoff_ * 2, kBackoffMax);
    return;
  }
  backoff_ = kBackoffMin;
  std::unique_ptr<StoreGap> written_gap;
  if (front_ != nullptr) {
    written_gap = std::move(front_);
    written_ = front_last_;
    if (written_gap->unlisted() > 0) ++figures_.gaps;
    figures_.unlisted += written_gap->unlisted();
  } else {
    written_ += batch.size();
    work_size_ -= batch.size();
  }
  durable_.notify_all();
  const bool works_again = std::exchange(figures_.failing, false);
  // What was written is thrown away while others may push.
  lock->unlock();
  if (written_gap == nullptr)
    work_.erase(work_.begin(), work_.begin() + static_cast<ptrdiff_t>(batch.size()));
  written_gap.reset();
  lock->lock();
  if (works_again) Say(lock, false, "decisions are being stored again");
}

// The gap that could not be written, what has been queued since, and what came after that, as one: so there are never more
// than two.
void StoreWriter::MergeGaps(std::unique_lock<std::mutex>* lock) {
  std::deque<Waiting> queued = std::exchange(incoming_, {});
  const std::unique_ptr<StoreGap> later = std::move(back_);
  back_since_.reset();
  front_last_ = pushed_;
  lock->unlock();
  for (Waiting& waiting : queued) front_->Take(std::move(waiting.entry));
  front_->Merge(later.get());
  queued.clear();
  lock->lock();
}

}  // namespace stockade
