#include "adapters/store/sqlite_store.h"

#include <algorithm>
#include <utility>

#include "adapters/store/audit_chain.h"
#include "adapters/store/audit_line.h"
#include "adapters/store/decision_row.h"
#include "adapters/store/sqlite_schema.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Entries between two counts of the rows that are over; a count reads an index, ~10 ms for a quarter of a million.
constexpr size_t kCountEvery = 100'000;

// decisions.state, which tells apart those that are over.
constexpr int64_t kStands = 0;
constexpr int64_t kIsExpired = 1;
constexpr int64_t kIsRemoved = 2;

// A transaction that is rolled back unless it was committed.
class Transaction {
 public:
  explicit Transaction(SqliteConnection* connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    // It fails only where SQLite has rolled back by itself already.
    if (connection_->in_transaction()) static_cast<void>(connection_->Run("ROLLBACK"));
  }
  absl::Status Begin(const char* sql) { return connection_->Run(sql); }
  absl::Status Commit() { return connection_->Run("COMMIT"); }

 private:
  SqliteConnection* connection_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const SqliteStoreOptions& options) {
  if (options.remember < absl::ZeroDuration())
    return absl::InvalidArgumentError("a store cannot remember for less than no time");
  std::unique_ptr<SqliteStore> store(new SqliteStore(options));
  ASSIGN_OR_RETURN(store->file_, StoreFile::OpenOrCreate(options.path));
  const std::string& path = store->file_->path();
  ASSIGN_OR_RETURN(store->connection_, SqliteConnection::Open(path, SqliteConnection::Mode::kWrite));
  RETURN_IF_ERROR(store->Prepare());
  ASSIGN_OR_RETURN(store->audit_, SqliteAudit::Open(path));
  RETURN_IF_ERROR(store->CheckNewestLines());
  return store;
}

absl::Status SqliteStore::Prepare() {
  RETURN_IF_ERROR(CheckSqliteSchema(connection_.get()));
  RETURN_IF_ERROR(CheckSqlitePages(connection_.get()));
  // Carried over into the database every 16 MiB, not every 4: keys come in no order, so that a page is written many times. A
  // WAL that a long reader or a large batch made grow is given back to the disk.
  RETURN_IF_ERROR(connection_->Run(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096; "
      "PRAGMA journal_size_limit = 67108864"));
  RETURN_IF_ERROR(connection_->Run(Concat("PRAGMA cache_size = -", kCacheKiB).c_str()));
  ASSIGN_OR_RETURN(
      row_, connection_->Prepare(
                "INSERT INTO decisions(scope, action, kind, all_lanes, shadow, value, until_ms, state, "
                "over_ms, json) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                "ON CONFLICT(scope, action, kind, all_lanes, shadow, value) DO UPDATE SET "
                "until_ms = excluded.until_ms, state = excluded.state, over_ms = excluded.over_ms, "
                "json = excluded.json"));
  ASSIGN_OR_RETURN(line_, connection_->Prepare("INSERT INTO audit(n, line) VALUES(?1, ?2)"));
  ASSIGN_OR_RETURN(setting_, connection_->Prepare("INSERT OR REPLACE INTO settings(name, value) "
                                                  "VALUES('enforcing', ?1)"));
  ASSIGN_OR_RETURN(purge_old_,
                   connection_->Prepare("DELETE FROM decisions WHERE row IN (SELECT row FROM decisions "
                                        "WHERE over_ms < ?1 ORDER BY over_ms LIMIT ?2)"));
  ASSIGN_OR_RETURN(purge_most_,
                   connection_->Prepare("DELETE FROM decisions WHERE row IN (SELECT row FROM decisions "
                                        "WHERE over_ms IS NOT NULL ORDER BY over_ms LIMIT ?1)"));
  ASSIGN_OR_RETURN(newest_, connection_->Prepare(kNewestLineSql));
  return absl::OkStatus();
}

