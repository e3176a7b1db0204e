// The audit log of a store on this machine, for whoever reads it: also another process, while the store is written.
//
// Nothing is written and no reader holds up the writer; each call sees what was written by its begin. Any thread; calls wait
// for one another.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/store/decision_store.h"
#include "adapters/store/sqlite_connection.h"

namespace stockade {

class SqliteAudit final : public AuditSource {
 public:
  // What one ReadAudit gives at most beside its first line.
  static constexpr size_t kReadBytesMax = size_t{4} << 20;

  // NotFound where there is no store; FailedPrecondition where it is another program's file, or a newer Stockade's.
  static absl::StatusOr<std::unique_ptr<SqliteAudit>> Open(const std::string& path);

  absl::StatusOr<std::vector<std::string>> ReadAudit(uint64_t after, size_t limit) override;
  absl::StatusOr<AuditHead> Head() override;

 private:
  SqliteAudit() = default;

  std::mutex mutex_;
  std::unique_ptr<SqliteConnection> connection_;
  SqliteStatement lines_;
  SqliteStatement newest_;
};

// The newest line's number and chain, over any connection. DataLoss where that line is none of an audit log.
inline constexpr const char* kNewestLineSql = "SELECT n, line FROM audit ORDER BY n DESC LIMIT 1";
absl::StatusOr<AuditHead> ReadHead(SqliteStatement* newest, const std::string& path);

}  // namespace stockade
