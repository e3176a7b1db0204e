// Where a source that keeps its place is to go on after a restart: what the engine was told of, and never more, so that a stop loses
// and doubles nothing. Also how many chunks were told, for whoever bounds those on their way.
//
// Shared by the source and by each chunk on its way. Any thread, but for Save. `Place` is copied for each Save.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace stockade {

template <typename Place>
class ToldPlace {
 public:
  // Over the loss of power at most so much is read again.
  static constexpr absl::Duration kSyncEvery = absl::Seconds(1);

  // `wake_file`: an eventfd, which outlives every call; it is written to when a chunk was told.
  explicit ToldPlace(int wake_file) : wake_file_(wake_file) {}

  // A chunk was told, behind which `change(&place)` leads.
  template <typename Change>
  void ChunkTold(Change&& change) {
    {
      const std::lock_guard lock(mutex_);
      ++chunks_;
      is_new_ = true;
      change(&place_);
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = write(wake_file_, &one, sizeof one);
  }
  // By the source itself; `change(&place)` says whether there is something new to be saved.
  template <typename Change>
  void Update(Change&& change) {
    const std::lock_guard lock(mutex_);
    is_new_ = change(&place_) || is_new_;
  }
  uint64_t chunks() const {
    const std::lock_guard lock(mutex_);
    return chunks_;
  }

  // Saves by `save(place, sync)` what is new, synced every kSyncEvery and at the last. Nothing: nothing is new. What could not be
  // saved is tried again with the next call, whether or not a chunk is told until then. One caller at a time.
  template <typename SavePlace>
  std::optional<absl::Status> Save(bool is_last, SavePlace&& save) {
    Place place;
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(is_new_, false)) return std::nullopt;
      place = place_;
    }
    const absl::Time now = absl::Now();
    const bool sync = is_last || now - synced_ >= kSyncEvery;
    if (sync) synced_ = now;
    absl::Status saved = save(place, sync);
    if (!saved.ok()) Update([](Place*) { return true; });
    return saved;
  }

 private:
  const int wake_file_;
  absl::Time synced_ = absl::InfinitePast();  // Save's own
  mutable std::mutex mutex_;                  // of what follows
  Place place_;
  bool is_new_ = false;
  uint64_t chunks_ = 0;
};

}  // namespace stockade
