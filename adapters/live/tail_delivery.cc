// What a tail does with the lines of a file: chunk by chunk to the engine, and where it was once that was told.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/live/tail_source.h"
#include "engine/text.h"

namespace stockade {
namespace {

void AddCounts(const SourceCounters& read, LiveCounters* counters) {
  counters->received += read.lines;
  counters->other += read.other + read.blank;
  counters->unreadable += read.unreadable();
  counters->records += read.records - std::min(read.records, read.unreadable());
}

}  // namespace

bool TailSource::MakeReader(FollowedFile* file) {
  if (file->reader != nullptr) return true;
  SourceOptions options = options_.reading;
  options.fields = reading_fields_.get();
  options.reference_time = absl::Now();
  absl::StatusOr<std::unique_ptr<LiveReader>> reader = LiveReader::Create(options, file->path);
  if (!reader.ok()) {  // a format file that was changed for the worse
    SayOnce("reader", std::string(FromAbsl(reader.status().message())));
    return false;
  }
  file->reader = *std::move(reader);
  return true;
}

bool TailSource::ReadSome(FollowedFile* file, bool* more) {
  if (file->WasCut()) {
    if (Untold() > 0) return false;  // whose places are of before the cut; the next round begins here
    HandleCut(file);
    *more = true;
    return true;
  }
  const FollowedFile::Got got = file->Next(&lines_);
  file->is_read = got == FollowedFile::Got::kNothing;
  switch (got) {
    case FollowedFile::Got::kNothing:
      return true;
    case FollowedFile::Got::kTooLong: {
      const std::lock_guard lock(mutex_);
      ++counters_.received;
      ++counters_.unreadable;
    }
      [[fallthrough]];
    case FollowedFile::Got::kSkipped:
      file->Advance();
      *more = true;
      return true;
    case FollowedFile::Got::kLines:
      // Not when it is found: a copy is empty then.
      if (file->is_fresh && IsCopy(*file)) {
        Say(Concat(file->path, ": begins as a log that is followed and is taken for its copy; not read"));
        file->is_copy = true;
        return true;
      }
      if (!MakeReader(file)) return true;
      file->is_fresh = false;
      *more = true;
      return Deliver(file, lines_);
  }
  return true;
}

bool TailSource::Deliver(FollowedFile* file, std::string_view lines) {
  LiveCounters before;
  AddCounts(file->reader->counters(), &before);
  file->reader->Give(lines);
  // A chunk goes whole or not at all: its place is one.
  bool begun = false;
  for (bool last = false; !last; begun = true) {
    LiveBatch batch = queue_->Take();
    last = !file->reader->Read(&batch.batch);
    batch.fields = reading_fields_;
    if (last) {
      TailPosition position{file->device(), file->inode(), file->behind(), file->begin(), file->path};
      batch.told = [told = told_, id = file->id, position = std::move(position)] {
        told->ChunkTold([&](Positions* positions) {
          const auto at = positions->find(id);
          if (at != positions->end()) at->second = position;  // else forgotten
        });
      };
    }
    if (!(begun ? queue_->PushRest(&batch) : queue_->Push(&batch))) return false;
  }
  ++delivered_;
  file->Advance();
  file->last_news = absl::Now();
  LiveCounters after;
  AddCounts(file->reader->counters(), &after);
  const std::lock_guard lock(mutex_);
  counters_.received += after.received - before.received;
  counters_.other += after.other - before.other;
  counters_.unreadable += after.unreadable - before.unreadable;
  counters_.records += after.records - before.records;
  return true;
}

uint64_t TailSource::Untold() const {
  return delivered_ - told_->chunks();
}

void TailSource::KeepPosition(uint64_t id, TailPosition position) {
  // One that waited has its own, which may be of before the last lines: they are on their way.
  told_->Update([&](Positions* positions) { return positions->try_emplace(id, std::move(position)).second; });
}

void TailSource::DropPosition(uint64_t id) {
  told_->Update([&](Positions* positions) { return positions->erase(id) > 0; });
}

void TailSource::Save() {
  if (options_.position_file.empty() || told_ == nullptr || first_look_) return;
  const std::optional<absl::Status> saved = told_->Save(stopping_, [&](const Positions& told, bool sync) {
    std::vector<TailPosition> positions;
    for (const auto& [id, position] : told) positions.push_back(position);
    return SavePositions(options_.position_file, positions, sync);
  });
  if (!saved.has_value()) return;
  if (saved->ok()) {
    said_.erase(options_.position_file);
  } else {
    SayOnce(options_.position_file, std::string(FromAbsl(saved->message())));
  }
}

}  // namespace stockade
