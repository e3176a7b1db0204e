// The desk as proxy and verdict service ask it, where attempts are told the AS and country of their source first (`geo`), and whose TLS
// stack their JA4 shows, so that engine and record see the same. Files that are replaced while it runs are read anew; one that cannot be read is said aloud, and the one before
// stays in force.
//
// Use and Look: one thread. The others: any; a look-up is made under a lock of its own, below a microsecond.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "adapters/client_hello/stack_lookup.h"
#include "adapters/gateway/gate_desk.h"
#include "adapters/gateway/gate_metrics.h"
#include "tools/stockade/file_stamps.h"
#include "tools/stockade/geo_settings.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class GeoDesk final : public GateDesk {
 public:
  // `desk` and `log` outlive it.
  GeoDesk(GateDesk* desk, RunLog* log) : desk_(*desk), log_(*log) {}

  // Of new settings, at the start and with a reload.
  void Use(const GeoSettings& settings, GeoDatabases databases);
  // Every second or so.
  void Look(absl::Time now);

  // The same for whoever does not ask the desk.
  void Fill(Attempt* attempt);

  GateAnswer Assess(const Attempt& attempt) override;
  void Observe(uint64_t ticket, Outcome outcome) override { desk_.Observe(ticket, outcome); }
  void Abandon(uint64_t ticket) override { desk_.Abandon(ticket); }
  void NoteChallengePassed(ChallengeKind kind, std::string_view account, const Address& source,
                           std::string_view device) override {
    desk_.NoteChallengePassed(kind, account, source, device);
  }

  std::vector<MetricSample> Samples() const;

 private:
  void AppendGeoSamples(std::vector<MetricSample>* samples) const;

  GateDesk& desk_;
  RunLog& log_;
  GeoSettings settings_;
  std::optional<FileStamps> stamps_;
  absl::Time looked_ = absl::InfinitePast();

  mutable std::mutex mutex_;  // of what follows
  GeoDatabases databases_;
  GeoLookup lookup_{GeoDatabases{}};
  StackLookup stacks_;
  uint64_t errors_ = 0;
};

}  // namespace stockade
