// Proves that a store gives back what was written, byte for byte where a look-up compares bytes, keeps what is over for as
// long and as many as it says, and lets nobody change its audit log through SQL.
#include "adapters/store/sqlite_store.h"

#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <memory>

#include "adapters/decision_json.h"
#include "engine/limits.h"
#include "tests/adapters/programs.h"
#include "tests/adapters/store/store_scene.h"

namespace stockade {
namespace {

std::unique_ptr<SqliteStore> Opened(const SqliteStoreOptions& options) {
  auto store = SqliteStore::Open(options);
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  return *std::move(store);
}

// SQL as anybody with the file may try it; what SQLite says.
std::string Sql(const std::string& path, const std::string& sql) {
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
  sqlite3_busy_timeout(connection, 5000);
  char* error = nullptr;
  sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &error);
  const std::string said = error == nullptr ? "" : error;
  sqlite3_free(error);
  sqlite3_close(connection);
  return said;
}

TEST_CASE("what was written is there after the process is gone: whole decisions, and in their order",
          "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db"};
  std::vector<StoreEntry> entries;
  for (const char* value : {"203.0.113.9", "203.0.113.8", "2001:db8::7"})
    entries.push_back(ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kIp, value)));
  entries.push_back(ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kRange, "198.51.100.0/24")));
  entries.push_back(ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kAsn, "64500")));
  entries.push_back(
      ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kFingerprint, "00112233445566778899aabbccddeeff")));
  Decision lock = DecisionOn(Scope::kAccount, "alice");
  lock.all_lanes = true;
  lock.campaign = "c7";
  lock.repeat = 3;
  entries.push_back(ChangeEntry(ChangeKind::kAdded, lock));
  REQUIRE(WriteEntries(Opened(options).get(), entries).ok());

  std::vector<std::string> loaded;
  const auto report = Opened(options)->Load(kSceneMs, [&](LoadedAs as, Decision&& decision) {
    CHECK(as == LoadedAs::kStanding);
    loaded.push_back(ToJson(decision));
    if (decision.scope == Scope::kRange) CHECK(decision.prefix.length == 24);
  });
  REQUIRE(report.ok());
  CHECK(report->standing == entries.size());
  REQUIRE(loaded.size() == entries.size());
  for (size_t i = 0; i < entries.size(); ++i)
    CHECK(loaded[i] == ToJson(std::get<Change>(entries[i].what).decision));
}

TEST_CASE("names that strangers chose come back byte for byte, also those that are no UTF-8", "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db"};
  std::vector<StoreEntry> entries;
  for (const std::string& name : HostileNames()) {
    Decision decision = DecisionOn(Scope::kAccount, name);
    decision.rule = decision.reason = decision.campaign = name;
    decision.evidence.title = name;
    decision.evidence.detector = decision.evidence.setting = name;
    decision.evidence.score = 15.25;
    decision.evidence.threshold = 13.8;
    decision.evidence.since_ms = kSceneMs - 1;
    decision.evidence.group = {{name, name}, {"user.name", name}};
    StoreEntry entry = ChangeEntry(ChangeKind::kAdded, decision);
    std::get<Change>(entry.what).by = std::get<Change>(entry.what).why = name;
    entries.push_back(entry);
    entries.push_back({.what = AuditNote{.time_ms = 1, .by = name, .what = name, .why = name, .text = name}});
  }
  REQUIRE(WriteEntries(Opened(options).get(), entries).ok());
  const auto store = Opened(options);
  std::vector<Decision> loaded;
  REQUIRE(store->Load(kSceneMs, [&](LoadedAs, Decision&& decision) { loaded.push_back(decision); }).ok());
  REQUIRE(loaded.size() == HostileNames().size());
  for (size_t i = 0; i < loaded.size(); ++i) {
    CHECK(loaded[i].value == HostileNames()[i]);
    // What people read is the same text, with U+FFFD for what is none.
    CHECK(ToJson(loaded[i]) == ToJson(std::get<Change>(entries[2 * i].what).decision));
  }
  AuditHead head;
  const std::vector<std::string> lines = AllLines(store.get());
  REQUIRE(lines.size() == entries.size());
  for (size_t i = 0; i < lines.size(); ++i) CHECK(lines[i] == ExpectedLine(entries[i], &head));
}

