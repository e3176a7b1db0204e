#include "adapters/live/journal_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/live/cursor_file.h"
#include "adapters/live/syslog_envelope.h"
#include "adapters/source/live_reader.h"
#include "adapters/source/text_pattern.h"
#include "engine/limits.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Of a message that is a line too long, with its name in front.
constexpr size_t kFieldBytesMax = sizeof("MESSAGE=") + kLineBytesMax + 1;
constexpr char kNoFiles[] = "the journal has no files yet; they are looked for";

absl::Status JournalError(int error, std::string_view what) {
  return absl::ErrnoToStatus(-error, Concat("the journal: ", what));
}

std::string NameOf(const JournalOptions& options) {
  if (!options.name.empty()) return options.name;
  std::string name = "journald";
  for (const std::string& unit : options.units) Append(&name, " ", unit);
  return name;
}

// libsystemd takes files, and folders, that it may not read for none, and says nothing.
absl::Status NotReadable(int error, const std::string& path) {
  return absl::ErrnoToStatus(
      error, Concat("the journal: ", path,
                    " cannot be read; who reads the journal is root or in the group systemd-journal"));
}

// Of this machine, or of a folder and those of machines in it.
std::vector<std::string> FoldersOf(const JournalOptions& options) {
  if (!options.directory.empty()) return {options.directory};
  sd_id128_t machine;
  if (sd_id128_get_machine(&machine) < 0) return {};
  char id[SD_ID128_STRING_MAX];
  sd_id128_to_string(machine, id);
  return {Concat("/var/log/journal/", id), Concat("/run/log/journal/", id)};
}

bool IsMachine(std::string_view name) {
  return name.size() == SD_ID128_STRING_MAX - 1 &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Those of users (user-1000.journal) are none of a unit's, and may be read by their user alone.
bool HasMessagesOfUnits(std::string_view name) {
  return (name.ends_with(".journal") || name.ends_with(".journal~")) && !name.starts_with("user-");
}

// How many files there are that units' messages can be in; an error where one of them may not be read.
absl::StatusOr<size_t> CountFiles(std::vector<std::string> folders) {
  size_t files = 0;
  const size_t given = folders.size();
  for (size_t i = 0; i < folders.size(); ++i) {
    const std::string folder = folders[i];
    const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(opendir(folder.c_str()), &closedir);
    if (open_folder == nullptr) {
      if (errno == EACCES) return NotReadable(errno, folder);
      continue;
    }
    while (const dirent* const entry = readdir(open_folder.get())) {
      const std::string_view name = entry->d_name;
      const std::string path = Concat(folder, "/", name);
      if (i < given && IsMachine(name)) folders.push_back(path);
      if (!HasMessagesOfUnits(name)) continue;
      const OwnedFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
      if (file.get() < 0 && errno == EACCES) return NotReadable(errno, path);
      if (file.get() >= 0) ++files;
    }
  }
  return files;
}

}  // namespace

// One that is open, behind the message of a cursor.
class JournalSource::Journal {
 public:
  ~Journal() { sd_journal_close(journal_); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // `cursor`: empty: from its begin, or its end. `*is_lost`: whether the message of the cursor is gone. Null: it has no files.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const JournalOptions& options,
                                                       const std::string& cursor, bool from_begin,
                                                       bool* is_lost) {
    std::unique_ptr<Journal> made(new Journal());
    const int opened = options.directory.empty()
                           ? sd_journal_open(&made->journal_, SD_JOURNAL_LOCAL_ONLY)
                           : sd_journal_open_directory(&made->journal_, options.directory.c_str(), 0);
    if (opened < 0)
      return JournalError(opened, options.directory.empty() ? "cannot be opened" : options.directory);
    ASSIGN_OR_RETURN(const size_t files, CountFiles(FoldersOf(options)));
    if (files == 0) return nullptr;
    sd_journal* const journal = made->journal_;
    for (const std::string& unit : options.units) {
      const std::string match = Concat("_SYSTEMD_UNIT=", unit);
      if (const int added = sd_journal_add_match(journal, match.data(), match.size()); added < 0)
        return JournalError(added, match);
    }
    // What is longer is not unpacked in full.
    if (const int set = sd_journal_set_data_threshold(journal, kFieldBytesMax); set < 0)
      return JournalError(set, "fields have no limit");
    // Heard of by what it watches, which is made here.
    made->file_ = sd_journal_get_fd(journal);
    RETURN_IF_ERROR(made->Seek(cursor, from_begin, is_lost));
    return made;
  }

