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

}  // namespace

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
  tail->told_ = std::make_shared<ToldPlace<Positions>>(tail->wake_.get());
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

void TailSource::Say(const std::string& text) {
  if (options_.say) options_.say(text);
}

void TailSource::SayOnce(const std::string& about, const std::string& text) {
  if (std::exchange(said_[about], text) != text) Say(text);
}

}  // namespace stockade
