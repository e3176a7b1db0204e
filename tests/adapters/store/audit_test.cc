// Proves that the audit log says who did what, and that a line that was changed, dropped, moved or cut off is found out, in
// the store and in what was exported from it.
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "adapters/store/audit_line.h"
#include "adapters/store/audit_verify.h"
#include "adapters/store/sqlite_store.h"
#include "engine/decision/target.h"
#include "engine/limits.h"
#include "tests/adapters/programs.h"
#include "tests/adapters/store/store_scene.h"

namespace stockade {
namespace {

TEST_CASE("a line says when, who, what, to whom, until when and why", "[audit]") {
  Decision decision = DecisionOn(Scope::kIp, "203.0.113.9");
  const std::string tail =
      ",\"id\":\"00000000000000a1\",\"action\":\"block\",\"scope\":\"ip\",\"value\":\"203.0.113.9\","
      "\"until\":\"" +
      FormatTimeMs(kSceneMs + kHourMs) + "\",\"rule\":\"many_accounts\"";
  const std::string made = "\"time\":\"" + FormatTimeMs(kSceneMs) + "\"";
  const std::string later = "\"time\":\"" + FormatTimeMs(kSceneMs + 5) + "\"";
  const auto members = [&](ChangeKind kind) {
    return AuditMembers(ChangeEntry(kind, decision, kSceneMs + 5));
  };
  CHECK(members(ChangeKind::kAdded) == made + ",\"by\":\"rule many_accounts\",\"what\":\"added\"" + tail);
  CHECK(members(ChangeKind::kExtended) ==
        made + ",\"by\":\"rule many_accounts\",\"what\":\"extended\"" + tail);
  CHECK(members(ChangeKind::kExpired) == later + ",\"by\":\"time\",\"what\":\"expired\"" + tail);
  CHECK(members(ChangeKind::kRemoved) == later + ",\"by\":\"memory\",\"what\":\"removed\"" + tail);

  StoreEntry removed = ChangeEntry(ChangeKind::kRemoved, decision, kSceneMs + 5);
  std::get<Change>(removed.what).by = "alice";
  std::get<Change>(removed.what).why = "office \"Hamburg\"";
  CHECK(AuditMembers(removed) ==
        later + ",\"by\":\"alice\",\"what\":\"removed\"" + tail + ",\"why\":\"office \\\"Hamburg\\\"\"");

  // By hand: the decision's own reason is why. A rule's stands with the rule.
  StoreEntry given = ChangeEntry(ChangeKind::kAdded, decision, kSceneMs + 5);
  std::get<Change>(given.what).by = "alice";
  std::get<Change>(given.what).decision.reason = "ticket 4711";
  CHECK(AuditMembers(given) ==
        made + ",\"by\":\"alice\",\"what\":\"added\"" + tail + ",\"why\":\"ticket 4711\"");

  decision.action = Action::kChallenge;
  decision.shadow = true;
  CHECK(members(ChangeKind::kAdded).ends_with("\"kind\":\"human\",\"shadow\":true"));

  CHECK(AuditMembers(
            {.what = AuditNote{.time_ms = kSceneMs, .by = "alice", .what = "mode", .text = "observe"}}) ==
        made + ",\"by\":\"alice\",\"what\":\"mode\",\"text\":\"observe\"");
}

TEST_CASE("texts are cut at whole characters", "[audit]") {
  CHECK(CutText("short", 5) == "short");
  const std::string euros = "\u20ac\u20ac\u20ac\u20ac";  // three bytes each
  CHECK(CutText(euros, 11) == "\u20ac\u20ac\u2026");
  CHECK(CutText(euros, 10) == "\u20ac\u20ac\u2026");
  CHECK(CutText(euros, 9) == "\u20ac\u20ac\u2026");
  CHECK(CutText(euros, 8) == "\u20ac\u2026");
  CHECK(CutText(std::string(20, '\x80'), 10).size() <= 10);
  const StoreEntry note{.what = AuditNote{.time_ms = 1,
                                          .by = std::string(1 << 20, '"'),
                                          .what = std::string(1 << 20, '\\'),
                                          .why = std::string(1 << 20, '\x01'),
                                          .text = std::string(1 << 20, '\xff')}};
  CHECK(AuditMembers(note).size() < size_t{64} << 10);
}

// A store with some lines, and SQL past its guards as an intruder with the file would use it.
class Scene {
 public:
  Scene() {
    auto opened = SqliteStore::Open({.path = folder_ / "decisions.db"});
    REQUIRE(opened.ok());
    store_ = *std::move(opened);
    EntryStream stream(3);
    std::vector<StoreEntry> entries;
    for (int i = 0; i < 50; ++i) entries.push_back(stream.Next());
    REQUIRE(WriteEntries(store_.get(), entries).ok());
  }
  SqliteStore* store() { return store_.get(); }
  std::string path() const { return folder_ / "decisions.db"; }
  void Tamper(const std::string& sql) {
    sqlite3* connection = nullptr;
    REQUIRE(sqlite3_open(path().c_str(), &connection) == SQLITE_OK);
    const std::string all =
        "DROP TRIGGER audit_update; DROP TRIGGER audit_delete; DROP TRIGGER audit_insert;" + sql;
    CHECK(sqlite3_exec(connection, all.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(connection);
  }
  std::string Export() {
    std::string text;
    for (const std::string& line : AllLines(store_.get())) text += line + "\n";
    return text;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_CASE("a whole log is verified in the store and outside it", "[audit]") {
  Scene scene;
  const AuditHead head = *scene.store()->Head();
  CHECK(head.n == 50);
  CHECK(*VerifyAudit(scene.store()) == head);
  CHECK(*VerifyAudit(scene.store(), head) == head);
  std::istringstream lines(scene.Export());
  CHECK(*VerifyAudit(&lines, head) == head);
  // From its middle, behind a line that is known.
  std::vector<std::string> some = AllLines(scene.store());
  std::string tail;
  for (size_t i = 20; i < some.size(); ++i) tail += some[i] + "\n";
  std::istringstream tail_lines(tail);
  CHECK(*VerifyAudit(&tail_lines, head, {20, std::string(ChainOf(some[19]))}) == head);
  std::istringstream nothing("");
  CHECK(*VerifyAudit(&nothing) == AuditHead{});
}

TEST_CASE("what anybody does to the log in the store is found out, by the number of the line", "[audit]") {
  Scene scene;
  const AuditHead head = *scene.store()->Head();
  const auto found = [&](const std::string& sql, const std::string& text, const AuditHead& kept = {}) {
    scene.Tamper(sql);
    const auto verified = VerifyAudit(scene.store(), kept);
    INFO(verified.status().ToString());
    CHECK(absl::IsDataLoss(verified.status()));
    CHECK(std::string(verified.status().message()).find(text) != std::string::npos);
  };
  SECTION("a text changed") {
    found("UPDATE audit SET line = replace(line, 'time', 'tide') WHERE n = 7", "line 7 ");
  }
  SECTION("a line left out") {
    found("DELETE FROM audit WHERE n = 7", "line 7 must");
  }
  SECTION("the first line left out") {
    found("DELETE FROM audit WHERE n = 1", "line 1 must");
  }
  SECTION("two lines swapped") {
    found(
        "UPDATE audit SET n = -1 WHERE n = 7; UPDATE audit SET n = 7 WHERE n = 8; UPDATE audit SET n = 8 "
        "WHERE n = -1",
        "line 7 must");
  }
  SECTION("no text at all") {
    found("UPDATE audit SET line = '' WHERE n = 7", "line 7 ");
  }
  SECTION("bytes instead of text") {
    found("UPDATE audit SET line = CAST(line AS BLOB) WHERE n = 7", "line 7 ");
  }
  SECTION("the end cut off, where somebody kept the head") {
    found("DELETE FROM audit WHERE n > 40", "ends with line 40", head);
  }
  SECTION("all of it written anew, where somebody kept the head") {
    AuditHead other;
    std::string sql = "DELETE FROM audit;";
    for (int i = 0; i < 50; ++i) {
      const StoreEntry note{.what = AuditNote{.time_ms = i, .by = "mallory", .what = "nothing"}};
      sql += "INSERT INTO audit VALUES(" + std::to_string(i + 1) + ",'" + ExpectedLine(note, &other) + "');";
    }
    found(sql, "written anew", head);
    CHECK(VerifyAudit(scene.store()).ok());  // which is why heads are kept
  }
}

TEST_CASE("what anybody does to an exported log is found out too", "[audit]") {
  Scene scene;
  const std::string text = scene.Export();
  const auto verify = [](const std::string& changed) {
    std::istringstream lines(changed);
    return VerifyAudit(&lines).status();
  };
  CHECK(verify(text).ok());
  CHECK(absl::IsDataLoss(verify("x" + text)));
  CHECK(absl::IsDataLoss(verify(text.substr(text.find('\n') + 1))));
  CHECK(absl::IsDataLoss(verify(text + "{\"n\":51}\n")));
  CHECK(absl::IsDataLoss(verify(text.substr(0, text.size() - 10))));
  // Any one byte.
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string changed = text;
    const size_t at = random() % text.size();
    // Of the newlines one may be missing at the very end, or be two.
    if (changed[at] == '\n') continue;
    changed[at] = static_cast<char>(changed[at] ^ (1 << random() % 7));
    INFO("byte " << at);
    CHECK(absl::IsDataLoss(verify(changed)));
  }
}

TEST_CASE("a start finds a change in the newest part of the log, and says that it is damaged", "[audit]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  const uint64_t lines = GENERATE(5u, SqliteStore::kLinesChecked, SqliteStore::kLinesChecked + 1, 3000u);
  {
    const auto store = SqliteStore::Open({.path = path});
    REQUIRE(store.ok());
    std::vector<StoreEntry> entries;
    for (uint64_t i = 0; i < lines; ++i)
      entries.push_back({.what = AuditNote{.time_ms = 1, .by = "alice", .what = "reload"}});
    REQUIRE(WriteEntries(store->get(), entries).ok());
  }
  REQUIRE(SqliteStore::Open({.path = path}).ok());
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
  // The guard goes and comes back as it was: the schema says nothing.
  const std::string sql =
      "CREATE TEMP TABLE guard AS SELECT sql FROM sqlite_schema WHERE name = 'audit_update';"
      "DROP TRIGGER audit_update;"
      "UPDATE audit SET line = replace(line, 'alice', 'mandy') WHERE n = " +
      std::to_string(lines - 3) + ";";
  REQUIRE(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_stmt* guard = nullptr;
  REQUIRE(sqlite3_prepare_v2(connection, "SELECT sql FROM guard", -1, &guard, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(guard) == SQLITE_ROW);
  const std::string trigger = reinterpret_cast<const char*>(sqlite3_column_text(guard, 0));
  sqlite3_finalize(guard);
  REQUIRE(sqlite3_exec(connection, trigger.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(connection);
  const absl::Status status = SqliteStore::Open({.path = path}).status();
  INFO(status.ToString());
  CHECK(absl::IsDataLoss(status));
  CHECK(std::string(status.message()).find(Concat("line ", lines - 3)) != std::string::npos);
}

}  // namespace
}  // namespace stockade