TEST_CASE("a decision with megabytes of text is kept with its texts cut, under the name it has", "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db"};
  const std::string megabyte(1 << 20, '\x01');
  Decision decision = DecisionOn(Scope::kAccount, megabyte);
  decision.rule = decision.reason = decision.campaign = megabyte;
  Evidence& evidence = decision.evidence;
  evidence.title = evidence.condition = evidence.counted_field = evidence.via = evidence.detector =
      evidence.setting = megabyte;
  evidence.group.assign(100, {megabyte, megabyte});
  REQUIRE(WriteEntries(Opened(options).get(), {ChangeEntry(ChangeKind::kAdded, decision)}).ok());
  const auto store = Opened(options);
  std::vector<Decision> loaded;
  const auto report =
      store->Load(kSceneMs, [&](LoadedAs, Decision&& one) { loaded.push_back(std::move(one)); });
  REQUIRE(report.ok());
  CHECK(report->first_unreadable == "");
  REQUIRE(loaded.size() == 1);
  CHECK(loaded[0].value == megabyte);
  CHECK(loaded[0].reason.size() <= kPrintedFieldBytesMax);
  CHECK(loaded[0].evidence.group.size() == kGroupsMax);
  CHECK(AllLines(store.get())[0].size() < kDecisionTextBytesMax);
}

TEST_CASE(
    "one that is prolonged has one row; a shadow, another kind of challenge and all lanes have their own",
    "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db"};
  Held held;
  std::vector<StoreEntry> entries;
  const auto add = [&](ChangeKind kind, const Decision& decision) {
    entries.push_back(ChangeEntry(kind, decision));
    held.Apply(entries.back());
  };
  Decision block = DecisionOn(Scope::kIp, "203.0.113.9");
  add(ChangeKind::kAdded, block);
  block.shadow = true;
  add(ChangeKind::kAdded, block);
  block.shadow = false;
  block.until_ms += kHourMs;
  block.id = "later";
  add(ChangeKind::kExtended, block);
  Decision challenge = block;
  challenge.action = Action::kChallenge;
  add(ChangeKind::kAdded, challenge);
  challenge.challenge_kind = ChallengeKind::kIdentity;
  add(ChangeKind::kAdded, challenge);
  Decision lock = DecisionOn(Scope::kAccount, "alice");
  add(ChangeKind::kAdded, lock);
  lock.all_lanes = true;
  add(ChangeKind::kAdded, lock);
  REQUIRE(held.standing.size() == 6);
  REQUIRE(WriteEntries(Opened(options).get(), entries).ok());
  CHECK(LoadAll(Opened(options).get()) == held);
}

