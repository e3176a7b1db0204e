// A gate that runs: desk, proxy, verdict service and admin listener over one set of parts, which a reload swaps whole.
//
//   auto gate = RunningGate::Start(options, files, &log);  (Reload | Tick)*  Stop
//
// Start, Reload, Tick and Stop: one thread. Start's errors leave nothing running.
//
// Reload makes everything anew first and takes it only if all of it holds; what is refused goes into the log with its
// place, and the old stays. What cannot change while running (addresses, workers, memory, lateness, hash key) is named in
// the log, and stays as it is until a restart.
//
// Stop drains: listeners close, logins that are under way end (at most limits.drain_time), tickets are given up, books
// are closed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/capture/device_source.h"
#include "adapters/gateway/admin_service.h"
#include "adapters/gateway/engine_desk.h"
#include "adapters/gateway/proxy.h"
#include "adapters/gateway/unread_answers.h"
#include "adapters/http/http_service.h"
#include "tools/stockade/familiar_keeper.h"
#include "tools/stockade/file_stamps.h"
#include "tools/stockade/gate_books.h"
#include "tools/stockade/gate_certificates.h"
#include "tools/stockade/gate_orders.h"
#include "tools/stockade/gate_parts.h"
#include "tools/stockade/geo_desk.h"
#include "tools/stockade/live_feed.h"
#include "tools/stockade/live_inputs.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class RunningGate {
 public:
  // `log` outlives the gate.
  static absl::StatusOr<std::unique_ptr<RunningGate>> Start(const RunOptions& options, const BookFiles& files,
                                                            RunLog* log);
  ~RunningGate();
  RunningGate(const RunningGate&) = delete;
  RunningGate& operator=(const RunningGate&) = delete;

  // True: everything was taken.
  bool Reload();
  // Every second or so: gives up old tickets, says what has changed since.
  void Tick();
  // Whatever went wrong with the books. Idempotent.
  std::vector<absl::Status> Stop();

  // What runs, for a person.
  void Describe(const BookFiles& files, std::ostream* out) const;

 private:
  RunningGate(const RunOptions& options, RunLog* log) : options_(options), log_(*log) {}

  absl::Status StartDesk(const BookFiles& files);
  absl::Status StartServices();
  // Becomes `capture.user`, where there is one.
  absl::Status GiveUpPrivileges();
  void WarnOfFixed(const Config& before, const Config& after);
  std::string NotReady() const;
  void SayWhatWasUnread();
  std::vector<MetricSample> Samples() const;
  std::shared_ptr<const VerdictDialects> dialects() const;
  // For other threads than that of Start and Reload.
  std::shared_ptr<const GateParts> parts() const;

  const RunOptions options_;
  RunLog& log_;
  std::shared_ptr<const GateParts> parts_;  // written under swapped_mutex_
  std::unique_ptr<GateBooks> books_;
  std::unique_ptr<GateOrders> orders_;  // hears the desk, and goes after it
  std::unique_ptr<EngineDesk> desk_;
  std::unique_ptr<FamiliarKeeper> familiar_;  // asks the desk; null: nobody is remembered over a restart
  std::unique_ptr<GeoDesk> geo_desk_;         // in front of it, for whoever brings attempts
  std::unique_ptr<LiveFeed> feed_;            // tells the desk what live sources bring; null: none
  DeviceSource* capture_ = nullptr;           // of the feed; null: nothing is captured
  bool capture_failed_ = false;               // and that was said
  VerdictCounters counters_;
  UnreadAnswers unread_;
  const std::shared_ptr<OcspMemory> ocsp_ = std::make_shared<OcspMemory>();
  std::unique_ptr<GateCertificates> certificates_;  // its jobs ask the desk
  mutable std::mutex swapped_mutex_;                // of what a reload swaps and other threads ask
  std::shared_ptr<const VerdictDialects> dialects_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<HttpService> service_;
  std::unique_ptr<AdminDesk> admin_desk_;
  std::unique_ptr<HttpService> admin_;
  std::optional<FileStamps> allow_stamps_;  // of the files of `allow`: a change is a reload
  std::string last_not_ready_;
  std::map<std::string, uint64_t> unread_counts_said_;  // by endpoint
  absl::Time unread_said_ = absl::InfinitePast();
  bool stopped_ = false;
};

}  // namespace stockade
