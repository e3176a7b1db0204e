// Proves, with real disks that are full, small or read-only, that a store says what is wrong, stores nothing by halves, and
// works again when the disk does. The disks are memory, mounted where only this process sees them: for root; others skip.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "adapters/store/audit_verify.h"
#include "adapters/store/sqlite_store.h"
#include "adapters/store/store_writer.h"
#include "tests/adapters/programs.h"
#include "tests/adapters/store/store_scene.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// A disk of so many bytes, for this process alone.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) : options_("size=" + size) {
    static const bool own_mounts =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    mounted_ = own_mounts && mount("none", folder_.path().c_str(), "tmpfs", 0, options_.c_str()) == 0;
    if (!mounted_) WARN("skipped: this user may not mount a disk of its own");
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  void Fill() {
    std::ofstream file(folder_ / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), 4096).flush()) continue;
  }
  void Free() { fs::remove(folder_ / "filler"); }
  bool SetReadOnly(bool read_only) {
    unsigned long flags = MS_REMOUNT;
    if (read_only) flags |= MS_RDONLY;
    return mount("none", folder_.path().c_str(), "tmpfs", flags, options_.c_str()) == 0;
  }

 private:
  TemporaryFolder folder_;
  std::string options_;
  bool mounted_ = false;
};

TEST_CASE("a full disk refuses a batch whole, and takes it when there is room", "[disk]") {
  SmallDisk disk("1m");
  if (!disk.mounted()) return;
  const auto store = SqliteStore::Open({.path = disk / "decisions.db"});
  REQUIRE(store.ok());
  EntryStream stream(1);
  Held held;
  std::vector<StoreEntry> entries;
  for (int i = 0; i < 100; ++i) {
    entries.push_back(stream.Next());
    held.Apply(entries.back());
  }
  REQUIRE(WriteEntries(store->get(), entries).ok());
  disk.Fill();
  std::vector<StoreEntry> more;
  Held held_after = held;
  for (int i = 0; i < 800; ++i) {
    more.push_back(stream.Next());
    held_after.Apply(more.back());
  }
  for (int again = 0; again < 3; ++again) {
    const absl::Status full = WriteEntries(store->get(), more);
    INFO(full.ToString());
    CHECK(absl::IsResourceExhausted(full));
    CHECK(std::string(full.message()).find("Free space") != std::string::npos);
    CHECK(LoadAll(store->get()) == held);
    CHECK((*store)->Head()->n == 100);
  }
  disk.Free();
  REQUIRE(WriteEntries(store->get(), {more.begin(), more.begin() + 400}).ok());
  CHECK((*store)->Head()->n == 500);
  CHECK(VerifyAudit(store->get())->n == 500);
}

TEST_CASE("a writer on a disk of a quarter of a megabyte fills it, waits, and goes on when there is room",
          "[disk]") {
  SmallDisk disk("256k");
  if (!disk.mounted()) return;
  auto opened = SqliteStore::Open({.path = disk / "decisions.db"});
  INFO(opened.status().ToString());
  REQUIRE(opened.ok());
  std::mutex mutex;
  std::vector<std::string> said;
  EntryStream stream(2);
  Held held;
  AuditHead head;
  std::vector<std::string> lines;
  {
    StoreWriter writer(opened->get(), [&](bool, std::string_view text) {
      const std::lock_guard lock(mutex);
      said.emplace_back(text);
    });
    const auto deadline = Clock::now() + std::chrono::seconds(60);
    StoreWriter::Ticket ticket = 0;
    while (!writer.figures().failing && Clock::now() < deadline) {
      const StoreEntry entry = stream.Next();
      held.Apply(entry);
      lines.push_back(ExpectedLine(entry, &head));
      if (const auto* note = std::get_if<AuditNote>(&entry.what)) {
        ticket = writer.Push(*note);
      } else {
        ticket = writer.Push(std::span(&std::get<Change>(entry.what), 1), entry.time_ms);
      }
      static_cast<void>(writer.WaitDurable(ticket, Clock::now() + std::chrono::milliseconds(20)));
    }
    REQUIRE(writer.figures().failing);
    CHECK(writer.figures().last_error.find("the disk is full") != std::string::npos);
    CHECK(absl::IsDeadlineExceeded(writer.WaitDurable(ticket, Clock::now())));
    // The disk grows.
    REQUIRE(mount("none", fs::path(disk / "decisions.db").parent_path().c_str(), "tmpfs", MS_REMOUNT,
                  "size=8m") == 0);
    REQUIRE(writer.WaitDurable(ticket, deadline).ok());
    CHECK(writer.Stop(deadline).ok());
  }
  REQUIRE(said.size() == 2);
  CHECK(said[0].find("the disk is full") != std::string::npos);
  CHECK(said[1] == "decisions are being stored again");
  opened->reset();
  const auto again = SqliteStore::Open({.path = disk / "decisions.db"});
  REQUIRE(again.ok());
  CHECK(AllLines(again->get()) == lines);
  CHECK(LoadAll(again->get()) == held);
}

