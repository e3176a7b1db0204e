// The store of one machine: a SQLite file. See decision_store.h for what a store promises.
//
// Why it holds: rows and audit lines of a batch are one transaction; the journal is a write-ahead log (WAL), on the disk
// before Write returns (synchronous=FULL); a transaction that is not whole in the WAL, however it was torn, is none. What the
// disk says it wrote must be written: a drive that lies about its cache loses what it lied about, and no earlier thing.
//
// One process writes; others read the audit log meanwhile (sqlite_audit.h). The file lies on a local disk: WAL shares memory.
// Everything a stranger wrote is bound, never spelled into SQL.
//
// Kept: rows that stand; rows that are over for `remember` more, at most `over_max` of them (a bounded number is purged with
// each batch, soonest first); every audit line, for good: ~450 bytes a change. Memory: a cache of kCacheKiB.
//
// Cost: ~15 µs of processor time an entry in batches of a thousand (twice that where a million stand: their keys come in no
// order), and what the disk takes for each batch. A start: ~6 µs a decision, half of it JSON, checks of the file included.
// bench/store_bench. Thread-safe: Write and Load wait for one another, reading the audit log waits for neither.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "adapters/store/decision_store.h"
#include "adapters/store/sqlite_audit.h"
#include "adapters/store/sqlite_connection.h"
#include "adapters/store/store_file.h"

namespace stockade {

struct SqliteStoreOptions {
  std::string path;  // store.path: beside it lie PATH-wal, PATH-shm and PATH.lock
  absl::Duration remember = absl::Hours(7 * 24);  // store.remember: how long one that is over is known
  // store.over_max: as many as policy knows repeaters (Policy::kRepeatersMax), ~500 bytes of disk each.
  size_t over_max = size_t{1} << 18;
};

class SqliteStore final : public DecisionStore {
 public:
  // The index of a million keys: what does not fit is read again for every batch.
  static constexpr int kCacheKiB = 64 << 10;
  // Rows purged with a batch beside as many as the batch has entries: a backlog melts, and no batch waits for it.
  static constexpr size_t kPurgeRows = 256;
  // Lines at the end of the audit log whose chain is proven at each start, some milliseconds; `VerifyAudit` proves all.
  static constexpr uint64_t kLinesChecked = 1000;

  // Creates the file where there is none. Errors: those of StoreFile::OpenOrCreate; DataLoss where the database or the newest
  // part of its audit log is damaged, FailedPrecondition where its schema was changed. Nothing is repaired or made anew: that
  // is for a person to decide. Reads all of a file up to kWholeCheckBytesMax.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const SqliteStoreOptions& options);

  absl::StatusOr<LoadReport> Load(int64_t now_ms, const Take& take) override;
  absl::Status Write(std::span<const StoreEntry* const> entries) override;
  absl::StatusOr<std::vector<std::string>> ReadAudit(uint64_t after, size_t limit) override;
  absl::StatusOr<AuditHead> Head() override;

 private:
  explicit SqliteStore(const SqliteStoreOptions& options) : options_(options) {}
  absl::Status Prepare();
  absl::Status CheckNewestLines();
  absl::Status LoadRows(int64_t now_ms, const Take& take, LoadReport* report);
  absl::Status WriteAll(std::span<const StoreEntry* const> entries, AuditHead* head);
  absl::Status WriteRow(const Change& change, int64_t time_ms);
  absl::Status WriteLine(const StoreEntry& entry, AuditHead* head);
  absl::Status Purge(size_t entries, int64_t now_ms);

  const SqliteStoreOptions options_;
  std::unique_ptr<StoreFile> file_;
  std::mutex mutex_;  // of the writing connection and all below
  std::unique_ptr<SqliteConnection> connection_;
  SqliteStatement row_;
  SqliteStatement line_;
  SqliteStatement setting_;
  SqliteStatement purge_old_;
  SqliteStatement purge_most_;
  SqliteStatement newest_;
  AuditHead head_;
  bool head_known_ = false;  // not after an error
  // Rows above over_max that are still to be purged; counted anew every so many entries.
  size_t surplus_ = 0;
  size_t entries_until_count_ = 0;
  std::unique_ptr<SqliteAudit> audit_;
};

}  // namespace stockade
