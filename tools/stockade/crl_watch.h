// Keeps the revocation lists of a running gate fresh: looks whether their files have changed, reads the set anew when one
// has, and says aloud what cannot be read and what has gone stale.
//
//   CrlWatch watch(options, &log);   verifier gets watch.current();   watch.Look(now) every second or so
//
// Reading takes seconds for a million entries; logins go on with the set that was there before and never wait. A set with
// problems is taken all the same: what it lacks is unknown, which the policy answers, and an old list of a file that is gone
// would be a list nobody vouches for.
//
// Look: one thread. current, Samples: any.
#pragma once

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "adapters/certificate/crl_set.h"
#include "adapters/gateway/gate_metrics.h"
#include "tools/stockade/file_stamps.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class CrlWatch {
 public:
  // Reads at once, and says what is wrong with what it read. `log` outlives it.
  CrlWatch(CrlSetOptions options, absl::Time now, RunLog* log);

  const std::shared_ptr<CurrentCrls>& current() const noexcept { return current_; }
  void Look(absl::Time now);
  std::vector<MetricSample> Samples(absl::Time now) const;

 private:
  void Read(absl::Time now);
  void SayStale(absl::Time now);

  const CrlSetOptions options_;
  RunLog& log_;
  FileStamps stamps_;
  std::shared_ptr<CurrentCrls> current_;
  absl::Time looked_ = absl::InfinitePast();
  absl::Time stale_said_ = absl::InfinitePast();
};

}  // namespace stockade
