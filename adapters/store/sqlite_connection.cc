#include "adapters/store/sqlite_connection.h"

#include <cstring>
#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// How long a statement waits for another program that holds the file, the command line or a backup.
constexpr int kBusyMs = 2000;

}  // namespace

std::string DamagedText(std::string_view path, std::string_view what) {
  return Concat(path, ": the database is damaged: ", what, ". Stop Stockade, move ", path, ", ", path,
                "-wal and ", path,
                "-shm aside and keep them (`sqlite3 FILE .recover` reads what is left), and "
                "start again with a backup in their place, or with none and an empty ledger");
}

absl::Status SqliteError(const std::string& path, int code, sqlite3* connection) {
  // sqlite3_errmsg speaks of the connection's last call, which is the one that failed.
  const std::string_view said = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  const int error = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  std::string detail = Concat(said, " (", code, ")");
  if (error != 0) Append(&detail, ": ", std::string_view(std::strerror(error)));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          Concat(path, ": the disk is full: ", detail, ". Free space on it; what waits is then written"));
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(Concat(path, ": cannot be written: ", detail,
                                                ". The file, its folder and their disk must be writable"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          Concat(path, ": another program holds it: ", detail, ". End that program's transaction"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(DamagedText(path, detail));
    case SQLITE_NOMEM:
      return absl::ResourceExhaustedError(Concat(path, ": no memory: ", detail));
    case SQLITE_CANTOPEN:
      return absl::UnavailableError(Concat(path, ": cannot be opened: ", detail,
                                           ". The file must be there, and its folder be writable"));
    case SQLITE_IOERR:
      return absl::UnavailableError(
          Concat(path, ": the disk does not read or write: ", detail, ". See the kernel's log"));
    case SQLITE_CONSTRAINT:
      return absl::DataLossError(
          DamagedText(path, Concat("another program changed what is in it: ", detail)));
    default:
      return absl::InternalError(Concat(path, ": ", detail));
  }
}

void SqliteStatement::Bind(int parameter, int64_t value) noexcept {
  const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
  if (bound_ == SQLITE_OK) bound_ = code;
}

void SqliteStatement::BindNull(int parameter) noexcept {
  const int code = sqlite3_bind_null(statement_.get(), parameter);
  if (bound_ == SQLITE_OK) bound_ = code;
}

// A view without bytes may have no address, and that would be bound as NULL.
void SqliteStatement::BindText(int parameter, std::string_view text) noexcept {
  const int code = sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(),
                                       text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (bound_ == SQLITE_OK) bound_ = code;
}

void SqliteStatement::BindBytes(int parameter, std::string_view bytes) noexcept {
  const int code = sqlite3_bind_blob64(statement_.get(), parameter, bytes.empty() ? "" : bytes.data(),
                                       bytes.size(), SQLITE_STATIC);
  if (bound_ == SQLITE_OK) bound_ = code;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  sqlite3* const connection = sqlite3_db_handle(statement_.get());
  if (bound_ != SQLITE_OK) return SqliteError(*path_, bound_, connection);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(*path_, code, connection);
}

absl::Status SqliteStatement::Run() {
  const absl::StatusOr<bool> row = Step();
  Reset();
  return row.status();
}

void SqliteStatement::Reset() noexcept {
  bound_ = SQLITE_OK;
  // Says again what Step has said.
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int64_t SqliteStatement::Integer(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

bool SqliteStatement::IsNull(int column) const noexcept {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string_view SqliteStatement::Text(int column) const noexcept {
  if (sqlite3_column_type(statement_.get(), column) != SQLITE_TEXT) return {};
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view SqliteStatement::Bytes(int column) const noexcept {
  if (sqlite3_column_type(statement_.get(), column) != SQLITE_BLOB) return {};
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path, Mode mode) {
  sqlite3* connection = nullptr;
  // NOMUTEX: whoever owns a connection takes turns already.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::kWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  std::unique_ptr<SqliteConnection> owned(new SqliteConnection(path, connection));
  if (code != SQLITE_OK) return SqliteError(path, code, connection);
  // SQLite falls back to reading where it may not write.
  if (mode == Mode::kWrite && sqlite3_db_readonly(connection, "main") != 0)
    return SqliteError(path, SQLITE_READONLY, nullptr);
  sqlite3_busy_timeout(connection, kBusyMs);
  // https://www.sqlite.org/security.html, "Untrusted SQLite Database Files".
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  RETURN_IF_ERROR(owned->Run("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0"));
  return owned;
}

SqliteConnection::~SqliteConnection() {
  sqlite3_close_v2(connection_);  // v2: statements may go after it
}

absl::Status SqliteConnection::Run(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(path_, code, connection_);
}

absl::StatusOr<SqliteStatement> SqliteConnection::Prepare(const char* sql) {
  SqliteStatement statement;
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return SqliteError(path_, code, connection_);
  statement.statement_.reset(prepared);
  statement.path_ = &path_;
  return statement;
}

absl::StatusOr<int64_t> SqliteConnection::Number(const char* sql) {
  ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Integer(0) : 0;
}

}  // namespace stockade
