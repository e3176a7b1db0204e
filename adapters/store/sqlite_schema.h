// What a store's database looks like, version by version, and how one recognises it.
//
//   decisions  one row for each RowKey: how that decision stands (over_ms is NULL), or when it was over
//   audit      n and line; the database itself refuses to change or drop a line, or to leave out a number
//   settings   "enforcing": 0 or 1
//
// Numbers in decisions.scope, action and kind are those of the enumerators: new ones come at the end, none is used twice.
// A database of a newer version is refused: an older program would not know what it breaks.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "adapters/store/sqlite_connection.h"

namespace stockade {

// "Stkd" in the header of the file, by which `file` and we know it from another program's database.
inline constexpr int32_t kSqliteApplicationId = 0x53746b64;
inline constexpr int32_t kSqliteSchemaVersion = 1;

// Up to this size the whole file is checked at a start, at some 300 MiB a second; beyond it the
// decisions alone, and the newest part of the audit log, which can grow for years.
inline constexpr int64_t kWholeCheckBytesMax = int64_t{1} << 30;

// Makes the tables in an empty database.
absl::Status CreateSqliteSchema(SqliteConnection* connection);

// FailedPrecondition where the database is not ours, newer than we are, or its schema is not what CreateSqliteSchema makes of
// it (a dropped trigger, a table too many); DataLoss where pages are damaged.
absl::Status CheckSqliteSchema(SqliteConnection* connection);
absl::Status CheckSqlitePages(SqliteConnection* connection);

// The errors of both checks, also for who reads the file's header before SQLite does.
absl::Status ForeignDatabase(std::string_view path);
absl::Status NewerDatabase(std::string_view path, int64_t version);

}  // namespace stockade