TEST_CASE("of what is over it is known how, and for how long", "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db", .remember = absl::Hours(24)};
  const int64_t day_ms = 24 * kHourMs;
  const auto store = Opened(options);
  const Decision expired = DecisionOn(Scope::kIp, "203.0.113.1", kSceneMs + kHourMs);
  const Decision forever = DecisionOn(Scope::kIp, "203.0.113.2", kSceneMs + 3000 * day_ms);
  const Decision lapsed = DecisionOn(Scope::kIp, "203.0.113.3", kSceneMs + 2 * kHourMs);
  REQUIRE(WriteEntries(store.get(),
                       {ChangeEntry(ChangeKind::kAdded, expired), ChangeEntry(ChangeKind::kAdded, forever),
                        ChangeEntry(ChangeKind::kAdded, lapsed),
                        ChangeEntry(ChangeKind::kExpired, expired, kSceneMs + kHourMs),
                        ChangeEntry(ChangeKind::kRemoved, forever, kSceneMs + 3 * kHourMs)})
              .ok());
  const auto load = [&](int64_t now_ms) {
    std::map<std::string, LoadedAs> found;
    REQUIRE(store->Load(now_ms, [&](LoadedAs as, Decision&& decision) { found[decision.value] = as; }).ok());
    return found;
  };
  using Found = std::map<std::string, LoadedAs>;
  CHECK(load(kSceneMs + kHourMs) == Found{{"203.0.113.1", LoadedAs::kExpired},
                                          {"203.0.113.2", LoadedAs::kRemoved},
                                          {"203.0.113.3", LoadedAs::kStanding}});
  // At its very end a decision is over.
  CHECK(load(kSceneMs + 2 * kHourMs)["203.0.113.3"] == LoadedAs::kLapsed);
  // The removed one is forgotten a day after it was let go, not after three thousand.
  CHECK(load(kSceneMs + day_ms + 2 * kHourMs) ==
        Found{{"203.0.113.2", LoadedAs::kRemoved}, {"203.0.113.3", LoadedAs::kLapsed}});
  CHECK(load(kSceneMs + day_ms + 4 * kHourMs) == Found{{"203.0.113.3", LoadedAs::kLapsed}});

  // One that comes back stands again.
  REQUIRE(WriteEntries(store.get(), {ChangeEntry(ChangeKind::kAdded, forever)}).ok());
  CHECK(load(kSceneMs)["203.0.113.2"] == LoadedAs::kStanding);
}

TEST_CASE(
    "rows whose time to be remembered is over are purged with what is written, a bounded number at once",
    "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db", .remember = absl::Hours(1)};
  const auto store = Opened(options);
  std::vector<StoreEntry> entries;
  constexpr int kRows = 2000;
  for (int i = 0; i < kRows; ++i)
    entries.push_back(ChangeEntry(
        ChangeKind::kExpired, DecisionOn(Scope::kIp, Concat("10.0.", i / 256, ".", i % 256), kSceneMs + 1)));
  REQUIRE(WriteEntries(store.get(), entries).ok());
  CHECK(LoadAll(store.get()).over.size() == kRows);
  const StoreEntry later =
      ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kIp, "203.0.113.9", kSceneMs + 9 * kHourMs),
                  kSceneMs + 2 * kHourMs);
  size_t before = kRows;
  for (int i = 0; before > 0; ++i) {
    REQUIRE(i < 20);
    REQUIRE(WriteEntries(store.get(), {later}).ok());
    const size_t left = LoadAll(store.get()).over.size();
    CHECK(before - left <= SqliteStore::kPurgeRows + 1);
    CHECK(left < before);
    before = left;
  }
  CHECK(LoadAll(store.get()).standing.size() == 1);
}

TEST_CASE("of what is over no more is loaded than asked for, the newest first, and the rest is purged",
          "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db", .over_max = 100};
  std::vector<StoreEntry> entries;
  for (int i = 0; i < 1000; ++i) {
    entries.push_back(
        ChangeEntry(ChangeKind::kExpired,
                    DecisionOn(Scope::kIp, Concat("10.0.", i / 256, ".", i % 256), kSceneMs + 1 + i)));
  }
  auto store = Opened(options);
  REQUIRE(WriteEntries(store.get(), entries).ok());
  std::vector<int64_t> untils;
  REQUIRE(store->Load(kSceneMs, [&](LoadedAs, Decision&& one) { untils.push_back(one.until_ms); }).ok());
  REQUIRE(untils.size() == 100);
  for (size_t i = 0; i < untils.size(); ++i) CHECK(untils[i] == kSceneMs + 1000 - static_cast<int64_t>(i));

  // Opened anew it counts what there is.
  store.reset();
  store = Opened({.path = options.path, .over_max = 100});
  for (int i = 0; i < 10; ++i)
    REQUIRE(WriteEntries(store.get(), {{.what = AuditNote{.time_ms = 1, .by = "a", .what = "b"}}}).ok());
  store.reset();
  CHECK(LoadAll(Opened({.path = options.path}).get()).over.size() == 100);
}

