#include "adapters/live/line_feeder.h"

#include <utility>

#include "absl/time/clock.h"
#include "engine/status.h"

namespace stockade {

LineFeeder::LineFeeder(SourceOptions reading, std::string name)
    : reading_(std::move(reading)), name_(std::move(name)) {}

absl::Status LineFeeder::Check() const {
  return LiveReader::Create(reading_, name_).status();
}

bool LineFeeder::Prepare() {
  {
    const std::lock_guard lock(mutex_);
    if (reader_fields_ != fields_) {
      reader_.reset();
      reader_fields_ = fields_;
    }
  }
  if (reader_ != nullptr) return true;
  SourceOptions options = reading_;
  options.fields = reader_fields_.get();
  options.reference_time = absl::Now();
  absl::StatusOr<std::unique_ptr<LiveReader>> reader = LiveReader::Create(options, name_);
  // A format file that was changed for the worse: Check was fine at the start.
  if (!reader.ok()) return false;
  reader_ = *std::move(reader);
  counted_ = SourceCounters();
  return true;
}

bool LineFeeder::Feed(std::string_view lines, WhenFull when_full, LiveQueue* queue) {
  if (!Prepare()) return true;
  reader_->Give(lines);
  uint64_t dropped = 0;
  bool goes_on = true;
  while (true) {
    LiveBatch batch = queue->Take();
    if (!reader_->Read(&batch.batch)) {
      queue->GiveBack(std::move(batch));
      break;
    }
    batch.fields = reader_fields_;
    if (goes_on && (when_full == WhenFull::kWait ? queue->Push(&batch) : queue->TryPush(&batch))) continue;
    if (when_full == WhenFull::kWait) goes_on = false;
    for (const Record& record : batch.batch.records) dropped += record.ok() ? 1 : 0;
    queue->GiveBack(std::move(batch));
  }
  Count(dropped);
  return goes_on;
}

bool LineFeeder::FeedWhole(std::string_view lines, std::function<void()> told, LiveQueue* queue) {
  if (!Prepare()) return false;
  reader_->Give(lines);
  bool begun = false;
  for (bool last = false; !last; begun = true) {
    LiveBatch batch = queue->Take();
    last = !reader_->Read(&batch.batch);
    batch.fields = reader_fields_;
    if (last) batch.told = told;
    if (!(begun ? queue->PushRest(&batch) : queue->Push(&batch))) {
      reader_.reset();  // with what it was given
      return false;
    }
  }
  Count(/*dropped=*/0);
  return true;
}

void LineFeeder::Count(uint64_t dropped) {
  const SourceCounters& now = reader_->counters();
  const std::lock_guard lock(mutex_);
  counters_.received += now.lines - counted_.lines;
  counters_.other += now.other + now.blank - counted_.other - counted_.blank;
  const uint64_t unreadable = now.unreadable() - counted_.unreadable();
  counters_.unreadable += unreadable;
  counters_.records += now.records - counted_.records - unreadable - dropped;
  counters_.dropped += dropped;
  counted_ = now;
}

void LineFeeder::CountLost(uint64_t units) {
  const std::lock_guard lock(mutex_);
  counters_.lost += units;
}

void LineFeeder::CountRefused() {
  const std::lock_guard lock(mutex_);
  ++counters_.refused;
}

void LineFeeder::CountTooLong(uint64_t units) {
  const std::lock_guard lock(mutex_);
  counters_.received += units;
  counters_.unreadable += units;
}

LiveCounters LineFeeder::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void LineFeeder::UseFields(std::shared_ptr<const FieldTable> fields) {
  const std::lock_guard lock(mutex_);
  fields_ = std::move(fields);
}

}  // namespace stockade
