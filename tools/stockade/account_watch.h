// Keeps the table of accounts of a running gate fresh (gateway.certificates.accounts): reads it anew when its file changes.
// A table that cannot be read is said aloud, and the one before stays in force: half a table would turn customers away.
//
// Look: one thread. current, Samples: any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/certificate/account_table.h"
#include "adapters/certificate/current.h"
#include "adapters/gateway/gate_metrics.h"
#include "tools/stockade/file_stamps.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class AccountWatch {
 public:
  // Reads at once; errors name the file and the line. `log` outlives it.
  static absl::StatusOr<std::shared_ptr<AccountWatch>> Start(const std::string& file, absl::Time now,
                                                             RunLog* log);

  std::shared_ptr<const Current<AccountTable>> current() const noexcept { return current_; }
  void Look(absl::Time now);
  std::vector<MetricSample> Samples() const;

 private:
  AccountWatch(const std::string& file, absl::Time now, RunLog* log)
      : file_(file), log_(*log), stamps_({file}), looked_(now) {}

  const std::string file_;
  RunLog& log_;
  FileStamps stamps_;
  std::shared_ptr<Current<AccountTable>> current_;
  absl::Time looked_;
};

}  // namespace stockade