  // True: the next message is there; false: none is yet.
  absl::StatusOr<bool> Next() {
    const int moved = sd_journal_next(journal_);
    if (moved < 0) return JournalError(moved, "cannot be read on");
    return moved > 0;
  }
  // Of the message at hand; null where there is none, until the next call.
  std::string_view Field(const char* name) const {
    const void* bytes = nullptr;
    size_t size = 0;
    if (sd_journal_get_data(journal_, name, &bytes, &size) < 0) return {};
    const std::string_view text(static_cast<const char*>(bytes), size);
    return text.substr(std::min(text.size(), text.find('=') + 1));
  }
  int64_t time_ns() const {
    uint64_t time_us = 0;
    sd_journal_get_realtime_usec(journal_, &time_us);
    return static_cast<int64_t>(time_us) * 1000;
  }
  std::string Cursor() const {
    char* text = nullptr;
    if (sd_journal_get_cursor(journal_, &text) < 0) return "";
    std::string cursor(text);
    free(text);
    return cursor;
  }
  // What changed since it was asked last: files that were rotated, or came.
  void Process() { sd_journal_process(journal_); }
  int file() const noexcept { return file_; }  // below 0: nothing tells of changes

 private:
  Journal() = default;

  absl::Status Seek(const std::string& cursor, bool from_begin, bool* is_lost) {
    *is_lost = false;
    if (!cursor.empty()) {
      if (const int found = sd_journal_seek_cursor(journal_, cursor.c_str()); found < 0)
        return JournalError(found, "its cursor is none");
      const absl::StatusOr<bool> more = Next();
      RETURN_IF_ERROR(more.status());
      const bool is_it = *more && sd_journal_test_cursor(journal_, cursor.c_str()) > 0;
      *is_lost = !is_it;
      // At a message that was not read: back by one.
      if (*more && !is_it && sd_journal_previous(journal_) == 0) sd_journal_seek_head(journal_);
      return absl::OkStatus();
    }
    if (from_begin) {
      sd_journal_seek_head(journal_);
      return absl::OkStatus();
    }
    // The end is behind the last message once that is at hand.
    if (const int moved = sd_journal_seek_tail(journal_); moved < 0) return JournalError(moved, "has no end");
    if (const int moved = sd_journal_previous(journal_); moved < 0) return JournalError(moved, "has no end");
    return absl::OkStatus();
  }

  sd_journal* journal_ = nullptr;
  int file_ = -1;
};