TEST_CASE("the kill switch is found as it was left", "[store]") {
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db"};
  CHECK(LoadAll(Opened(options).get()).enforcing);
  for (const bool enforcing : {false, true, false}) {
    const StoreEntry pulled{.what = AuditNote{.time_ms = kSceneMs,
                                              .by = "alice",
                                              .what = "enforcing",
                                              .why = "shop is down",
                                              .enforcing = enforcing}};
    REQUIRE(WriteEntries(Opened(options).get(), {pulled}).ok());
    const auto store = Opened(options);
    CHECK(LoadAll(store.get()).enforcing == enforcing);
    CHECK(AllLines(store.get()).back().find(enforcing ? "\"enforcing\":true" : "\"enforcing\":false") !=
          std::string::npos);
  }
}

TEST_CASE("a batch with one decision that nobody could load again is refused whole", "[store]") {
  const TemporaryFolder folder;
  const auto store = Opened({.path = folder / "decisions.db"});
  const Decision good = DecisionOn(Scope::kIp, "203.0.113.9");
  std::vector<Decision> bad(9, good);
  bad[0].id = "";
  bad[1].id = std::string(kPrintedFieldBytesMax + 1, 'x');
  bad[2].value = "";
  bad[3].value = "203.0.113.0/24";
  bad[4].value = "nobody";
  bad[5].scope = Scope::kRange;
  bad[6].until_ms = bad[6].time_ms;
  bad[7].until_ms = INT64_MAX;
  bad[8].time_ms = INT64_MIN;
  for (const Decision& decision : bad) {
    const absl::Status status = WriteEntries(
        store.get(), {ChangeEntry(ChangeKind::kAdded, good), ChangeEntry(ChangeKind::kAdded, decision)});
    INFO(status.ToString());
    CHECK(absl::IsInvalidArgument(status));
  }
  CHECK(LoadAll(store.get()) == Held{});
  CHECK(store->Head()->n == 0);
  // The furthest times that are taken.
  Decision edge = good;
  edge.time_ms = -62'167'219'200'000;
  edge.until_ms = 253'402'300'799'999;
  REQUIRE(WriteEntries(store.get(), {ChangeEntry(ChangeKind::kAdded, edge)}).ok());
  CHECK(LoadAll(store.get()).standing.at(RowKey::Of(edge)) == RowText(edge));
}

TEST_CASE("the audit log can be read while the store is written, also by others, piece by piece", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  CHECK(absl::IsNotFound(SqliteAudit::Open(path).status()));
  const auto store = Opened({.path = path});
  const auto audit = SqliteAudit::Open(path);
  REQUIRE(audit.ok());
  CHECK((*audit)->ReadAudit(0, 10)->empty());
  CHECK(*(*audit)->Head() == AuditHead{});
  std::vector<StoreEntry> notes;
  for (int i = 0; i < 3000; ++i)
    notes.push_back(
        {.what = AuditNote{.time_ms = i, .by = "a", .what = "b", .text = std::string(4000, 'x')}});
  REQUIRE(WriteEntries(store.get(), notes).ok());
  CHECK((*audit)->Head()->n == 3000);
  CHECK((*audit)->ReadAudit(2990, 100)->size() == 10);
  CHECK((*audit)->ReadAudit(17, 1)->at(0).starts_with("{\"n\":18,"));
  CHECK((*audit)->ReadAudit(3000, 100)->empty());
  CHECK((*audit)->ReadAudit(UINT64_MAX, SIZE_MAX)->empty());
  CHECK((*audit)->ReadAudit(0, 0)->empty());
  // Not all 12 MB at once.
  const size_t some = (*audit)->ReadAudit(0, SIZE_MAX)->size();
  CHECK(some > 100);
  CHECK(some < 1500);
  CHECK(AllLines(audit->get()) == AllLines(store.get()));
}

