#include "adapters/source/live_queue.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace stockade {
namespace {

constexpr size_t kSpareMax = 8;

int64_t EarliestNs(const Batch& batch) noexcept {
  int64_t earliest = std::numeric_limits<int64_t>::max();
  for (const Record& record : batch.records)
    if (record.ok()) earliest = std::min(earliest, record.event.attempt.time_ns);
  return earliest == std::numeric_limits<int64_t>::max() ? std::numeric_limits<int64_t>::min() : earliest;
}

}  // namespace

LiveBatch LiveQueue::Take() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return {};
  LiveBatch batch = std::move(spare_.back());
  spare_.pop_back();
  return batch;
}

bool LiveQueue::Fits(size_t records) const {
  return waiting_.empty() || (waiting_.size() < kBatchesMax && records_ + records <= kRecordsMax);
}

void LiveQueue::Enter(LiveBatch* batch) {
  records_ += batch->batch.records.size();
  const int64_t first_ns = EarliestNs(batch->batch);
  waiting_.push_back({std::move(*batch), first_ns});
  *batch = LiveBatch();
}

bool LiveQueue::TryPush(LiveBatch* batch) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || !Fits(batch->batch.records.size())) return false;
    Enter(batch);
  }
  if (on_push_) on_push_();
  return true;
}

bool LiveQueue::Push(LiveBatch* batch) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || interrupted_ || Fits(batch->batch.records.size()); });
    if (closed_ || interrupted_) return false;
    Enter(batch);
  }
  if (on_push_) on_push_();
  return true;
}

bool LiveQueue::PushRest(LiveBatch* batch) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    Enter(batch);
  }
  if (on_push_) on_push_();
  return true;
}

bool LiveQueue::HasRoom(size_t records, size_t batches) const {
  const std::lock_guard lock(mutex_);
  return !closed_ && waiting_.size() + batches <= kBatchesMax && records_ + records <= kRecordsMax;
}

void LiveQueue::Interrupt() {
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  room_.notify_all();
}

std::optional<int64_t> LiveQueue::front_ns() const {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().first_ns;
}

bool LiveQueue::Pop(LiveBatch* batch) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return false;
    *batch = std::move(waiting_.front().batch);
    waiting_.pop_front();
    records_ -= batch->batch.records.size();
  }
  room_.notify_all();
  return true;
}

void LiveQueue::GiveBack(LiveBatch batch) {
  batch.batch.Clear();
  batch.fields.reset();
  batch.told = nullptr;
  const std::lock_guard lock(mutex_);
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(batch));
}

void LiveQueue::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

size_t LiveQueue::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

}  // namespace stockade
