// The file around a store's database: who may write it, whose it is, and how it comes to be, before SQLite touches it.
//
// - One writer: a lock on PATH.lock, held for as long as the object lives and let go by the kernel when the process dies.
//   Who reads takes none.
// - Another program's file is never opened by SQLite, which would write to it (a hot journal, a checkpoint): its header is
//   read first, as bytes.
// - A new database is made under another name and renamed when it is whole and on the disk: PATH is one of ours from its
//   first moment, whenever the machine stops. Neither is one made where PATH-wal or PATH-journal is left of one: they hold
//   what was acknowledged.
// - Nobody but its owner reads it (0600): it says which accounts are attacked.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stockade {

class StoreFile {
 public:
  // Locks the file of this name for writing, and creates the database where there is none. Errors: FailedPrecondition (another process has
  // it; it is not ours, or newer; it is empty or no file; a journal without a database), PermissionDenied, Unavailable and
  // ResourceExhausted of the disk, each with what to do.
  static absl::StatusOr<std::unique_ptr<StoreFile>> OpenOrCreate(const std::string& name);
  ~StoreFile();
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;

  // Where it really lies: links are followed.
  const std::string& path() const noexcept { return path_; }
  // FailedPrecondition where `path` is no longer the file that was opened: what is written would be lost with it. One
  // system call.
  absl::Status CheckInPlace() const;

 private:
  StoreFile(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  // NotFound where nothing is there; FailedPrecondition where it is not ours.
  static absl::Status CheckHeader(const std::string& path);
  absl::Status Create() const;

  std::string path_;
  int lock_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace stockade