absl::Status SqliteStore::CheckNewestLines() {
  ASSIGN_OR_RETURN(const AuditHead head, audit_->Head());
  AuditChainReader reader;
  if (head.n > kLinesChecked) {
    const uint64_t begin = head.n - kLinesChecked;
    ASSIGN_OR_RETURN(const std::vector<std::string> before, audit_->ReadAudit(begin - 1, 1));
    if (before.empty() || ChainOf(before[0]).empty())
      return absl::DataLossError(DamagedText(options_.path, "a line of the audit log has no chain"));
    reader = AuditChainReader(begin, ChainOf(before[0]));
  }
  while (reader.number() < head.n) {
    ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                     audit_->ReadAudit(reader.number(), static_cast<size_t>(kLinesChecked)));
    for (const std::string& line : lines)
      if (const absl::Status taken = reader.Take(line); !taken.ok())
        return absl::DataLossError(
            DamagedText(options_.path, Concat("the audit log: ", FromAbsl(taken.message()))));
    if (lines.empty())
      return absl::DataLossError(DamagedText(options_.path, "lines of the audit log are missing"));
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadReport> SqliteStore::Load(int64_t now_ms, const Take& take) {
  const std::lock_guard lock(mutex_);
  LoadReport report;
  Transaction transaction(connection_.get());
  RETURN_IF_ERROR(transaction.Begin("BEGIN"));
  RETURN_IF_ERROR(LoadRows(now_ms, take, &report));
  ASSIGN_OR_RETURN(SqliteStatement setting,
                   connection_->Prepare("SELECT value FROM settings WHERE name = 'enforcing'"));
  ASSIGN_OR_RETURN(const bool set, setting.Step());
  if (set) report.enforcing = setting.Integer(0) != 0;
  return report;
}

absl::Status SqliteStore::LoadRows(int64_t now_ms, const Take& take, LoadReport* report) {
  const auto all = [&](SqliteStatement* rows, auto&& as) -> absl::Status {
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows->Step());
      if (!row) return absl::OkStatus();
      absl::StatusOr<Decision> decision = ReadRow(rows->Text(2), rows->Bytes(3));
      if (decision.ok() && decision->until_ms != rows->Integer(1))
        decision = absl::InvalidArgumentError("until: is that of another row");
      if (decision.ok()) {
        take(as(*rows, *decision), *std::move(decision));
      } else if (++report->unreadable == 1) {
        report->first_unreadable = Concat(options_.path, ": decisions, row ", rows->Integer(0), ": ",
                                          FromAbsl(decision.status().message()));
      }
    }
  };
  ASSIGN_OR_RETURN(SqliteStatement standing,
                   connection_->Prepare("SELECT row, until_ms, json, value FROM decisions "
                                        "WHERE over_ms IS NULL ORDER BY row"));
  RETURN_IF_ERROR(all(&standing, [&](const SqliteStatement&, const Decision& decision) {
    const bool stands = decision.until_ms > now_ms;
    ++(stands ? report->standing : report->lapsed);
    return stands ? LoadedAs::kStanding : LoadedAs::kLapsed;
  }));
  ASSIGN_OR_RETURN(SqliteStatement over,
                   connection_->Prepare("SELECT row, until_ms, json, value, state FROM decisions "
                                        "WHERE over_ms >= ?1 ORDER BY over_ms DESC LIMIT ?2"));
  over.Bind(1, now_ms - absl::ToInt64Milliseconds(options_.remember));
  over.Bind(2, static_cast<int64_t>(options_.over_max));
  return all(&over, [&](const SqliteStatement& row, const Decision&) {
    ++report->over;
    return row.Integer(4) == kIsExpired ? LoadedAs::kExpired : LoadedAs::kRemoved;
  });
}

absl::Status SqliteStore::Write(std::span<const StoreEntry* const> entries) {
  if (entries.empty()) return absl::OkStatus();
  for (const StoreEntry* entry : entries) RETURN_IF_ERROR(CheckStorable(*entry));
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(file_->CheckInPlace());
  if (!std::exchange(head_known_, false)) {
    ASSIGN_OR_RETURN(head_, ReadHead(&newest_, options_.path));
  }
  AuditHead head = head_;
  RETURN_IF_ERROR(WriteAll(entries, &head));
  head_ = std::move(head);
  head_known_ = true;
  return absl::OkStatus();
}

