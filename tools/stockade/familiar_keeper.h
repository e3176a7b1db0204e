// Keeps who is at home over a restart of the gate: reads the snapshot before the first login, writes one every so often, on a thread
// of its own, and one at the stop.
//
//   Open  Load  Start  (Samples | Describe)*  Stop
//
// A snapshot that cannot be used stops no login: the gate begins knowing nobody, says so as an error, an alarm and a figure, and the
// file is put aside under another name, because the next snapshot would replace it. Where none can be written at all (no folder,
// another process writes it) the start is refused, while somebody looks.
//
// A save holds the desk in steps of some 20 to 200 µs (EngineDesk::CopyFamiliar) and does everything else outside of it.
// Threads: Open, Load, Start and Stop by one owner; the others by any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/gateway/engine_desk.h"
#include "adapters/gateway/gate_metrics.h"
#include "adapters/store/familiar_file.h"
#include "engine/decision/alarm.h"
#include "tools/stockade/familiar_settings.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class FamiliarKeeper {
 public:
  // `desk` and `log` outlive it. Errors: of FamiliarFile::Open.
  static absl::StatusOr<std::unique_ptr<FamiliarKeeper>> Open(const FamiliarSettings& settings,
                                                              const HashKey& key, EngineDesk* desk,
                                                              RunLog* log);
  ~FamiliarKeeper();

  // Before the first attempt. `keeps_begun`: what was read stays on the disk as PATH.begun, for replays of this run's record.
  void Load(bool keeps_begun);
  // Why nothing is known, where a snapshot was there.
  const std::optional<Alarm>& refusal() const noexcept { return refusal_; }
  void Start();
  // The last snapshot, if it was started. What went wrong with it. Idempotent.
  absl::Status Stop();

  std::vector<MetricSample> Samples() const;
  std::string Describe() const;

 private:
  FamiliarKeeper(const FamiliarSettings& settings, const HashKey& key, std::unique_ptr<FamiliarFile> file,
                 EngineDesk* desk, RunLog* log);

  void Run();
  absl::Status Save();

  const FamiliarSettings settings_;
  const HashKey key_;
  const std::unique_ptr<FamiliarFile> file_;
  EngineDesk& desk_;
  RunLog& log_;
  std::optional<Alarm> refusal_;
  std::string loaded_;  // what was, for a person

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  absl::Time saved_;  // the last that is on the disk; of before the start, when it was read
  uint64_t bytes_ = 0;
  uint64_t accounts_ = 0;
  uint64_t errors_ = 0;
  bool failing_ = false;
  absl::Duration took_;

  std::thread thread_;
};

}  // namespace stockade
