// Proves what a store promises of a crash: whatever moment it comes at, rows, audit lines and kill switch are what some prefix
// of the entries pushed made of them, and that prefix has every entry that was acknowledged.
//
// A process that writes is killed with SIGKILL at a random moment, also while it opens the store, and what it left is compared
// with a model, line by line and row by row; then another goes on where it stopped. kill -9 leaves the kernel's pages, so
// power loss is played apart: the write-ahead log is cut off at any byte, and bytes of its end are changed.
//
// STOCKADE_CRASH_ROUNDS=5000 makes it thousands of kills, however long they take; STOCKADE_CRASH_SEED another run.
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "adapters/store/audit_verify.h"
#include "adapters/store/sqlite_store.h"
#include "adapters/store/store_writer.h"
#include "tests/adapters/programs.h"
#include "tests/adapters/store/store_scene.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

// What writer and test both see, also after the writer was killed.
struct Told {
  std::atomic<uint64_t> pushed;        // entries of the stream, told before they are pushed
  std::atomic<uint64_t> acknowledged;  // told after they were
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

struct Unmap {
  void operator()(Told* told) const { munmap(told, sizeof(Told)); }
};
std::unique_ptr<Told, Unmap> Share() {
  void* const memory = mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return std::unique_ptr<Told, Unmap>(new (memory) Told{});
}

// The writer's life: never returns.
[[noreturn]] void WriteUntilKilled(const std::string& path, uint32_t seed, uint64_t from, uint32_t manners,
                                   Told* told) {
  auto store = SqliteStore::Open({.path = path});
  if (!store.ok()) {
    std::cerr << "the writer cannot open the store: " << store.status() << "\n";
    _exit(3);
  }
  EntryStream stream(seed);
  stream.Skip(from);
  std::mt19937 random(manners);
  uint64_t at = from;
  StoreWriter writer(store->get(), nullptr);
  while (at < from + 200'000) {
    const uint64_t size = 1 + random() % (random() % 8 == 0 ? 400 : 12);
    told->pushed = at + size;
    StoreWriter::Ticket ticket = 0;
    std::vector<Change> changes;
    int64_t now_ms = 0;
    const auto push = [&] {
      if (!changes.empty()) ticket = writer.Push(changes, now_ms);
      changes.clear();
    };
    for (uint64_t i = 0; i < size; ++i) {
      const StoreEntry entry = stream.Next();
      // Changes of one moment go together, as a desk pushes them.
      if (entry.time_ms != now_ms || !std::holds_alternative<Change>(entry.what)) push();
      if (const auto* note = std::get_if<AuditNote>(&entry.what)) {
        ticket = writer.Push(*note);
      } else {
        changes.push_back(std::get<Change>(entry.what));
        now_ms = entry.time_ms;
      }
    }
    push();
    at += size;
    // Now and then it goes on without waiting, as who has nobody to answer does.
    if (random() % 5 == 0) continue;
    const absl::Status durable = writer.WaitDurable(ticket, Clock::now() + std::chrono::seconds(60));
    if (!durable.ok()) {
      std::cerr << "the writer waits: " << durable << "\n";
      _exit(4);
    }
    told->acknowledged = at;
  }
  pause();
  _exit(5);
}

// What a store left by a killed writer has. The stream's model goes on with it.
class Survivor {
 public:
  explicit Survivor(uint32_t seed) : stream_(seed) {}

  uint64_t entries() const { return head_.n; }

  void Check(const std::string& path, uint64_t acknowledged, uint64_t pushed) {
    // Half of the time somebody reads the log first, who may not write.
    if (acknowledged % 2 == 1) {
      const auto audit = SqliteAudit::Open(path);
      INFO(audit.status().ToString());
      REQUIRE(audit.ok());
      REQUIRE((*audit)->Head()->n >= acknowledged);
    }
    auto store = SqliteStore::Open({.path = path});
    INFO(store.status().ToString());
    REQUIRE(store.ok());
    const auto verified = VerifyAudit(store->get());
    INFO(verified.status().ToString());
    REQUIRE(verified.ok());
    INFO("acknowledged " << acknowledged << ", found " << verified->n << ", pushed " << pushed);
    REQUIRE(verified->n >= acknowledged);
    REQUIRE(verified->n <= pushed);
    while (head_.n < verified->n) {
      const auto lines = (*store)->ReadAudit(head_.n, 1000);
      REQUIRE(lines.ok());
      REQUIRE_FALSE(lines->empty());
      for (const std::string& line : *lines) {
        const StoreEntry entry = stream_.Next();
        held_.Apply(entry);
        REQUIRE(line == ExpectedLine(entry, &head_));
      }
    }
    REQUIRE(*verified == head_);
    REQUIRE(LoadAll(store->get()) == held_);
  }

