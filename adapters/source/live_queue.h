// What a live source has read and the engine was not told of yet: a queue of batches, bounded in batches and in records.
//
//   source:  Take a batch, fill it, Push or TryPush         feed:  Pop, tell the engine, GiveBack
//
// One source pushes, from any of its threads; one feed pops. All members: any thread. A batch costs its block and arenas,
// some 130 KiB where it is full of text, and is used again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "adapters/source/live_source.h"

namespace stockade {

class LiveQueue {
 public:
  // At half a million events a second the engine is 30 ms behind when the queue is full: enough for a burst of datagrams,
  // and 5 MiB of records, 8 MiB of text.
  static constexpr size_t kRecordsMax = 16384;
  static constexpr size_t kBatchesMax = 64;

  // `on_push`: called after a push, on the pusher's thread, without a lock; wakes the feed.
  explicit LiveQueue(std::function<void()> on_push = {}) : on_push_(std::move(on_push)) {}
  LiveQueue(const LiveQueue&) = delete;
  LiveQueue& operator=(const LiveQueue&) = delete;

  // An empty batch, perhaps one that was used before.
  LiveBatch Take();

  // False: there is no room, or the queue is closed, and the batch is as it was. A batch larger than the whole queue has
  // room where nothing else is.
  bool TryPush(LiveBatch* batch);
  // Waits for room. False: the queue was closed, or Interrupt was called; the batch is as it was.
  bool Push(LiveBatch* batch);
  // The rest of what a Push has begun and that must not be parted: goes in whether there is room or not, and after Interrupt
  // too; one block of text at most. False: closed.
  bool PushRest(LiveBatch* batch);
  // Whether so many records in so many batches would have room now: for who answers before he reads.
  bool HasRoom(size_t records, size_t batches) const;
  // Who waits in Push, and who will, gets false: for LiveSource::Stop.
  void Interrupt();

  // The earliest time of an attempt in the oldest batch: nothing where no batch is; INT64_MIN where it has no readable one.
  std::optional<int64_t> front_ns() const;
  // The oldest batch, or false.
  bool Pop(LiveBatch* batch);
  void GiveBack(LiveBatch batch);
  // Nothing goes in any more; what is in may still be popped.
  void Close();

  size_t records() const;

 private:
  struct Waiting {
    LiveBatch batch;
    int64_t first_ns = 0;
  };
  bool Fits(size_t records) const;  // under mutex_
  void Enter(LiveBatch* batch);     // the same

  const std::function<void()> on_push_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Waiting> waiting_;
  std::vector<LiveBatch> spare_;
  size_t records_ = 0;
  bool interrupted_ = false;
  bool closed_ = false;
};

}  // namespace stockade