absl::Status SqliteStore::WriteAll(std::span<const StoreEntry* const> entries, AuditHead* head) {
  Transaction transaction(connection_.get());
  // IMMEDIATE: where somebody else holds the file it is known now, not in the middle.
  RETURN_IF_ERROR(transaction.Begin("BEGIN IMMEDIATE"));
  int64_t now_ms = 0;
  for (const StoreEntry* entry : entries) {
    if (const auto* change = std::get_if<Change>(&entry->what)) {
      RETURN_IF_ERROR(WriteRow(*change, entry->time_ms));
      now_ms = std::max(now_ms, entry->time_ms);
    } else if (const auto& note = std::get<AuditNote>(entry->what); note.enforcing) {
      setting_.Bind(1, *note.enforcing ? 1 : 0);
      RETURN_IF_ERROR(setting_.Run());
    }
    if (entry->audited) RETURN_IF_ERROR(WriteLine(*entry, head));
  }
  RETURN_IF_ERROR(Purge(entries.size(), now_ms));
  return transaction.Commit();
}

absl::Status SqliteStore::WriteRow(const Change& change, int64_t time_ms) {
  const RowKey key = RowKey::Of(change.decision);
  const std::string json = RowText(change.decision);
  row_.Bind(1, static_cast<int64_t>(key.scope));
  row_.Bind(2, static_cast<int64_t>(key.action));
  row_.Bind(3, static_cast<int64_t>(key.challenge_kind));
  row_.Bind(4, key.all_lanes ? 1 : 0);
  row_.Bind(5, key.shadow ? 1 : 0);
  row_.BindBytes(6, key.value);
  row_.Bind(7, change.decision.until_ms);
  switch (change.kind) {
    case ChangeKind::kAdded:
    case ChangeKind::kExtended:
      row_.Bind(8, kStands);
      row_.BindNull(9);
      break;
    case ChangeKind::kExpired:
      row_.Bind(8, kIsExpired);
      row_.Bind(9, change.decision.until_ms);
      break;
    case ChangeKind::kRemoved:
      // Let go before its time: remembered from then, not from an end that may be years away.
      row_.Bind(8, kIsRemoved);
      row_.Bind(9, std::min(change.decision.until_ms, time_ms));
      break;
  }
  row_.BindText(10, json);
  return row_.Run();
}

absl::Status SqliteStore::WriteLine(const StoreEntry& entry, AuditHead* head) {
  const std::string line =
      AppendChain(head->chain, Concat("{\"n\":", head->n + 1, ",", AuditMembers(entry), "}"));
  ++head->n;
  head->chain = std::string(ChainOf(line));
  line_.Bind(1, static_cast<int64_t>(head->n));
  line_.BindText(2, line);
  return line_.Run();
}

absl::Status SqliteStore::Purge(size_t entries, int64_t now_ms) {
  const size_t rows = entries + kPurgeRows;
  if (now_ms > 0) {
    purge_old_.Bind(1, now_ms - absl::ToInt64Milliseconds(options_.remember));
    purge_old_.Bind(2, static_cast<int64_t>(rows));
    RETURN_IF_ERROR(purge_old_.Run());
  }
  if (entries_until_count_ <= entries) {
    ASSIGN_OR_RETURN(const int64_t over,
                     connection_->Number("SELECT count(*) FROM decisions WHERE over_ms IS NOT NULL"));
    const auto counted = static_cast<size_t>(over);
    surplus_ = counted > options_.over_max ? counted - options_.over_max : 0;
    entries_until_count_ = kCountEvery;
  } else {
    entries_until_count_ -= entries;
  }
  if (surplus_ == 0) return absl::OkStatus();
  purge_most_.Bind(1, static_cast<int64_t>(std::min(surplus_, rows)));
  RETURN_IF_ERROR(purge_most_.Run());
  const auto purged = static_cast<size_t>(connection_->changes());
  surplus_ = purged == 0 ? 0 : surplus_ - std::min(surplus_, purged);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SqliteStore::ReadAudit(uint64_t after, size_t limit) {
  return audit_->ReadAudit(after, limit);
}

absl::StatusOr<AuditHead> SqliteStore::Head() {
  return audit_->Head();
}

}  // namespace stockade