TEST_CASE("the database itself refuses to change, drop, replace or leave out a line of the audit log",
          "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  const auto store = Opened({.path = path});
  const StoreEntry note{.what = AuditNote{.time_ms = 1, .by = "alice", .what = "reload"}};
  REQUIRE(WriteEntries(store.get(), {note, note}).ok());
  const auto lines = AllLines(store.get());
  for (const char* sql : {"UPDATE audit SET line = 'x' WHERE n = 1", "UPDATE audit SET n = 9 WHERE n = 2",
                          "DELETE FROM audit", "DELETE FROM audit WHERE n = 2",
                          "INSERT OR REPLACE INTO audit VALUES(2, 'x')", "REPLACE INTO audit VALUES(1, 'x')",
                          "INSERT INTO audit VALUES(4, 'x')", "INSERT INTO audit VALUES(0, 'x')",
                          "INSERT INTO audit VALUES(-1, 'x')", "INSERT INTO audit(line) VALUES('x')"}) {
    INFO(sql);
    // The last is caught too: a BEFORE trigger sees -1 for a number that is yet to be given.
    CHECK(Sql(path, sql).find("append-only") != std::string::npos);
  }
  CHECK(AllLines(store.get()) == lines);
  REQUIRE(WriteEntries(store.get(), {note}).ok());
}

TEST_CASE("a row that nothing can be made of is counted and named, and the others are loaded", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  std::vector<StoreEntry> entries;
  for (int i = 1; i <= 6; ++i)
    entries.push_back(ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kIp, Concat("203.0.113.", i))));
  REQUIRE(WriteEntries(Opened({.path = path}).get(), entries).ok());
  CHECK(
      Sql(path,
          "UPDATE decisions SET json = 'x' WHERE row = 2; UPDATE decisions SET json = x'00ff' WHERE row = 3;"
          "UPDATE decisions SET until_ms = until_ms + 1 WHERE row = 4;"
          "UPDATE decisions SET value = CAST('203.0.113.99' AS BLOB) WHERE row = 5") == "");
  std::vector<std::string> loaded;
  const auto report = Opened({.path = path})->Load(kSceneMs, [&](LoadedAs, Decision&& decision) {
    loaded.push_back(decision.value);
  });
  REQUIRE(report.ok());
  CHECK(loaded == std::vector<std::string>{"203.0.113.1", "203.0.113.6"});
  CHECK(report->unreadable == 4);
  CHECK(report->first_unreadable.find("row 2") != std::string::npos);
}

TEST_CASE("a write that another program holds up fails without a trace, and can be tried again", "[store]") {
  const TemporaryFolder folder;
  const std::string path = folder / "decisions.db";
  const auto store = Opened({.path = path});
  const StoreEntry entry = ChangeEntry(ChangeKind::kAdded, DecisionOn(Scope::kIp, "203.0.113.9"));
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  const absl::Status held_up = WriteEntries(store.get(), {entry});
  INFO(held_up.ToString());
  CHECK(absl::IsUnavailable(held_up));
  CHECK(LoadAll(store.get()) == Held{});
  sqlite3_close(other);
  REQUIRE(WriteEntries(store.get(), {entry}).ok());
  CHECK(LoadAll(store.get()).standing.size() == 1);
  CHECK(store->Head()->n == 1);
}

TEST_CASE("a random life of a store is as its model says", "[store]") {
  const uint32_t seed = GENERATE(1u, 2u, 3u);
  const TemporaryFolder folder;
  const SqliteStoreOptions options{.path = folder / "decisions.db"};
  EntryStream stream(seed);
  Held held;
  AuditHead head;
  std::vector<std::string> lines;
  for (int life = 0; life < 5; ++life) {
    const auto store = Opened(options);
    CHECK(LoadAll(store.get()) == held);
    for (int batch = 0; batch < 10; ++batch) {
      std::vector<StoreEntry> entries;
      for (uint32_t i = stream.Below(60); i > 0; --i) {
        entries.push_back(stream.Next());
        held.Apply(entries.back());
        lines.push_back(ExpectedLine(entries.back(), &head));
      }
      REQUIRE(WriteEntries(store.get(), entries).ok());
    }
    CHECK(LoadAll(store.get()) == held);
    CHECK(AllLines(store.get()) == lines);
    CHECK(*store->Head() == head);
  }
}

}  // namespace
}  // namespace stockade