absl::StatusOr<std::unique_ptr<JournalSource>> JournalSource::Open(JournalOptions options) {
  options.reading.goes_on = true;
  options.reading.fields = nullptr;
  RETURN_IF_ERROR(CheckLiveFormat(options.reading));
  ASSIGN_OR_RETURN(const bool has_head, LinesHaveSyslogHead(options.reading));
  std::unique_ptr<JournalSource> source(new JournalSource(std::move(options), has_head));
  RETURN_IF_ERROR(source->feeder_.Check());
  const std::string& file = source->options_.position_file;
  std::optional<std::string> kept;
  if (!file.empty()) {
    ASSIGN_OR_RETURN(kept, LoadCursor(file));
  }
  source->cursor_ = kept.value_or("");
  source->from_begin_ = kept.has_value() || source->options_.from_begin;
  bool is_lost = false;
  ASSIGN_OR_RETURN(const std::unique_ptr<Journal> journal,
                   Journal::Open(source->options_, source->cursor_, source->from_begin_, &is_lost));
  // The end as of now: what comes until the thread looks is behind it. Where there is nothing yet, all is.
  if (!source->from_begin_) {
    if (journal != nullptr) source->cursor_ = journal->Cursor();
    source->from_begin_ = source->cursor_.empty();
  }
  if (journal == nullptr) source->SayOnce(kNoFiles);
  // Also for a process that is killed before the engine was told of anything. Without files "the begin" is no place yet.
  if (!file.empty() && journal != nullptr) RETURN_IF_ERROR(SaveCursor(file, source->cursor_, /*sync=*/true));
  source->wake_.Own(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (source->wake_.get() < 0) return absl::ErrnoToStatus(errno, "the journal: nothing to be woken by");
  source->told_ = std::make_shared<ToldPlace<std::string>>(source->wake_.get());
  return source;
}

JournalSource::JournalSource(JournalOptions options, bool has_head)
    : options_(std::move(options)),
      name_(NameOf(options_)),
      has_head_(has_head),
      feeder_(options_.reading, name_) {}

JournalSource::~JournalSource() {
  Stop();
  Save();  // what was told after the thread had ended
}

absl::Status JournalSource::Start(LiveQueue* queue) {
  queue_ = queue;
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void JournalSource::Stop() {
  stopping_ = true;
  if (queue_ == nullptr) return;
  queue_->Interrupt();
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void JournalSource::Run() {
  std::unique_ptr<Journal> journal;
  while (!stopping_) {
    if (journal == nullptr) journal = OpenJournal();
    const Got got = journal == nullptr ? Got::kFailed : ReadSome(journal.get());
    Save();
    if (got == Got::kSome || stopping_) continue;
    Wait(got == Got::kNothing ? journal->file() : -1);
    if (got == Got::kFailed) journal.reset();
    // Lets go of files that were deleted: not before all that is in them was read.
    if (got == Got::kNothing) journal->Process();
  }
}

std::unique_ptr<JournalSource::Journal> JournalSource::OpenJournal() {
  bool is_lost = false;
  absl::StatusOr<std::unique_ptr<Journal>> opened = Journal::Open(options_, cursor_, from_begin_, &is_lost);
  if (!opened.ok()) {
    SayOnce(std::string(FromAbsl(opened.status().message())));
    return nullptr;
  }
  if (*opened == nullptr) {
    SayOnce(kNoFiles);
    return nullptr;
  }
  said_.clear();
  if (is_lost) {
    SayOnce(
        "what was read last is not in the journal any more; what came behind that and is not there either is "
        "lost");
    feeder_.CountLost(1);
  }
  return *std::move(opened);
}

JournalSource::Got JournalSource::ReadSome(Journal* journal) {
  if (Untold() >= kUntoldMax) return Got::kBehind;
  lines_.clear();
  bool is_behind = false;
  while (lines_.size() < kChunkBytes) {
    const absl::StatusOr<bool> more = journal->Next();
    if (!more.ok()) {
      SayOnce(std::string(FromAbsl(more.status().message())));
      return Got::kFailed;
    }
    if (!*more) break;
    is_behind = true;
    AddMessage(*journal);
  }
  if (!is_behind) return Got::kNothing;
  std::string cursor = journal->Cursor();
  const auto told = [told = told_, cursor] { told->ChunkTold([&](std::string* place) { *place = cursor; }); };
  if (!feeder_.FeedWhole(lines_, told, queue_)) {
    // A format file that was changed for the worse, or the queue's end.
    if (const absl::Status status = feeder_.Check(); !status.ok())
      SayOnce(std::string(FromAbsl(status.message())));
    return Got::kFailed;
  }
  ++delivered_;
  cursor_ = std::move(cursor);
  return Got::kSome;
}

void JournalSource::AddMessage(const Journal& journal) {
  SyslogEnvelope envelope;
  envelope.time_ns = journal.time_ns();
  // Each is there until the next is asked for.
  const std::string host(journal.Field("_HOSTNAME")), program(journal.Field("SYSLOG_IDENTIFIER")),
      pid(journal.Field("_PID"));
  // One more than a line may have shows that it has too many.
  envelope.message = journal.Field("MESSAGE").substr(0, kLineBytesMax + 1);
  if (!host.empty()) envelope.host = host;
  if (!program.empty()) envelope.program = program;
  if (!pid.empty()) envelope.pid = pid;
  if (has_head_) {
    AppendSyslogLine(envelope, &lines_);
  } else {
    AppendSyslogMessage(envelope, &lines_);
  }
}

uint64_t JournalSource::Untold() const {
  return delivered_ - told_->chunks();
}

void JournalSource::Wait(int journal_file) {
  pollfd polled[] = {{wake_.get(), POLLIN, 0}, {journal_file, POLLIN, 0}};  // one below 0 is not looked at
  if (poll(polled, 2, static_cast<int>(absl::ToInt64Milliseconds(kLookEvery))) <= 0) return;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = read(wake_.get(), &count, sizeof count);
}

void JournalSource::Save() {
  if (options_.position_file.empty() || told_ == nullptr) return;
  const std::optional<absl::Status> saved = told_->Save(stopping_, [&](const std::string& cursor, bool sync) {
    return SaveCursor(options_.position_file, cursor, sync);
  });
  if (saved.has_value() && !saved->ok()) SayOnce(std::string(FromAbsl(saved->message())));
}

void JournalSource::SayOnce(const std::string& text) {
  if (std::exchange(said_, text) != text && options_.say) options_.say(Concat(name_, ": ", text));
}

}  // namespace stockade
