#include "adapters/store/sqlite_schema.h"

#include <iterator>
#include <span>
#include <string>

#include "engine/decision/decision.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Written into rows: a new enumerator goes to the end.
static_assert(static_cast<int>(Scope::kIp) == 0 && static_cast<int>(Scope::kRange) == 1 &&
              static_cast<int>(Scope::kAsn) == 2 && static_cast<int>(Scope::kFingerprint) == 3 &&
              static_cast<int>(Scope::kAccount) == 4);
static_assert(static_cast<int>(Action::kChallenge) == 0 && static_cast<int>(Action::kThrottle) == 1 &&
              static_cast<int>(Action::kBlock) == 2 && static_cast<int>(Action::kLock) == 3);
static_assert(static_cast<int>(ChallengeKind::kHuman) == 0 &&
              static_cast<int>(ChallengeKind::kIdentity) == 1);

// SQLite keeps the text of each as it is written here, which is how CheckSqliteSchema compares. In the order of their names.
constexpr const char* kSchema[] = {
    // n is checked too, since an INSERT OR REPLACE would drop a line past the other triggers.
    "CREATE TABLE audit(n INTEGER PRIMARY KEY, line TEXT NOT NULL)",
    "CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN "
    "SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_insert BEFORE INSERT ON audit "
    "WHEN NEW.n IS NOT (SELECT ifnull(max(n), 0) + 1 FROM audit) BEGIN "
    "SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN "
    "SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TABLE decisions(row INTEGER PRIMARY KEY, scope INTEGER NOT NULL, action INTEGER NOT NULL, "
    "kind INTEGER NOT NULL, all_lanes INTEGER NOT NULL, shadow INTEGER NOT NULL, value BLOB NOT NULL, "
    "until_ms INTEGER NOT NULL, state INTEGER NOT NULL, over_ms INTEGER, json TEXT NOT NULL)",
    "CREATE UNIQUE INDEX decisions_key ON decisions(scope, action, kind, all_lanes, shadow, value)",
    "CREATE INDEX decisions_over ON decisions(over_ms) WHERE over_ms IS NOT NULL",
    "CREATE TABLE settings(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
};

}  // namespace

absl::Status ForeignDatabase(std::string_view path) {
  return absl::FailedPreconditionError(
      Concat(path, ": is not a store of Stockade; it is left as it is. Name another file"));
}

absl::Status NewerDatabase(std::string_view path, int64_t version) {
  return absl::FailedPreconditionError(Concat(path, ": was written by a newer Stockade (schema ", version,
                                              "; this one knows ", kSqliteSchemaVersion,
                                              "). Run that one, or name another file"));
}

absl::Status CreateSqliteSchema(SqliteConnection* connection) {
  RETURN_IF_ERROR(connection->Run("BEGIN IMMEDIATE"));
  for (const char* statement : kSchema) RETURN_IF_ERROR(connection->Run(statement));
  RETURN_IF_ERROR(connection->Run(Concat("PRAGMA application_id = ", kSqliteApplicationId).c_str()));
  RETURN_IF_ERROR(connection->Run(Concat("PRAGMA user_version = ", kSqliteSchemaVersion).c_str()));
  return connection->Run("COMMIT");
}

absl::Status CheckSqliteSchema(SqliteConnection* connection) {
  ASSIGN_OR_RETURN(const int64_t application, connection->Number("PRAGMA application_id"));
  if (application != kSqliteApplicationId) return ForeignDatabase(connection->path());
  ASSIGN_OR_RETURN(const int64_t version, connection->Number("PRAGMA user_version"));
  if (version > kSqliteSchemaVersion) return NewerDatabase(connection->path(), version);

  // What SQLite makes for itself (indexes of keys, statistics) is named sqlite_….
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   connection->Prepare("SELECT name, sql FROM sqlite_schema "
                                       "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"));
  std::string wrong;
  size_t next = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    if (next == std::size(kSchema) || statement.Text(1) != kSchema[next]) {
      wrong = Concat("\"", statement.Text(0),
                     "\" is not what Stockade made, or stands where "
                     "something is missing");
      break;
    }
    ++next;
  }
  if (wrong.empty() && next < std::size(kSchema)) wrong = "something at its end is missing";
  if (wrong.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat(connection->path(), ": its schema was changed: ", wrong,
             ". Put a backup in its place, or move it aside and start with an empty ledger"));
}

absl::Status CheckSqlitePages(SqliteConnection* connection) {
  ASSIGN_OR_RETURN(const int64_t pages, connection->Number("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const int64_t page_bytes, connection->Number("PRAGMA page_size"));
  static constexpr const char* kWhole[] = {"PRAGMA quick_check(1)"};
  static constexpr const char* kParts[] = {"PRAGMA quick_check('decisions')",
                                           "PRAGMA quick_check('settings')"};
  const bool whole = pages * page_bytes <= kWholeCheckBytesMax;
  for (const char* check :
       whole ? std::span<const char* const>(kWhole) : std::span<const char* const>(kParts)) {
    ASSIGN_OR_RETURN(SqliteStatement statement, connection->Prepare(check));
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row || statement.Text(0) != "ok")
      return absl::DataLossError(DamagedText(connection->path(), row ? statement.Text(0) : "no answer"));
  }
  return absl::OkStatus();
}

}  // namespace stockade
