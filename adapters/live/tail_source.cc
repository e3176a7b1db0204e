#include "adapters/live/tail_source.h"

#include <glob.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/live/log_files.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr uint32_t kFolderEvents =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;
constexpr uint32_t kFileEvents = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;

void AddCounts(const SourceCounters& read, LiveCounters* counters) {
  counters->received += read.lines;
  counters->other += read.other + read.blank;
  counters->unreadable += read.unreadable();
  counters->records += read.records - std::min(read.records, read.unreadable());
}

}  // namespace

struct TailSource::Told {
  explicit Told(int wake_file) : wake(wake_file) {}

  std::mutex mutex;
  std::map<uint64_t, TailPosition> positions;
  bool is_new = false;
  uint64_t chunks = 0;
  const int wake;  // the source's, which outlives every call
};

absl::StatusOr<std::unique_ptr<TailSource>> TailSource::Open(TailOptions options) {
  options.reading.goes_on = true;
  options.reading.fields = nullptr;
  RETURN_IF_ERROR(CheckLiveFormat(options.reading));
  std::unique_ptr<TailSource> tail(new TailSource(std::move(options)));
  if (!tail->options_.position_file.empty()) {
    std::error_code ignored;
    if (std::filesystem::file_size(tail->options_.position_file, ignored) == 0)
      tail->Say(Concat(tail->options_.position_file,
                       ": is empty, as after a loss of power; the tail begins where `from` says"));
    ASSIGN_OR_RETURN(tail->resumed_, LoadPositions(tail->options_.position_file));
    RETURN_IF_ERROR(SavePositions(tail->options_.position_file, tail->resumed_, /*sync=*/true));
  }
  // Says what is wrong with a format file now, and not at the first line.
  RETURN_IF_ERROR(LiveReader::Create(tail->options_.reading, tail->options_.pattern).status());
  tail->inotify_.Own(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  tail->wake_.Own(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (tail->inotify_.get() < 0 || tail->wake_.get() < 0)
    return absl::ErrnoToStatus(errno, Concat(tail->options_.pattern, ": nothing to hear of changes by"));
  tail->told_ = std::make_shared<Told>(tail->wake_.get());
  return tail;
}

TailSource::TailSource(TailOptions options)
    : options_(std::move(options)),
      name_(options_.name.empty() ? Concat("tail ", options_.pattern) : options_.name),
      is_glob_(options_.pattern.find_first_of("*?[") != std::string::npos) {}

TailSource::~TailSource() {
  Stop();
  Save();  // what was told after the thread had ended
}

absl::Status TailSource::Start(LiveQueue* queue) {
  queue_ = queue;
  started_ = true;
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void TailSource::Stop() {
  if (!started_) return;
  stopping_ = true;
  queue_->Interrupt();
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

LiveCounters TailSource::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void TailSource::UseFields(std::shared_ptr<const FieldTable> fields) {
  const std::lock_guard lock(mutex_);
  fields_ = std::move(fields);
}

void TailSource::Run() {
  while (!stopping_) {
    const bool more = Look();
    Save();
    if (!more && !stopping_) Wait();
  }
}

void TailSource::Wait() {
  pollfd polled[] = {{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  if (poll(polled, 2, static_cast<int>(absl::ToInt64Milliseconds(kLookEvery))) <= 0) return;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = read(wake_.get(), &count, sizeof count);
  alignas(inotify_event) char events[16 << 10];
  while (true) {
    const ssize_t size = read(inotify_.get(), events, sizeof events);
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(events + at);
      if ((event->mask & ~uint32_t{IN_MODIFY | IN_CLOSE_WRITE}) != 0) folder_changed_ = true;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
}

bool TailSource::Look() {
  {
    const std::lock_guard lock(mutex_);
    // Other fields: readers are made anew with their next lines.
    if (reading_fields_ != fields_) {
      reading_fields_ = fields_;
      for (const auto& file : files_) file->reader.reset();
    }
  }
  const absl::Time now = absl::Now();
  if (std::exchange(folder_changed_, false) || now - looked_ >= kLookEvery) {
    looked_ = now;
    std::vector<std::string> paths = FindPaths();
    for (const std::string& path : paths) LookAt(path);
    if (is_glob_) LetGo(std::move(paths));
    if (std::exchange(first_look_, false)) ResumeOthers();
  }
  bool more = false;
  // On from where the last round stopped: else two busy files starve those behind them.
  for (size_t left = files_.size(); left > 0 && !files_.empty() && !stopping_; --left) {
    if (Untold() >= kUntoldMax) return false;  // Wait hears of the next one that is told
    if (next_ >= files_.size()) next_ = 0;
    FollowedFile* const file = files_[next_].get();
    bool more_of_it = false;
    if (!ReadSome(file, &more_of_it)) return false;
    more = more || more_of_it;
    if (file->is_copy) {
      SetAside(*file, FileAside::Why::kCopy);
      Forget(next_);
      continue;
    }
    const bool is_over =
        !file->is_current && !more_of_it && absl::Now() - file->last_news > options_.rotated_idle;
    if (is_over) {
      if (MakeReader(file) && file->Last(&lines_) == FollowedFile::Got::kLines && !Deliver(file, lines_))
        return false;
      SetAside(*file, FileAside::Why::kOver);
      Forget(next_);
    } else {
      ++next_;
    }
  }
  return more;
}

uint64_t TailSource::Untold() const {
  const std::lock_guard lock(told_->mutex);
  return delivered_ - told_->chunks;
}

std::vector<std::string> TailSource::FindPaths() {
  WatchFolder(options_.pattern);
  if (!is_glob_) return {options_.pattern};
  std::vector<std::string> paths;
  glob_t found{};
  if (glob(options_.pattern.c_str(), 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      if (!IsCompressed(found.gl_pathv[i])) paths.emplace_back(found.gl_pathv[i]);
    }
  }
  globfree(&found);
  for (const std::string& path : paths) WatchFolder(path);
  if (first_look_ && paths.size() > kFilesMax) PutNewestFirst(kFilesMax, &paths);
  return paths;
}

void TailSource::WatchFolder(const std::string& path) {
  const std::string folder = LogFolderOf(path);
  if (folder.find_first_of("*?[") != std::string::npos) return;
  // Again and again, for it may be made anew; the same one is watched once.
  if (inotify_add_watch(inotify_.get(), folder.c_str(), kFolderEvents) < 0 && errno != ENOENT)
    SayOnce(folder, Concat(folder, ": changes are not heard of, but looked for every second: ",
                           std::generic_category().message(errno)));
}

void TailSource::Watch(FollowedFile* file) {
  // By its descriptor: whatever its name is by now, or what a link names.
  const std::string by_descriptor = Concat("/proc/self/fd/", file->get());
  file->watch = inotify_add_watch(inotify_.get(), by_descriptor.c_str(), kFileEvents);
}

void TailSource::LookAt(const std::string& path) {
  struct stat about {};
  FollowedFile* current = nullptr;
  for (const auto& file : files_)
    if (file->is_current && file->path == path) current = file.get();
  const bool is_there = stat(path.c_str(), &about) == 0;
  if (is_there && current != nullptr && current->device() == about.st_dev && current->inode() == about.st_ino)
    return;
  if (current != nullptr) {
    // Renamed, deleted or replaced: it is read on, for its writer may not know yet.
    current->is_current = false;
    current->last_news = absl::Now();
  }
  if (!is_there) return;
  for (const auto& file : files_) {
    if (file->device() != about.st_dev || file->inode() != about.st_ino) continue;
    if (!file->is_current) {  // back, or found by a glob under its new name
      file->path = path;
      file->is_current = true;
    }
    return;
  }
  if (FileAside* const aside = aside_.Find(about);
      aside != nullptr && aside->why == FileAside::Why::kWaiting) {
    aside->path = path;
    const bool is_as_it_was = static_cast<uint64_t>(about.st_size) == aside->size;
    if (is_as_it_was || (files_.size() >= kFilesMax && FindIdle() == nullptr)) return;
  }
  OwnedFile file(OpenLog(path, &about));
  if (file.get() < 0) {
    if (errno != ENOENT)
      SayOnce(path,
              Concat(path, ": cannot be read: ", std::generic_category().message(errno), "; tried again"));
    return;
  }
  said_.erase(path);
  const uint64_t size = static_cast<uint64_t>(about.st_size);
  if (const FileAside* const found = aside_.Find(about); found != nullptr) {
    const FileAside aside = *found;
    const bool is_it = aside_.Holds(file.get(), about);
    if (is_it && aside.why == FileAside::Why::kCopy) return;
    aside_.Remove(about);
    const bool was_empty = aside.begin.bytes == 0 && aside.why == FileAside::Why::kWaiting;
    if ((is_it || was_empty) && aside.offset <= size) {
      Follow(file.Release(), path, aside.offset, /*is_current=*/true, aside.id);
      return;
    }
    DropPosition(aside.id);
  }
  if (!first_look_) {
    // Of several that came and went since the last look, those before this one.
    const auto before =
        std::find_if(files_.rbegin(), files_.rend(), [&](const auto& one) { return one->path == path; });
    if (before != files_.rend()) {
      for (const std::string& missed : FindBetween(path, ChangedNs((*before)->get()), {})) {
        struct stat one {};
        if (const int descriptor = OpenLog(missed, &one); descriptor >= 0)
          Follow(descriptor, path, 0, /*is_current=*/false);
      }
    }
    FollowedFile* const fresh = Follow(file.Release(), path, 0, /*is_current=*/true);
    if (fresh != nullptr) fresh->is_fresh = is_glob_;
    return;
  }
  // What was left of the last run.
  auto known = std::find_if(resumed_.begin(), resumed_.end(), [&](const TailPosition& at) {
    return at.device == about.st_dev && at.inode == about.st_ino && at.offset <= size &&
           BeginsWith(file.get(), at.begin);
  });
  // Of a volume that has another number now, or that was restored: where nobody has its inode, or it begins alike.
  if (known == resumed_.end()) {
    known = std::find_if(resumed_.begin(), resumed_.end(), [&](const TailPosition& at) {
      return at.path == path && at.begin.bytes > 0 && at.offset <= size &&
             (at.inode == about.st_ino || at.begin.bytes == FileBegin::kBytesMax) &&
             BeginsWith(file.get(), at.begin);
    });
  }
  if (known != resumed_.end()) {
    const uint64_t offset = known->offset;
    resumed_.erase(known);
    Follow(file.Release(), path, offset, /*is_current=*/true);
    return;
  }
  const bool is_new_here =
      std::none_of(resumed_.begin(), resumed_.end(), [&](const TailPosition& at) { return at.path == path; });
  const uint64_t offset = is_new_here && !options_.from_begin ? LastLineEnd(file.get(), size) : 0;
  Follow(file.Release(), path, offset, /*is_current=*/true);
}

void TailSource::ResumeOthers() {
  const std::vector<TailPosition> others = std::exchange(resumed_, {});
  for (const TailPosition& position : others) ResumeRotated(position, others);
}

void TailSource::ResumeRotated(const TailPosition& position, const std::vector<TailPosition>& others) {
  std::string found;
  OwnedFile file(FindCopy(position, &found));
  if (file.get() < 0) {
    if (position.begin.bytes == 0) return;  // it was empty
    Say(Concat(position.path, ": what was read last, to byte ", position.offset,
               ", is not there any more; what was written behind that, if anything was, is lost"));
    const std::lock_guard lock(mutex_);
    ++counters_.lost;
    return;
  }
  const int64_t changed_ns = ChangedNs(file.get());
  // Before whatever replaced it.
  size_t at = 0;
  const auto follow_at = [&](int descriptor, uint64_t offset) {
    if (Follow(descriptor, position.path, offset, /*is_current=*/false) == nullptr) return;
    std::rotate(files_.begin() + static_cast<ptrdiff_t>(at), files_.end() - 1, files_.end());
    ++at;
  };
  follow_at(file.Release(), position.offset);
  for (const std::string& path : FindBetween(position.path, changed_ns, others)) {
    struct stat one {};
    if (const int descriptor = OpenLog(path, &one); descriptor >= 0) follow_at(descriptor, 0);
  }
}

std::vector<std::string> TailSource::FindBetween(const std::string& path, int64_t after_ns,
                                                 const std::vector<TailPosition>& others) {
  std::vector<std::pair<int64_t, std::string>> between;
  const std::string base = std::filesystem::path(path).filename().string();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(LogFolderOf(path), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(base) || !IsRotationMark(std::string_view(name).substr(base.size()))) continue;
    struct stat about {};
    const OwnedFile file(OpenLog(entry.path().string(), &about));
    if (file.get() < 0) continue;
    const int64_t changed_ns = ChangedNs(file.get());
    const bool is_known = FindFollowed(about) != nullptr || aside_.Holds(file.get(), about) ||
                          std::any_of(others.begin(), others.end(), [&](const TailPosition& one) {
                            return one.begin.bytes != 0 && BeginsWith(file.get(), one.begin);
                          });
    if (changed_ns >= after_ns && !is_known) between.emplace_back(changed_ns, entry.path().string());
  }
  std::sort(between.begin(), between.end());
  std::vector<std::string> paths;
  for (auto& [changed_ns, found] : between) paths.push_back(std::move(found));
  return paths;
}

FollowedFile* TailSource::FindFollowed(const struct stat& about) const {
  for (const auto& file : files_)
    if (file->device() == about.st_dev && file->inode() == about.st_ino) return file.get();
  return nullptr;
}

FollowedFile* TailSource::Follow(int file, const std::string& path, uint64_t offset, bool is_current,
                                 uint64_t id) {
  OwnedFile owned(file);
  struct stat about {};
  if (fstat(file, &about) != 0) return nullptr;
  const bool may_wait = is_glob_ && is_current;
  if (files_.size() >= kFilesMax && may_wait) LetWait(FindIdle());
  if (files_.size() >= kFilesMax) {
    SayOnce("files",
            Concat(options_.pattern, ": more than ", kFilesMax,
                   may_wait ? " files; the rest waits until some are read" : " files; some are not read"));
    if (may_wait) {
      WaitAt(file, about, path, offset, id);
    } else {
      const std::lock_guard lock(mutex_);
      ++counters_.refused;
    }
    return nullptr;
  }
  auto followed = std::make_unique<FollowedFile>(owned.Release(), about.st_dev, about.st_ino, path, offset);
  followed->is_current = is_current;
  followed->last_news = absl::Now();
  followed->id = id != 0 ? id : ++last_id_;
  Watch(followed.get());
  KeepPosition(followed->id, {followed->device(), followed->inode(), offset, followed->begin(), path});
  files_.push_back(std::move(followed));
  return files_.back().get();
}

void TailSource::KeepPosition(uint64_t id, TailPosition position) {
  const std::lock_guard lock(told_->mutex);
  // One that waited has its own, which may be of before the last lines: they are on their way.
  told_->is_new = told_->positions.try_emplace(id, std::move(position)).second || told_->is_new;
}

void TailSource::DropPosition(uint64_t id) {
  const std::lock_guard lock(told_->mutex);
  told_->is_new = told_->positions.erase(id) > 0 || told_->is_new;
}

int TailSource::FindCopy(const TailPosition& position, std::string* found) {
  const std::string base = std::filesystem::path(position.path).filename().string();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(LogFolderOf(position.path), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(base) || IsCompressed(name)) continue;
    struct stat about {};
    OwnedFile file(OpenLog(entry.path().string(), &about));
    if (file.get() < 0 || FindFollowed(about) != nullptr ||
        static_cast<uint64_t>(about.st_size) < position.offset)
      continue;
    const bool is_it = position.begin.bytes != 0
                           ? BeginsWith(file.get(), position.begin)
                           : about.st_dev == position.device && about.st_ino == position.inode;
    if (!is_it) continue;
    *found = entry.path().string();
    return file.Release();
  }
  return -1;
}

bool TailSource::IsCopy(const FollowedFile& file) const {
  return std::any_of(files_.begin(), files_.end(), [&](const auto& other) {
    return !other->is_fresh && other->begin().bytes == FileBegin::kBytesMax &&
           BeginsWith(file.get(), other->begin());
  });
}

void TailSource::HandleCut(FollowedFile* file) {
  const FileBegin begin = file->begin();
  const uint64_t offset = file->offset();
  // The copy may be followed already, as one more that a glob found, and not be read yet.
  const bool is_known = begin.bytes == FileBegin::kBytesMax;
  for (size_t i = files_.size(); is_known && i-- > 0;)
    if (files_[i]->is_fresh && files_[i].get() != file && BeginsWith(files_[i]->get(), begin)) Forget(i);
  std::string found;
  OwnedFile copy(begin.bytes == 0 ? -1 : FindCopy({0, 0, offset, begin, file->path}, &found));
  const bool missed = file->BeginAnew();
  if (copy.get() >= 0) {
    struct stat about {};
    if (is_known && fstat(copy.get(), &about) == 0)
      aside_.Add(about.st_dev, about.st_ino, {FileAside::Why::kCopy, begin, offset, {}, 0, 0, 0});
    const size_t index = static_cast<size_t>(
        std::find_if(files_.begin(), files_.end(), [&](const auto& one) { return one.get() == file; }) -
        files_.begin());
    if (Follow(copy.Release(), file->path, offset, /*is_current=*/false) != nullptr)
      std::rotate(files_.begin() + static_cast<ptrdiff_t>(index), files_.end() - 1, files_.end());
  } else if (missed) {
    Say(Concat(file->path, ": was cut before all of it was read; what stood behind byte ", offset,
               " is lost"));
    const std::lock_guard lock(mutex_);
    ++counters_.lost;
  }
  const std::lock_guard lock(told_->mutex);
  told_->positions[file->id] = {file->device(), file->inode(), 0, file->begin(), file->path};
  told_->is_new = true;
}

bool TailSource::MakeReader(FollowedFile* file) {
  if (file->reader != nullptr) return true;
  SourceOptions options = options_.reading;
  options.fields = reading_fields_.get();
  options.reference_time = absl::Now();
  absl::StatusOr<std::unique_ptr<LiveReader>> reader = LiveReader::Create(options, file->path);
  if (!reader.ok()) {  // a format file that was changed for the worse
    SayOnce("reader", std::string(FromAbsl(reader.status().message())));
    return false;
  }
  file->reader = *std::move(reader);
  return true;
}

bool TailSource::ReadSome(FollowedFile* file, bool* more) {
  if (file->WasCut()) {
    if (Untold() > 0) return false;  // whose places are of before the cut; the next round begins here
    HandleCut(file);
    *more = true;
    return true;
  }
  const FollowedFile::Got got = file->Next(&lines_);
  file->is_read = got == FollowedFile::Got::kNothing;
  switch (got) {
    case FollowedFile::Got::kNothing:
      return true;
    case FollowedFile::Got::kTooLong: {
      const std::lock_guard lock(mutex_);
      ++counters_.received;
      ++counters_.unreadable;
    }
      [[fallthrough]];
    case FollowedFile::Got::kSkipped:
      file->Advance();
      *more = true;
      return true;
    case FollowedFile::Got::kLines:
      // Not when it is found: a copy is empty then.
      if (file->is_fresh && IsCopy(*file)) {
        Say(Concat(file->path, ": begins as a log that is followed and is taken for its copy; not read"));
        file->is_copy = true;
        return true;
      }
      if (!MakeReader(file)) return true;
      file->is_fresh = false;
      *more = true;
      return Deliver(file, lines_);
  }
  return true;
}

bool TailSource::Deliver(FollowedFile* file, std::string_view lines) {
  LiveCounters before;
  AddCounts(file->reader->counters(), &before);
  file->reader->Give(lines);
  // A chunk goes whole or not at all: its place is one.
  bool begun = false;
  for (bool last = false; !last; begun = true) {
    LiveBatch batch = queue_->Take();
    last = !file->reader->Read(&batch.batch);
    batch.fields = reading_fields_;
    if (last) {
      TailPosition position{file->device(), file->inode(), file->behind(), file->begin(), file->path};
      batch.told = [told = told_, id = file->id, position = std::move(position)] {
        {
          const std::lock_guard lock(told->mutex);
          ++told->chunks;
          told->is_new = true;
          const auto at = told->positions.find(id);
          if (at != told->positions.end()) at->second = position;  // else forgotten
        }
        const uint64_t one = 1;
        [[maybe_unused]] const ssize_t ignored = write(told->wake, &one, sizeof one);
      };
    }
    if (!(begun ? queue_->PushRest(&batch) : queue_->Push(&batch))) return false;
  }
  ++delivered_;
  file->Advance();
  file->last_news = absl::Now();
  LiveCounters after;
  AddCounts(file->reader->counters(), &after);
  const std::lock_guard lock(mutex_);
  counters_.received += after.received - before.received;
  counters_.other += after.other - before.other;
  counters_.unreadable += after.unreadable - before.unreadable;
  counters_.records += after.records - before.records;
  return true;
}

void TailSource::SetAside(const FollowedFile& file, FileAside::Why why) {
  aside_.Add(file.device(), file.inode(), {why, file.begin(), file.offset(), {}, 0, 0, 0});
}

void TailSource::Forget(size_t index) {
  DropPosition(files_[index]->id);
  Close(index);
}

void TailSource::Close(size_t index) {
  if (files_[index]->watch >= 0) inotify_rm_watch(inotify_.get(), files_[index]->watch);
  files_.erase(files_.begin() + static_cast<ptrdiff_t>(index));
}

void TailSource::Save() {
  if (options_.position_file.empty() || told_ == nullptr || first_look_) return;
  std::vector<TailPosition> positions;
  {
    const std::lock_guard lock(told_->mutex);
    if (!std::exchange(told_->is_new, false)) return;
    for (const auto& [id, position] : told_->positions) positions.push_back(position);
  }
  const absl::Time now = absl::Now();
  const bool sync = stopping_ || now - synced_ >= kSyncEvery;
  if (sync) synced_ = now;
  if (const absl::Status status = SavePositions(options_.position_file, positions, sync); !status.ok()) {
    SayOnce(options_.position_file, std::string(FromAbsl(status.message())));
  } else {
    said_.erase(options_.position_file);
  }
}

void TailSource::Say(const std::string& text) {
  if (options_.say) options_.say(text);
}

void TailSource::SayOnce(const std::string& about, const std::string& text) {
  if (std::exchange(said_[about], text) != text) Say(text);
}

}  // namespace stockade
