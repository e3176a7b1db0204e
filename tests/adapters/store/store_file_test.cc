// Proves that a store is never made of, beside, or instead of what somebody else may want to keep: every file that is not
// ours, not whole, or in use is refused with what to do, and left as it is.
#include "adapters/store/store_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "adapters/store/sqlite_schema.h"
#include "adapters/store/sqlite_store.h"
#include "tests/adapters/programs.h"
#include "tests/adapters/store/store_scene.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

absl::Status OpenStatus(const std::string& path) {
  return SqliteStore::Open({.path = path}).status();
}

void CheckSays(const absl::Status& status, absl::StatusCode code, const std::string& text) {
  INFO(status.ToString());
  CHECK(status.code() == code);
  CHECK(std::string(status.message()).find(text) != std::string::npos);
}

void RunSql(const std::string& path, const std::string& sql) {
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
  char* error = nullptr;
  sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &error);
  INFO((error == nullptr ? "" : error));
  CHECK(error == nullptr);
  sqlite3_free(error);
  sqlite3_close(connection);
}

void FillStore(const std::string& path, int decisions) {
  auto store = SqliteStore::Open({.path = path});
  REQUIRE(store.ok());
  std::vector<StoreEntry> entries;
  for (int i = 0; i < decisions; ++i) {
    entries.push_back(
        ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kIp, Concat("10.0.", i / 256, ".", i % 256))));
  }
  REQUIRE(WriteEntries(store->get(), entries).ok());
}

TEST_CASE("nobody but its owner reads a store, nor what lies beside it", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  const mode_t before = umask(0);
  auto store = SqliteStore::Open({.path = path});
  umask(before);
  REQUIRE(store.ok());
  REQUIRE(WriteEntries(store->get(), {{.what = AuditNote{.time_ms = 1, .by = "a", .what = "b"}}}).ok());
  for (const char* part : {"", "-wal", "-shm", ".lock"}) {
    struct stat file;
    INFO(part);
    REQUIRE(stat((path + part).c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == 0600);
  }
  CHECK_FALSE(fs::exists(path + ".new"));
  store->reset();
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  REQUIRE(OpenStatus(path).ok());
  struct stat file;
  REQUIRE(stat(path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
}

TEST_CASE("a store has one writer: a second one is told which process it is, and may come when that is gone",
          "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  {
    const auto store = SqliteStore::Open({.path = path});
    REQUIRE(store.ok());
    CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, Concat("process ", getpid()));
    // By another name too.
    fs::create_symlink("decisions.db", folder / "link.db");
    CheckSays(OpenStatus(folder / "link.db"), absl::StatusCode::kFailedPrecondition, "another Stockade");
    // And from another process.
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(OpenStatus(path).code() == absl::StatusCode::kFailedPrecondition ? 0 : 1);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    REQUIRE(WriteEntries(store->get(), {{.what = AuditNote{.time_ms = 1, .by = "a", .what = "b"}}}).ok());
  }
  CHECK(OpenStatus(path).ok());
}

TEST_CASE("a store of two names is refused, for each would have a journal of its own", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  REQUIRE(OpenStatus(path).ok());
  fs::create_hard_link(path, folder / "second.db");
  CheckSays(OpenStatus(folder / "second.db"), absl::StatusCode::kFailedPrecondition, "2 names");
  CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, "2 names");
  fs::remove(folder / "second.db");
  CHECK(OpenStatus(path).ok());
}

TEST_CASE("a file that is no store is refused and left as it is, to the byte", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  const auto refuses = [&] {
    const std::string before = ReadText(path);
    const std::string journal_before = ReadText(path + "-journal");
    const std::string wal_before = ReadText(path + "-wal");
    CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, "is not a store of Stockade");
    CHECK(ReadText(path) == before);
    CHECK(ReadText(path + "-journal") == journal_before);
    CHECK(ReadText(path + "-wal") == wal_before);
  };
  SECTION("text") {
    folder.Write("decisions.db", "customer,balance\nalice,12\n");
    refuses();
  }
  SECTION("a few bytes") {
    folder.Write("decisions.db", "SQLite format 3");
    refuses();
  }
  SECTION("another program's database") {
    RunSql(path, "CREATE TABLE orders(n); INSERT INTO orders VALUES(1)");
    refuses();
  }
  SECTION("another program's database that names itself") {
    RunSql(path, "PRAGMA application_id = 7; CREATE TABLE orders(n)");
    refuses();
  }
  SECTION("another program's database, with a transaction that only its log holds") {
    const std::string live = folder / "live.db";
    sqlite3* connection = nullptr;
    REQUIRE(sqlite3_open(live.c_str(), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, "PRAGMA journal_mode = WAL; CREATE TABLE orders(n)", nullptr, nullptr,
                         nullptr) == SQLITE_OK);
    fs::copy_file(live, path);
    fs::copy_file(live + "-wal", path + "-wal");
    sqlite3_close(connection);
    REQUIRE(ReadText(path + "-wal").size() > 1000);
    // Opened by SQLite it would be carried over into the database.
    refuses();
  }
  SECTION("a folder, and a pipe that nobody writes to") {
    fs::create_directory(path);
    CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, "is not a store of Stockade");
    const std::string pipe = folder / "pipe.db";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    CheckSays(OpenStatus(pipe), absl::StatusCode::kFailedPrecondition, "is not a store of Stockade");
  }
}

