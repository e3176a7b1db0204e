#include "adapters/store/background_log.h"

#include <utility>

#include "engine/status.h"
#include "engine/text.h"

namespace stockade {

absl::StatusOr<std::unique_ptr<BackgroundLog>> BackgroundLog::Create(
    const std::string& path, std::function<void(std::string_view)> on_stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<LogFile> file, LogFile::Create(path));
  return std::unique_ptr<BackgroundLog>(new BackgroundLog(std::move(file), std::move(on_stop)));
}

BackgroundLog::BackgroundLog(std::unique_ptr<LogFile> file, std::function<void(std::string_view)> on_stop)
    : file_(std::move(file)), on_stop_(std::move(on_stop)), thread_([this] { Run(); }) {}

BackgroundLog::~BackgroundLog() {
  static_cast<void>(Close());  // whoever wants to know has called it
}

void BackgroundLog::Append(std::string_view line) {
  if (stopped()) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (overflown_ || closing_ || queue_.size() + line.size() + 1 > kQueueBytesMax) {
      wake = !overflown_;
      overflown_ = true;
      lost_.fetch_add(1, std::memory_order_relaxed);
    } else {
      queue_.append(line).push_back('\n');
    }
  }
  if (wake) wake_.notify_one();
}

void BackgroundLog::Stop(const absl::Status& why) {
  if (stopped()) return;
  status_ = why;
  stopped_.store(true, std::memory_order_relaxed);
  if (on_stop_) on_stop_(FromAbsl(why.message()));
}

void BackgroundLog::Run() {
  std::string taken;
  bool closing = false;
  while (!closing) {
    bool overflown = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kFlushInterval, [this] { return closing_ || overflown_; });
      taken.swap(queue_);
      overflown = overflown_;
      closing = closing_;
    }
    if (!stopped() && !taken.empty()) {
      file_->buffer().append(taken);
      if (absl::Status status = file_->Flush(); !status.ok()) Stop(status);
    }
    taken.clear();
    if (overflown && !stopped()) {
      Stop(absl::ResourceExhaustedError(Concat(file_->path(), ": is written slower than lines come; ",
                                               kQueueBytesMax >> 20, " MiB waited")));
    }
    if (overflown && !closing) {
      // Nothing more will be written; wait for the end without spinning.
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_; });
      closing = true;
    }
  }
}

absl::Status BackgroundLog::Close() {
  if (!thread_.joinable()) return status_;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
  const absl::Status closed = file_->Close();
  if (status_.ok()) status_ = closed;
  return status_;
}

}  // namespace stockade
