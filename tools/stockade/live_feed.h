// What runs live sources: each has its queue, one thread takes batches out of them, earliest first, and tells the engine.
//
//   LiveSource ─► LiveQueue ─┐
//   LiveSource ─► LiveQueue ─┴─► thread ─► tell(event)          Tick: what a person should know
//
// Of the batches that stand in front of their queues the one with the earliest attempt goes first, so that logs that are
// caught up with, each of hours, reach the engine in order of time; but none is passed over more than kPassedOverMax times, so
// that a sender of old times holds up nobody. What comes late all the same is the watermark's business.
//
// Start, Stop, Tick, UseFields: one thread. Samples: any. `tell` is called on the feed's thread, one event at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "adapters/gateway/gate_metrics.h"
#include "adapters/source/live_queue.h"
#include "adapters/source/live_source.h"
#include "engine/event/login_event.h"
#include "tools/stockade/run_log.h"

namespace stockade {

// A source and how it is watched.
struct LiveInput {
  std::unique_ptr<LiveSource> source;
  absl::Duration silence = absl::Hours(1);  // without anything, and a person is told; infinite: never
};

class LiveFeed {
 public:
  static constexpr int kPassedOverMax = 64;
  // What is amiss with one source is said at most so often.
  static constexpr absl::Duration kSaidEvery = absl::Minutes(1);

  using Tell = std::function<void(const LoginEvent& event, const FieldTable* fields)>;

  // `log` outlives it.
  LiveFeed(std::vector<LiveInput> inputs, Tell tell, RunLog* log);
  ~LiveFeed();
  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  absl::Status Start();
  // Sources first; then the engine is told of what stands in the queues. Idempotent.
  void Stop();
  void Tick(absl::Time now);
  void UseFields(const std::shared_ptr<const FieldTable>& fields);

  std::vector<MetricSample> Samples() const;
  // "tail /var/log/auth.log", a line each.
  std::vector<std::string> Describe() const;

 private:
  struct Fed;

  void Run();
  // The queue to take from next; null where all are empty.
  Fed* Next();
  void TellBatch(Fed* fed, LiveBatch* batch);

  const Tell tell_;
  RunLog& log_;
  std::mutex mutex_;  // of `awake_` and `stopping_`
  std::condition_variable wake_;
  bool awake_ = false;
  bool stopping_ = false;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Fed>> fed_;
  std::thread thread_;
};

}  // namespace stockade
