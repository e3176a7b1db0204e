// Messages of systemd's journal, while they are written, as the syslog reader has them: with the host, the name and the process
// of whoever said them, and the time at which the journal took them.
//
//   journal ─► of some units ─► messages behind the cursor ─► LiveReader ─► queue
//                                       ▲                                      │ told
//                                       └────────── cursor, in a file ◄────────┘
//
// Units are those that systemd itself knows a sender by (_SYSTEMD_UNIT): whoever may write to the journal can call himself
// anything else, sshd too.
//
// Restart    the cursor is saved once the engine was told, so that a stop loses and doubles nothing; a process that was killed
//            has its successor read at most kUntoldMax chunks again. What the journal has let go of meanwhile (vacuumed) is said,
//            and counted as lost once; reading goes on with the oldest entry that it has behind that.
// Full       where the queue is full the source waits: the journal can. Files that are deleted meanwhile are read to their end.
//
// Errors of Open: a format, a journal that cannot be read, one file of it that may not be read, a file of a cursor that is damaged.
// A journal without files is none: that is said once, and they are looked for every kLookEvery. A journal that fails later is said
// once and opened anew, every kLookEvery. Threads: one of its own, which alone uses the journal (sd-journal(3) allows no other).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/live/line_feeder.h"
#include "adapters/live/options.h"
#include "adapters/live/told_place.h"
#include "adapters/owned_file.h"
#include "adapters/source/live_source.h"

namespace stockade {

class JournalSource final : public LiveSource {
 public:
  static constexpr absl::Duration kLookEvery = absl::Seconds(1);
  // Of lines; as of a tail.
  static constexpr size_t kChunkBytes = size_t{64} << 10;
  static constexpr uint64_t kUntoldMax = 2;

  static absl::StatusOr<std::unique_ptr<JournalSource>> Open(JournalOptions options);
  ~JournalSource() override;

  absl::Status Start(LiveQueue* queue) override;
  void Stop() override;
  const std::string& name() const override { return name_; }
  LiveCounters counters() const override { return feeder_.counters(); }
  void UseFields(std::shared_ptr<const FieldTable> fields) override { feeder_.UseFields(std::move(fields)); }

 private:
  class Journal;

  // kBehind: the engine is to be told first. kFailed: the journal is to be opened anew, at the cursor.
  enum class Got : uint8_t { kSome, kNothing, kBehind, kFailed };

  JournalSource(JournalOptions options, bool has_head);
  void Run();
  std::unique_ptr<Journal> OpenJournal();
  // A chunk of messages.
  Got ReadSome(Journal* journal);
  // To lines_.
  void AddMessage(const Journal& journal);
  uint64_t Untold() const;
  void Wait(int journal_file);
  void Save();
  void SayOnce(const std::string& text);

  const JournalOptions options_;
  const std::string name_;
  const bool has_head_;  // lines of the format begin with a syslog head
  LineFeeder feeder_;
  OwnedFile wake_;
  std::string cursor_;       // of the last message that was read
  bool from_begin_ = false;  // where there is no cursor
  LiveQueue* queue_ = nullptr;
  std::thread thread_;
  std::atomic<bool> stopping_{false};

  // The thread's own.
  std::string lines_, said_;
  uint64_t delivered_ = 0;                        // chunks
  std::shared_ptr<ToldPlace<std::string>> told_;  // a cursor
};

}  // namespace stockade
