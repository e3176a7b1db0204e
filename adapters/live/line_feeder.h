// From lines to the queue: the reader of one stream of a live source, its counts, and the change to other fields.
//
// Feed and Read: the source's thread. counters and UseFields: any.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "adapters/source/live_queue.h"
#include "adapters/source/live_reader.h"
#include "adapters/source/live_source.h"

namespace stockade {

class LineFeeder {
 public:
  LineFeeder(SourceOptions reading, std::string name);

  // Whether the format can be read so.
  absl::Status Check() const;
  // What is pushed where there is no room: waits, or drops and counts.
  enum class WhenFull : uint8_t { kWait, kDrop };
  // Whole lines, `messages` of them. False: the queue takes no more.
  bool Feed(std::string_view lines, WhenFull when_full, LiveQueue* queue);
  // The same for who keeps his place: whole or not at all, and `told` is called once the engine was told of all of it, on the
  // feed's thread. Waits for room.
  bool FeedWhole(std::string_view lines, std::function<void()> told, LiveQueue* queue);

  void CountLost(uint64_t units);
  void CountRefused();
  void CountTooLong(uint64_t units);
  LiveCounters counters() const;
  void UseFields(std::shared_ptr<const FieldTable> fields);

 private:
  // Makes a reader where there is none of the fields that are asked for. False: there is none.
  bool Prepare();
  void Count(uint64_t dropped);

  const SourceOptions reading_;
  const std::string name_;
  std::unique_ptr<LiveReader> reader_;
  std::shared_ptr<const FieldTable> reader_fields_;
  SourceCounters counted_;  // of reader_, and in counters_ already

  mutable std::mutex mutex_;  // of what follows
  LiveCounters counters_;
  std::shared_ptr<const FieldTable> fields_;
};

}  // namespace stockade
