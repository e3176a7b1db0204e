// SQLite as the rest of this code speaks: connections that close themselves, statements whose values are always bound, and
// errors that say what to do.
//
// Statements are constants of the program: no text of a stranger ever becomes SQL. Not thread-safe: a connection and its
// statements are used by one thread at a time. Source: https://www.sqlite.org/c3ref/intro.html
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stockade {

// One prepared statement. Bind every parameter, Step until it gives false, and Reset before the next use. What is bound and
// what Text and Bytes give are views: the former must live until Reset, the latter do until the next Step.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  void Bind(int parameter, int64_t value) noexcept;
  void BindNull(int parameter) noexcept;
  void BindText(int parameter, std::string_view text) noexcept;
  void BindBytes(int parameter, std::string_view bytes) noexcept;
  // Whether there is a row.
  absl::StatusOr<bool> Step();
  // One that gives no rows, from begin to end; it is Reset.
  absl::Status Run();
  void Reset() noexcept;

  int64_t Integer(int column) const noexcept;
  bool IsNull(int column) const noexcept;
  // Text and bytes as they are stored; empty where there is something else.
  std::string_view Text(int column) const noexcept;
  std::string_view Bytes(int column) const noexcept;

 private:
  friend class SqliteConnection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const std::string* path_ = nullptr;  // the connection's
  int bound_ = SQLITE_OK;              // the first bind that failed
};

class SqliteConnection {
 public:
  enum class Mode : uint8_t { kRead, kWrite };
  // A database that is there: none is created. Untrusted in what it holds: no function or trigger in it may do more than its
  // schema needs.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Mode mode);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  const std::string& path() const noexcept { return path_; }
  // One or several statements that give nothing back.
  absl::Status Run(const char* sql);
  absl::StatusOr<SqliteStatement> Prepare(const char* sql);
  // The one number that a statement gives.
  absl::StatusOr<int64_t> Number(const char* sql);
  int changes() const noexcept { return sqlite3_changes(connection_); }
  // Whether a transaction is open. After an error SQLite may have ended it by itself.
  bool in_transaction() const noexcept { return sqlite3_get_autocommit(connection_) == 0; }

 private:
  SqliteConnection(std::string path, sqlite3* connection) : path_(std::move(path)), connection_(connection) {}

  std::string path_;
  sqlite3* connection_;
};

// What a result code means for the person in front of the machine. `connection` may be null.
absl::Status SqliteError(const std::string& path, int code, sqlite3* connection);

// What to do with a damaged database, the same wherever that is noticed.
std::string DamagedText(std::string_view path, std::string_view what);

}  // namespace stockade
