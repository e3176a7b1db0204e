// Logs that are read while they are written: `tail -F` that knows after a restart where it was.
//
//   path or glob ─► files followed by inode ─► whole lines ─► LiveReader ─► queue
//                        ▲                                                    │ told
//                        └──────── positions, in a file ◄─────────────────────┘
//
// Rotation   renamed, and a new file made: the old one is read to its end, and for a minute after its last line, for
//            its writer may take a while to let go of it; the new one from its begin.
// Cut        copied and truncated (copytruncate): begun anew. What was written before the cut and not read yet is read from
//            the copy, which is known by its first bytes; where none is found, and bytes are missing, it is said and
//            counted as lost.
// Gone       and there again, or not there yet: waited for. A symbolic link is followed to whatever it names at the time.
// Half lines wait for their end; longer than kLineBytesMax costs that line.
// Globs      files that appear later are read from their begin. What begins with the same 256 bytes as a file that is
//            followed is its copy, and is not read; nor is what ends in .gz, .zst, .bz2 or .xz.
// Restart    positions are saved once the engine was told, so that a stop loses and doubles nothing. A process that was
//            killed had told its engine some lines, kUntoldMax chunks of 64 KiB at most, beyond what it saved: they are read
//            again by its successor, whose engine never heard of them. Nothing is ever skipped. What was rotated meanwhile is found
//            by inode and first bytes beside it, and read first; files between are read whole.
//
// Changes are heard of by inotify, and looked for every kLookEvery besides, for file systems that tell nothing. Where the
// queue is full the tail waits: files can.
//
// Errors of Open: a format, a file of positions, a pattern. A file that cannot be read is said once and tried again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/live/files_aside.h"
#include "adapters/live/followed_file.h"
#include "adapters/live/options.h"
#include "adapters/live/told_place.h"
#include "adapters/owned_file.h"
#include "adapters/source/live_queue.h"
#include "adapters/source/live_source.h"
#include "adapters/source/options.h"

namespace stockade {

class TailSource final : public LiveSource {
 public:
  static constexpr absl::Duration kLookEvery = absl::Seconds(1);
  // Chunks on their way to the engine: one is read while another is told.
  static constexpr uint64_t kUntoldMax = 2;
  // Each holds a descriptor, and up to 3 MiB where its lines are JSON. Of a glob that finds more, the newest are followed;
  // the others wait until they are written, or those are read, and take the place of the idlest one.
  static constexpr size_t kFilesMax = 256;

  static absl::StatusOr<std::unique_ptr<TailSource>> Open(TailOptions options);
  ~TailSource() override;

  absl::Status Start(LiveQueue* queue) override;
  void Stop() override;
  const std::string& name() const override { return name_; }
  LiveCounters counters() const override;
  void UseFields(std::shared_ptr<const FieldTable> fields) override;

 private:
  using Positions = std::map<uint64_t, TailPosition>;  // by the id of a file

  explicit TailSource(TailOptions options);

  void Run();
  void Wait();
  // One round: what stands where, and a chunk of each file. True: there is more at once.
  bool Look();
  std::vector<std::string> FindPaths();
  void LookAt(const std::string& path);
  // Files of the last run that do not stand at their paths any more.
  void ResumeOthers();
  void ResumeRotated(const TailPosition& position, const std::vector<TailPosition>& others);
  // `id`: of the position of one that waited. Null: it waits, or cannot be followed.
  FollowedFile* Follow(int file, const std::string& path, uint64_t offset, bool is_current, uint64_t id = 0);
  FollowedFile* FindFollowed(const struct stat& about) const;
  void KeepPosition(uint64_t id, TailPosition position);
  void DropPosition(uint64_t id);
  // In the folder of `position.path`: the file that it is of, by how it begins, or by its inode where it was empty; its
  // descriptor, or -1. None that is followed.
  int FindCopy(const TailPosition& position, std::string* found);
  // In the folder of `path`: what was begun and rotated since `after_ns` while nobody looked, oldest first.
  std::vector<std::string> FindBetween(const std::string& path, int64_t after_ns,
                                       const std::vector<TailPosition>& others);
  // Chunks that the engine was not told of yet.
  uint64_t Untold() const;
  // False: the queue takes no more, or the engine is to be told first.
  bool ReadSome(FollowedFile* file, bool* more);
  bool Deliver(FollowedFile* file, std::string_view lines);
  void HandleCut(FollowedFile* file);
  // Whether a file that was not read yet begins as one that was.
  bool IsCopy(const FollowedFile& file) const;
  void SetAside(const FollowedFile& file, FileAside::Why why);
  // Of a glob (tail_glob.cc). What is at none of `paths` any more.
  void LetGo(std::vector<std::string> paths);
  // The file that is read to its end and was written least lately; null where there is none.
  FollowedFile* FindIdle() const;
  void LetWait(const FollowedFile* file);
  void WaitAt(int file, const struct stat& about, const std::string& path, uint64_t offset, uint64_t id);
  bool MakeReader(FollowedFile* file);
  void Forget(size_t index);
  void Close(size_t index);  // its position stays
  void Watch(FollowedFile* file);
  void WatchFolder(const std::string& path);
  void Save();
  void Say(const std::string& text);
  void SayOnce(const std::string& about, const std::string& text);

  const TailOptions options_;
  const std::string name_;
  const bool is_glob_;
  OwnedFile inotify_;
  OwnedFile wake_;
  std::vector<TailPosition> resumed_;  // of the last run, not used yet
  LiveQueue* queue_ = nullptr;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> started_{false};

  // The thread's own.
  std::vector<std::unique_ptr<FollowedFile>>
      files_;  // those that were rotated before those that replaced them
  bool first_look_ = true;
  bool folder_changed_ = true;
  absl::Time looked_ = absl::InfinitePast();
  std::map<std::string, std::string> said_;
  FilesAside aside_;
  size_t next_ = 0;  // of files_: where the next round begins
  uint64_t last_id_ = 0;
  uint64_t delivered_ = 0;  // chunks
  std::string lines_;
  std::shared_ptr<const FieldTable> reading_fields_;

  std::shared_ptr<ToldPlace<Positions>> told_;
  mutable std::mutex mutex_;  // of what follows
  LiveCounters counters_;
  std::shared_ptr<const FieldTable> fields_;
};

}  // namespace stockade
