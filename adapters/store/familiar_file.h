// The file of a snapshot (engine/detect/familiar_format.h), whole at every moment: a new one is written beside it, put on the disk and
// renamed over it, so that a kill, a full disk or a power cut leaves the old one or the new one.
//
// Nobody but its owner reads it (0600). Neither a link nor anything but a file is read, nor what others may write to: what it says
// decides who is let in. Written by one process at a time: a lock on PATH.lock, for as long as the object lives.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/owned_file.h"

namespace stockade {

class FamiliarFile {
 public:
  // For writing; makes no file yet. Errors: FailedPrecondition (another process has it, a folder that is not there, or where
  // everybody may put files), PermissionDenied, ResourceExhausted and Unavailable of the disk, each with what to do.
  static absl::StatusOr<std::unique_ptr<FamiliarFile>> Open(const std::string& path);
  FamiliarFile(const FamiliarFile&) = delete;
  FamiliarFile& operator=(const FamiliarFile&) = delete;

  // Replaces it by what `step` appends, call for call, until it returns false. How many bytes. Errors leave the old file: those of the
  // disk.
  absl::StatusOr<uint64_t> Save(const std::function<bool(std::string*)>& step);
  // Out of the way, under another name, because nothing can be read from it and the next Save would replace it. That name: PATH.refused,
  // or with a number behind it where that is taken. An error where kAsideMax are.
  static constexpr int kAsideMax = 100;
  absl::StatusOr<std::string> PutAside();
  // Gives what is there now a second name, which stays when the next Save replaces it: PATH.begun.
  absl::StatusOr<std::string> KeepBegun();

  const std::string& path() const noexcept { return path_; }

 private:
  FamiliarFile(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::string path_;
  const OwnedFile lock_;
};

// Reads one from its begin to its end, piece by piece.
class FamiliarBytes {
 public:
  // No engine keeps more than that (engine.cc, kLanesMax, and its customers): a larger file is none of ours, or a trap.
  static constexpr uint64_t kBytesMax = uint64_t{512} << 20;

  // Errors: NotFound, FailedPrecondition (a link, no file, too large, or not ours alone to write), PermissionDenied, Unavailable.
  static absl::StatusOr<std::unique_ptr<FamiliarBytes>> Open(const std::string& path);
  // The next piece, which lives until the next call; nothing at the end.
  absl::StatusOr<std::string_view> Next();

 private:
  static constexpr size_t kPieceBytes = size_t{256} << 10;

  FamiliarBytes(std::string path, int file) : path_(std::move(path)), file_(file) {}

  const std::string path_;
  const OwnedFile file_;
  std::string piece_;
  uint64_t read_ = 0;
};

}  // namespace stockade
