#include "adapters/store/sqlite_audit.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "adapters/store/sqlite_schema.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

absl::StatusOr<AuditHead> ReadHead(SqliteStatement* newest, const std::string& path) {
  newest->Reset();
  const absl::StatusOr<bool> row = newest->Step();
  AuditHead head;
  std::string_view chain = kChainBegin;
  if (row.ok() && *row) {
    head.n = static_cast<uint64_t>(newest->Integer(0));
    chain = ChainOf(newest->Text(1));
    head.chain = std::string(chain);
  }
  newest->Reset();
  if (!row.ok()) return row.status();
  if (chain.empty())
    return absl::DataLossError(DamagedText(path, "the newest line of the audit log has no chain"));
  return head;
}

absl::StatusOr<std::unique_ptr<SqliteAudit>> SqliteAudit::Open(const std::string& path) {
  // Not StoreFile::CheckHeader: opening and closing the file would let go of the locks that a store of this process has on
  // it, and the next other process to leave it would take its WAL away. Reading alone, SQLite writes to nobody's database.
  struct stat file;
  if (stat(path.c_str(), &file) != 0) return absl::NotFoundError(Concat(path, ": no store is there"));
  std::unique_ptr<SqliteAudit> audit(new SqliteAudit);
  ASSIGN_OR_RETURN(audit->connection_, SqliteConnection::Open(path, SqliteConnection::Mode::kRead));
  RETURN_IF_ERROR(CheckSqliteSchema(audit->connection_.get()));
  ASSIGN_OR_RETURN(audit->lines_,
                   audit->connection_->Prepare("SELECT n, line FROM audit WHERE n > ?1 ORDER BY n LIMIT ?2"));
  ASSIGN_OR_RETURN(audit->newest_, audit->connection_->Prepare(kNewestLineSql));
  return audit;
}

absl::StatusOr<std::vector<std::string>> SqliteAudit::ReadAudit(uint64_t after, size_t limit) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  const std::lock_guard lock(mutex_);
  lines_.Bind(1, static_cast<int64_t>(std::min(after, kMost)));
  lines_.Bind(2, static_cast<int64_t>(std::min<uint64_t>(limit, kMost)));
  std::vector<std::string> lines;
  size_t bytes = 0;
  absl::StatusOr<bool> row = lines_.Step();
  for (; row.ok() && *row; row = lines_.Step()) {
    const std::string_view line = lines_.Text(1);
    bytes += line.size();
    if (!lines.empty() && bytes > kReadBytesMax) break;
    lines.emplace_back(line);
  }
  lines_.Reset();
  if (!row.ok()) return row.status();
  return lines;
}

absl::StatusOr<AuditHead> SqliteAudit::Head() {
  const std::lock_guard lock(mutex_);
  return ReadHead(&newest_, connection_->path());
}

}  // namespace stockade
