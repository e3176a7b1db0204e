// The contract of live sources: what happens elsewhere comes in while it happens, as the records that readers of logs give
// (source.h), in batches, through a queue that is bounded.
//
//   network, file, packets ─► LiveSource (a thread of its own) ─► LiveQueue ─► LiveFeed ─► engine
//
// A live source is passive: each record is an attempt that has taken its course somewhere, with its own time and outcome.
// Nobody waits for a verdict.
//
// What needs a right or may be refused (an address, a file, a device) is had when a source is made, by its own factory,
// whose errors name the setting; Start then only begins. So a process can give up its privileges between the two.
//
// What does not fit is counted, and nothing ever grows: a source that can make its sender wait (a file, TCP, an HTTP client)
// waits for room (LiveQueue::Push); one that cannot (datagrams, packets) drops the batch and counts its records as dropped
// (LiveQueue::TryPush). Order within one source is kept; several are told to the engine earliest first, as far as is known
// at the moment, and what comes late all the same is the watermark's business (engine/window/watermark.h).
//
// Calls: Start (UseFields | counters)* Stop. Start, UseFields, Stop: one owner. counters: any thread at any time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "adapters/source/source.h"
#include "engine/event/field.h"

namespace stockade {

// Totals since the start. A unit is what the source calls one: a line, a message, a packet.
struct LiveCounters {
  uint64_t received = 0;  // units that came in, whatever became of them
  uint64_t records = 0;   // of them: login attempts, handed on
  uint64_t other = 0;     // of them: well formed, and no login attempt
  uint64_t unreadable =
      0;  // of them: not to be read; each is a record with its ReadError, unless there was no room for it
  uint64_t dropped = 0;  // of them: lost by us, for want of room
  uint64_t lost =
      0;  // known to have been lost before they came to us: by the kernel, or a log that was cut meanwhile
  uint64_t refused = 0;  // peers turned away: not on the list, no key, too many at once
};

// Records on their way to the engine, and the bytes they point into.
struct LiveBatch {
  Batch batch;
  // By whose ids the extra fields of the records go; null: there are none.
  std::shared_ptr<const FieldTable> fields;
  // Called once the engine was told of all of it, on the feed's thread: for who keeps his place. Quick, and not back into
  // the queue. May be empty.
  std::function<void()> told;
};

class LiveQueue;

class LiveSource {
 public:
  virtual ~LiveSource() = default;

  // Begins to fill `queue`, which outlives the source. Only what cannot be tried before is an error here: no thread.
  virtual absl::Status Start(LiveQueue* queue) = 0;
  // When it returns no thread of the source is at work and nothing more is pushed; what stands in the queue stays there.
  // Does not wait for room in the queue. Idempotent.
  virtual void Stop() = 0;
  // For people and as a label: "tail /var/log/auth.log". The same as long as it lives, and no other source's.
  virtual const std::string& name() const = 0;
  virtual LiveCounters counters() const = 0;
  // Other rules ask for other fields: what is read from now on has these. Called before Start too.
  virtual void UseFields(std::shared_ptr<const FieldTable> fields) = 0;
};

}  // namespace stockade
