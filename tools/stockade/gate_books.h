// What a running gate writes: its record, verdicts, decisions and alerts, each a log of its own that never makes a login
// wait. Hears the desk from inside its lock.
//
// A log that stops (a full disk) costs itself and nothing else: logins go on, the log says it loudly once, figures show how
// many lines it lost, and Close gives the error that the run then ends with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/gateway/engine_desk.h"
#include "adapters/gateway/gate_metrics.h"
#include "adapters/store/background_log.h"

namespace stockade {

// Names of files; empty: not written.
struct BookFiles {
  std::string record;
  std::string verdicts;
  std::string decisions;
  std::string alerts;
};

class GateBooks final : public DeskListener {
 public:
  // Refuses names as LogFile::CheckNames does; `inputs` are the files that the gate reads. `on_stop` is told when a log
  // stops, on a thread of its own.
  static absl::StatusOr<std::unique_ptr<GateBooks>> Open(
      const BookFiles& files, const std::vector<std::string>& inputs,
      const std::function<void(std::string_view)>& on_stop);

  void OnRecordLine(std::string_view text) override;
  void OnVerdict(uint64_t line, const Attempt& attempt, const Verdict& verdict) override;
  void OnDecision(const Decision& decision) override;
  void OnAlert(const Alert& alert) override;
  void OnAlarm(const Alarm& alarm) override;

  std::vector<MetricSample> Samples() const;
  // Writes what is queued. All that went wrong with any of them.
  std::vector<absl::Status> Close();

 private:
  GateBooks() = default;

  std::unique_ptr<BackgroundLog> record_, verdicts_, decisions_, alerts_;
  std::string line_;  // reused: the desk calls one at a time
};

}  // namespace stockade