TEST_CASE("on a disk without room no store is made, and nothing is left behind", "[disk]") {
  SmallDisk disk("256k");
  if (!disk.mounted()) return;
  disk.Fill();
  const absl::Status status = SqliteStore::Open({.path = disk / "decisions.db"}).status();
  INFO(status.ToString());
  CHECK(absl::IsResourceExhausted(status));
  CHECK_FALSE(fs::exists(disk / "decisions.db"));
  CHECK_FALSE(fs::exists(disk / "decisions.db.new"));
  disk.Free();
  CHECK(SqliteStore::Open({.path = disk / "decisions.db"}).ok());
}

TEST_CASE("a read-only disk is said at the start", "[disk]") {
  SmallDisk disk("4m");
  if (!disk.mounted()) return;
  const std::string path = disk / "decisions.db";
  {
    const auto store = SqliteStore::Open({.path = path});
    REQUIRE(store.ok());
    REQUIRE(WriteEntries(store->get(), {{.what = AuditNote{.time_ms = 1, .by = "a", .what = "b"}}}).ok());
  }
  REQUIRE(disk.SetReadOnly(true));
  const absl::Status status = SqliteStore::Open({.path = path}).status();
  INFO(status.ToString());
  CHECK(absl::IsPermissionDenied(status));
  CHECK(std::string(status.message()).find("writable") != std::string::npos);
  REQUIRE(disk.SetReadOnly(false));
  const auto store = SqliteStore::Open({.path = path});
  REQUIRE(store.ok());
  CHECK((*store)->Head()->n == 1);
}

TEST_CASE("a folder or a file that this user may not write is said at the start", "[disk]") {
  if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) {
    WARN("skipped: root may write anything here, and may not become nobody");
    return;
  }
  {
    const TemporaryFolder folder;
    const std::string path = folder / "decisions.db";
    REQUIRE(SqliteStore::Open({.path = path}).ok());
    const auto refuses = [&] {
      const absl::Status status = SqliteStore::Open({.path = path}).status();
      INFO(status.ToString());
      CHECK(absl::IsPermissionDenied(status));
      CHECK(std::string(status.message()).find("writable") != std::string::npos);
    };
    REQUIRE(chmod(path.c_str(), 0400) == 0);
    refuses();
    REQUIRE(chmod(path.c_str(), 0600) == 0);
    REQUIRE(chmod(folder.path().c_str(), 0500) == 0);
    refuses();
    fs::permissions(folder.path(), fs::perms::owner_all);
    CHECK(SqliteStore::Open({.path = path}).ok());
  }
  if (getuid() == 0) {
    CHECK(seteuid(0) == 0);
    CHECK(setegid(0) == 0);
  }
}

}  // namespace
}  // namespace stockade
