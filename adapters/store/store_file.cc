#include "adapters/store/store_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "adapters/owned_file.h"
#include "adapters/store/disk_file.h"
#include "adapters/store/sqlite_connection.h"
#include "adapters/store/sqlite_schema.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// https://www.sqlite.org/fileformat.html, "The Database Header".
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr size_t kHeaderBytes = 100;
constexpr size_t kVersionAt = 60;
constexpr size_t kApplicationAt = 68;

int32_t BigEndian(const unsigned char* bytes) noexcept {
  return static_cast<int32_t>(static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
                              static_cast<uint32_t>(bytes[2]) << 8 | bytes[3]);
}

bool HasBytes(const std::string& path) noexcept {
  struct stat file;
  return stat(path.c_str(), &file) == 0 && file.st_size > 0;
}

}  // namespace

absl::Status StoreFile::CheckHeader(const std::string& path) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return absl::NotFoundError(Concat(path, ": no store is there"));
    return DiskError(path, "cannot be read", errno);
  }
  if (!S_ISREG(file.st_mode)) return ForeignDatabase(path);
  const OwnedFile opened(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (opened.get() < 0) return DiskError(path, "cannot be read", errno);
  std::array<unsigned char, kHeaderBytes> header;
  const ssize_t size = pread(opened.get(), header.data(), header.size(), 0);
  if (size < 0) return DiskError(path, "cannot be read", errno);
  if (size == 0) {
    return absl::FailedPreconditionError(
        Concat(path,
               ": is empty: no store, or one that lost everything. Put a backup in its place, or remove "
               "it to start with an empty ledger"));
  }
  if (size < static_cast<ssize_t>(header.size()) ||
      std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0 ||
      BigEndian(header.data() + kApplicationAt) != kSqliteApplicationId)
    return ForeignDatabase(path);
  const int32_t version = BigEndian(header.data() + kVersionAt);
  if (version > kSqliteSchemaVersion) return NewerDatabase(path, version);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<StoreFile>> StoreFile::OpenOrCreate(const std::string& name) {
  // SQLite reads more than a file's name out of these.
  if (name.empty() || name.starts_with(":") || name.starts_with("file:") || name.ends_with("/"))
    return absl::InvalidArgumentError(Concat("\"", name, "\" is no name of a file for a store"));
  // One file has one lock, whatever links lead to it.
  std::array<char, PATH_MAX> real;
  const std::string path = realpath(name.c_str(), real.data()) != nullptr ? std::string(real.data()) : name;
  // Before anything else is opened: closing a file lets go of the locks that this process has on it (fcntl(2)), and another
  // store of this process may be at work on it.
  ASSIGN_OR_RETURN(const int lock, LockFile(path, "store"));
  std::unique_ptr<StoreFile> file(new StoreFile(path, lock));
  absl::Status there = CheckHeader(path);
  if (absl::IsNotFound(there)) there = file->Create();
  RETURN_IF_ERROR(there);
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return DiskError(path, "cannot be read", errno);
  // The lock and SQLite's journal go by the name; under a second one another process would write beside us
  // (https://www.sqlite.org/howtocorrupt.html, "Multiple links to the same file").
  if (status.st_nlink > 1)
    return absl::FailedPreconditionError(
        Concat(path, ": has ", status.st_nlink,
               " names (hard links), and a store may have one. Remove the others, or copy it"));
  file->device_ = status.st_dev;
  file->inode_ = status.st_ino;
  if ((status.st_mode & 077) != 0 && chmod(path.c_str(), 0600) != 0)
    return DiskError(path, "others may read it, and that cannot be changed", errno);
  return file;
}

absl::Status StoreFile::Create() const {
  for (const char* journal : {"-wal", "-journal"}) {
    if (HasBytes(path_ + journal)) {
      return absl::FailedPreconditionError(Concat(
          path_, ": is not there, but its ", path_, journal,
          " is. Put the database back beside it, or move that aside too to start with an empty ledger"));
    }
  }
  const std::string fresh = path_ + ".new";
  for (const char* part : {"", "-wal", "-shm", "-journal"}) unlink((fresh + part).c_str());
  {
    const OwnedFile created(open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (created.get() < 0) return DiskError(fresh, "cannot be created", errno);
  }
  const auto fill = [&]() -> absl::Status {
    {
      ASSIGN_OR_RETURN(const auto connection, SqliteConnection::Open(fresh, SqliteConnection::Mode::kWrite));
      // Before the first table, and before WAL: so the header is whole in the file itself.
      RETURN_IF_ERROR(connection->Run("PRAGMA page_size = 4096; PRAGMA synchronous = FULL"));
      RETURN_IF_ERROR(CreateSqliteSchema(connection.get()));
      RETURN_IF_ERROR(connection->Run("PRAGMA journal_mode = WAL"));
    }
    if (HasBytes(fresh + "-wal"))
      return absl::UnavailableError(Concat(fresh, ": the disk does not take the database"));
    RETURN_IF_ERROR(SyncPath(fresh, O_RDWR));
    if (std::rename(fresh.c_str(), path_.c_str()) != 0) return DiskError(path_, "cannot be created", errno);
    return SyncPath(FolderOf(path_), O_RDONLY | O_DIRECTORY);
  };
  absl::Status filled = fill();
  if (!filled.ok())
    for (const char* part : {"", "-wal", "-shm", "-journal"}) unlink((fresh + part).c_str());
  return filled;
}

StoreFile::~StoreFile() {
  if (lock_ >= 0) close(lock_);  // and lets go of the lock
}

absl::Status StoreFile::CheckInPlace() const {
  struct stat file;
  if (stat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_)
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat(path_,
             ": was moved, removed or replaced while it is written. Put it back, with its -wal, or start "
             "Stockade again with what is there now"));
}

}  // namespace stockade