TEST_CASE("a store that lost everything is not taken for a new one", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  folder.Write("decisions.db", "");
  CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, "is empty");
  CHECK(fs::file_size(path) == 0);

  // A log without its database holds what was acknowledged: SQLite would throw it away.
  fs::remove(path);
  for (const char* journal : {"decisions.db-wal", "decisions.db-journal"}) {
    folder.Write(journal, "what was acknowledged");
    CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, journal);
    CHECK(ReadText(folder / journal) == "what was acknowledged");
    CHECK_FALSE(fs::exists(path));
    fs::remove(folder / journal);
  }
  CHECK(OpenStatus(path).ok());
}

TEST_CASE("what an interrupted creation left is no obstacle", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  folder.Write("decisions.db.new", "half a database");
  folder.Write("decisions.db.new-journal", "and its journal");
  CHECK(OpenStatus(path).ok());
  CHECK_FALSE(fs::exists(path + ".new"));
  CHECK_FALSE(fs::exists(path + ".new-journal"));
}

TEST_CASE("names that SQLite would read something else into are refused", "[store]") {
  for (const char* name : {"", ":memory:", "file:x.db?mode=memory", "/tmp/"}) {
    INFO(name);
    CheckSays(OpenStatus(name), absl::StatusCode::kInvalidArgument, "no name of a file");
  }
  const TemporaryFolder folder;
  CheckSays(OpenStatus(folder / "none/decisions.db"), absl::StatusCode::kFailedPrecondition,
            "folder must be there");
}

TEST_CASE("a store of a newer Stockade is refused, whether its file or its log says so", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  FillStore(path, 10);
  SECTION("its file") {
    RunSql(path, "PRAGMA user_version = 2");
    CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, "newer Stockade (schema 2");
    CheckSays(SqliteAudit::Open(path).status(), absl::StatusCode::kFailedPrecondition, "newer Stockade");
  }
  SECTION("its log alone") {
    const std::string copy = folder / "copy.db";
    sqlite3* connection = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, "PRAGMA user_version = 3", nullptr, nullptr, nullptr) == SQLITE_OK);
    fs::copy_file(path, copy);
    fs::copy_file(path + "-wal", copy + "-wal");
    sqlite3_close(connection);
    CheckSays(OpenStatus(copy), absl::StatusCode::kFailedPrecondition, "newer Stockade (schema 3");
  }
}

TEST_CASE("a store whose schema somebody changed is refused", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  FillStore(path, 10);
  const auto refuses = [&](const std::string& sql) {
    RunSql(path, sql);
    CheckSays(OpenStatus(path), absl::StatusCode::kFailedPrecondition, "schema was changed");
  };
  SECTION("no guard of the audit log") {
    refuses("DROP TRIGGER audit_update");
  }
  SECTION("the last of it") {
    refuses("DROP TABLE settings");
  }
  SECTION("one that lets decisions go") {
    refuses("CREATE TRIGGER mine AFTER INSERT ON decisions BEGIN DELETE FROM decisions; END");
  }
  SECTION("statistics are no change") {
    RunSql(path, "ANALYZE");
    CHECK(OpenStatus(path).ok());
  }
}

TEST_CASE("damaged pages are found at the start, and it is said what to do; nothing is made anew",
          "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  FillStore(path, 500);
  const std::string whole = ReadText(path);
  REQUIRE(whole.size() > 40 * 4096);
  for (const size_t page : {size_t{2}, size_t{9}, whole.size() / 4096 - 2}) {
    std::string damaged = whole;
    for (size_t i = 0; i < 200; ++i) damaged[page * 4096 + i] = static_cast<char>(0xa5 ^ i);
    folder.Write("decisions.db", damaged);
    INFO("page " << page);
    const absl::Status status = OpenStatus(path);
    CheckSays(status, absl::StatusCode::kDataLoss, "aside");
    CHECK(ReadText(path) == damaged);
  }
  // Cut off in the middle.
  folder.Write("decisions.db", whole.substr(0, whole.size() / 2));
  CheckSays(OpenStatus(path), absl::StatusCode::kDataLoss, "aside");
  folder.Write("decisions.db", whole);
  CHECK(OpenStatus(path).ok());
}

TEST_CASE("random damage anywhere is an error, or changes nothing that is loaded", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  FillStore(path, 300);
  const std::string whole = ReadText(path);
  std::mt19937 random(5);
  for (int i = 0; i < 40; ++i) {
    std::string damaged = whole;
    const size_t at = random() % whole.size();
    const size_t size = 1 + random() % 64;
    for (size_t b = at; b < std::min(at + size, whole.size()); ++b) damaged[b] = static_cast<char>(random());
    folder.Write("decisions.db", damaged);
    INFO("damaged at " << at);
    const auto store = SqliteStore::Open({.path = path});
    if (!store.ok()) continue;
    size_t loaded = 0;
    const auto report = (*store)->Load(kSceneMs, [&](LoadedAs, Decision&&) { ++loaded; });
    // A byte of a text for people may change without anybody noticing; a row does not go missing.
    if (report.ok()) CHECK(loaded + report->unreadable == 300);
  }
}

TEST_CASE("a store that is moved away or replaced under its writer takes nothing more", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  const std::vector<StoreEntry> note{{.what = AuditNote{.time_ms = 1, .by = "a", .what = "b"}}};
  const auto store = SqliteStore::Open({.path = path});
  REQUIRE(store.ok());
  REQUIRE(WriteEntries(store->get(), note).ok());
  fs::rename(path, path + ".moved");
  CheckSays(WriteEntries(store->get(), note), absl::StatusCode::kFailedPrecondition, "was moved");
  folder.Write("decisions.db", "another");
  CheckSays(WriteEntries(store->get(), note), absl::StatusCode::kFailedPrecondition, "was moved");
  fs::rename(path + ".moved", path);
  CHECK(WriteEntries(store->get(), note).ok());
}

}  // namespace
}  // namespace stockade
