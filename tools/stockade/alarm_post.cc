#include "tools/stockade/alarm_post.h"

#include "engine/text.h"

namespace stockade {

AlarmPost::AlarmPost(std::vector<Webhook*> to, RunLog* log)
    : to_(std::move(to)), log_(*log), thread_([this] { Run(); }) {}

AlarmPost::~AlarmPost() {
  Stop();
}

void AlarmPost::Post(const Alarm& alarm) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() == kWaitingMax) {
    ++dropped_;
    return;
  }
  waiting_.push_back(alarm);
  wake_.notify_one();
}

void AlarmPost::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

uint64_t AlarmPost::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void AlarmPost::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Alarm alarm = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    log_.Warn(alarm.text);
    for (Webhook* const webhook : to_) {
      if (const absl::Status status = webhook->SendAlarm(alarm); !status.ok())
        log_.Warn(Concat("an alarm could not be sent: ", FromAbsl(status.message())));
    }
    lock.lock();
  }
}

}  // namespace stockade