 private:
  EntryStream stream_;
  AuditHead head_;
  Held held_;
};

TEST_CASE("a writer killed at any moment leaves a prefix of what it pushed, with all that was acknowledged",
          "[crash]") {
  const uint32_t rounds_wanted = FromEnvironment("STOCKADE_CRASH_ROUNDS", 0);
  const uint32_t rounds_max = rounds_wanted > 0 ? rounds_wanted : 250;
  // A machine that has other things to do makes fewer of them.
  const auto enough = rounds_wanted > 0 ? Clock::time_point::max() : Clock::now() + std::chrono::seconds(40);
  const uint32_t seed = FromEnvironment("STOCKADE_CRASH_SEED", 20261126);
  INFO("STOCKADE_CRASH_SEED=" << seed);
  // A file lives through so many kills, until its log is long enough to slow the others down.
  constexpr uint32_t kKillsEach = 25;
  std::mt19937 random(seed);
  const auto told = Share();
  uint64_t acknowledged = 0;
  uint64_t unacknowledged = 0;
  uint32_t silent = 0;
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<Survivor> survivor;
  uint32_t stream_seed = 0;
  uint32_t rounds = 0;
  for (; rounds < rounds_max && (rounds < 5 || Clock::now() < enough); ++rounds) {
    const uint32_t round = rounds;
    INFO("round " << round);
    if (round % kKillsEach == 0) {
      folder = std::make_unique<TemporaryFolder>();
      stream_seed = static_cast<uint32_t>(random());
      survivor = std::make_unique<Survivor>(stream_seed);
    }
    const std::string path = *folder / "decisions.db";
    const uint64_t from = survivor->entries();
    const auto manners = static_cast<uint32_t>(random());
    told->pushed = from;
    told->acknowledged = from;
    const pid_t parent = getpid();
    const pid_t writer = fork();
    REQUIRE(writer >= 0);
    if (writer == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      WriteUntilKilled(path, stream_seed, from, manners, told.get());
    }
    // One in four is killed on the way to its first entry, the rest somewhere behind it.
    const auto wait = std::chrono::microseconds(random() % 40'000);
    if (random() % 4 != 0) {
      const auto deadline = Clock::now() + std::chrono::seconds(60);
      while (told->acknowledged == from && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    std::this_thread::sleep_for(wait);
    kill(writer, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(writer, &status, 0) == writer);
    REQUIRE(WIFSIGNALED(status));  // not an exit of its own
    // Killed before its first entry a writer may have left no file.
    survivor->Check(path, told->acknowledged, told->pushed);
    acknowledged += told->acknowledged - from;
    unacknowledged += survivor->entries() - told->acknowledged;
    silent += survivor->entries() == from ? 1 : 0;
  }
  std::cout << rounds << " kills: " << acknowledged << " entries acknowledged and there, " << unacknowledged
            << " more there, " << silent << " writers killed before they wrote\n";
  // Otherwise nothing was tested.
  CHECK(acknowledged > rounds);
  CHECK(unacknowledged > 0);
  CHECK(silent < rounds);
}

// A store that lies still with a write-ahead log, and how long that log was after each transaction.
class StillStore {
 public:
  // `carry_over_every`: so often what is in the log is carried over into the database, and the log begins again; 0: never.
  StillStore(uint32_t seed, int transactions, uint32_t entries_max, int carry_over_every = 0) {
    auto opened = SqliteStore::Open({.path = path()});
    REQUIRE(opened.ok());
    store_ = *std::move(opened);
    EntryStream stream(seed);
    ends_.push_back({0, WalBytes()});
    AuditHead head;
    held_.push_back({});
    for (int i = 0; i < transactions; ++i) {
      std::vector<StoreEntry> entries;
      const uint32_t size = 1 + stream.Below(entries_max);
      for (uint32_t e = 0; e < size; ++e) {
        entries.push_back(stream.Next());
        lines_.push_back(ExpectedLine(entries.back(), &head));
        held_.push_back(held_.back());
        held_.back().Apply(entries.back());
      }
      REQUIRE(WriteEntries(store_.get(), entries).ok());
      ends_.push_back({lines_.size(), WalBytes()});
      if (carry_over_every > 0 && i % carry_over_every == carry_over_every - 1) CarryOver();
    }
  }

  std::string path() const { return folder_ / "decisions.db"; }
  void CarryOver() const {
    sqlite3* connection = nullptr;
    REQUIRE(sqlite3_open(path().c_str(), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, "PRAGMA wal_checkpoint(PASSIVE)", nullptr, nullptr, nullptr) ==
            SQLITE_OK);
    sqlite3_close(connection);
  }
  uintmax_t WalBytes() const {
    std::error_code none;
    const uintmax_t bytes = fs::file_size(path() + "-wal", none);
    return none ? 0 : bytes;
  }

  struct End {
    uint64_t entries;
    uintmax_t wal_bytes;
  };
  // After each transaction; the first before any.
  const std::vector<End>& ends() const { return ends_; }

  // As the machine would find it after it stopped: a copy, whose log `damage` has been at.
  template <typename Damage>
  uint64_t EntriesAfter(Damage damage) const {
    const TemporaryFolder copy;
    const std::string there = copy / "decisions.db";
    fs::copy_file(path(), there);
    fs::copy_file(path() + "-wal", there + "-wal");
    damage(there + "-wal");
    auto store = SqliteStore::Open({.path = there});
    INFO(store.status().ToString());
    REQUIRE(store.ok());
    const auto head = VerifyAudit(store->get());
    INFO(head.status().ToString());
    REQUIRE(head.ok());
    REQUIRE(head->n <= lines_.size());
    REQUIRE(AllLines(store->get()) ==
            std::vector<std::string>(lines_.begin(), lines_.begin() + static_cast<ptrdiff_t>(head->n)));
    REQUIRE(LoadAll(store->get()) == held_[head->n]);
    // And it goes on from there.
    REQUIRE(WriteEntries(store->get(), {{.what = AuditNote{.time_ms = 1, .by = "test", .what = "on"}}}).ok());
    REQUIRE(VerifyAudit(store->get())->n == head->n + 1);
    return head->n;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> store_;
  std::vector<std::string> lines_;
  std::vector<Held> held_;  // after so many entries
  std::vector<End> ends_;
};

TEST_CASE(
    "a write-ahead log cut off at any byte gives the transactions that are whole before it, and no more",
    "[crash]") {
  const StillStore store(7, 25, 6);
  std::mt19937 random(11);
  std::vector<uintmax_t> cuts;
  for (const StillStore::End& end : store.ends())
    for (const int by : {-1, 0, 1})
      if (by >= 0 || end.wal_bytes > 0) cuts.push_back(end.wal_bytes + static_cast<uintmax_t>(by));
  for (int i = 0; i < 60; ++i) cuts.push_back(random() % (store.WalBytes() + 1));
  for (uintmax_t cut : cuts) {
    cut = std::min(cut, store.WalBytes());
    uint64_t expected = 0;
    for (const StillStore::End& end : store.ends())
      if (end.wal_bytes <= cut) expected = end.entries;
    INFO("cut at " << cut << " of " << store.WalBytes());
    CHECK(store.EntriesAfter([cut](const std::string& wal) { fs::resize_file(wal, cut); }) == expected);
  }
}

TEST_CASE("bytes changed in a write-ahead log, or zeros for its end, leave a prefix of its transactions",
          "[crash]") {
  const StillStore store(8, 25, 6);
  std::mt19937 random(13);
  for (int i = 0; i < 60; ++i) {
    const uintmax_t at = random() % store.WalBytes();
    const bool zeros = i % 2 == 0;
    uint64_t expected = 0;
    for (const StillStore::End& end : store.ends())
      if (end.wal_bytes <= at) expected = end.entries;
    INFO((zeros ? "zeros from " : "a byte changed at ") << at << " of " << store.WalBytes());
    const uint64_t found = store.EntriesAfter([&](const std::string& wal) {
      std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const std::string new_bytes =
          zeros ? std::string(store.WalBytes() - at, '\0') : std::string(1, static_cast<char>(~file.get()));
      file.seekp(static_cast<std::streamoff>(at));
      file << new_bytes;
    });
    // The header of the log has bytes that say nothing of what it holds, and zeros may change nothing.
    CHECK(found >= expected);
    if (!zeros && at >= 32) CHECK(found == expected);
  }
}

TEST_CASE("the same holds where part of the log is in the database already", "[crash]") {
  const StillStore store(9, 120, 30, 25);
  std::mt19937 random(17);
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < 15; ++i) {
    const uintmax_t cut = i == 0 ? 0 : random() % (store.WalBytes() + 1);
    INFO("cut at " << cut << " of " << store.WalBytes());
    const uint64_t found = store.EntriesAfter([cut](const std::string& wal) { fs::resize_file(wal, cut); });
    const bool at_an_end = std::any_of(store.ends().begin(), store.ends().end(),
                                       [found](const StillStore::End& end) { return end.entries == found; });
    CHECK(at_an_end);
    if (i == 0) least = found;
    CHECK(found >= least);
  }
  CHECK(least > 0);
}

}  // namespace
}  // namespace stockade
