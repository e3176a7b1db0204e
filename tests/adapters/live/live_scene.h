// What tests of live sources share: somebody at the other end of the queue, lines to write, a folder.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/source/live_queue.h"

namespace stockade {

class LiveFolder {
 public:
  LiveFolder() {
    std::string name = std::filesystem::temp_directory_path().string() + "/stockade-live-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~LiveFolder() { std::filesystem::remove_all(path_); }
  LiveFolder(const LiveFolder&) = delete;
  LiveFolder& operator=(const LiveFolder&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// A login line of an account.
inline std::string LoginLine(std::string_view account) {
  return "{\"@timestamp\":\"2026-11-27T08:00:00Z\",\"source.ip\":\"192.0.2.1\",\"user.name\":\"" +
         std::string(account) + "\",\"event.reason\":\"bad_password\"}\n";
}
inline std::string LoginLines(int from, int to) {
  std::string lines;
  for (int i = from; i < to; ++i) lines += LoginLine(std::to_string(i));
  return lines;
}
inline void AppendTo(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::app) << text << std::flush;
}

// Takes what comes out of the queue, and tells of it.
class LiveTaker {
 public:
  LiveQueue& queue() { return queue_; }
  // The accounts of all records that came, in their order; "!" for an unreadable one. Waits until there are as many.
  const std::vector<std::string>& Until(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (accounts_.size() < count && Take(deadline)) continue;
    return accounts_;
  }
  // Whatever is there now.
  void TakeAll() {
    LiveBatch batch;
    while (queue_.Pop(&batch)) Look(&batch);
  }
  const std::vector<std::string>& accounts() const { return accounts_; }

 private:
  bool Take(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!pushed_.wait_until(lock, deadline, [this] { return pushes_ > 0; })) return false;
    pushes_ = 0;
    lock.unlock();
    TakeAll();
    return true;
  }
  void Look(LiveBatch* batch) {
    for (const Record& record : batch->batch.records)
      accounts_.emplace_back(record.ok() ? std::string(record.event.attempt.account) : "!");
    if (batch->told) batch->told();
    queue_.GiveBack(std::move(*batch));
  }

  std::mutex mutex_;
  std::condition_variable pushed_;
  int pushes_ = 0;
  LiveQueue queue_{[this] {
    const std::lock_guard lock(mutex_);
    ++pushes_;
    pushed_.notify_one();
  }};
  std::vector<std::string> accounts_;
};

inline std::vector<std::string> Numbers(int from, int to) {
  std::vector<std::string> numbers;
  for (int i = from; i < to; ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

}  // namespace stockade
