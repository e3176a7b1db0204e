// A log that never makes its writer wait: lines go into a queue in memory, a thread of its own hands them to the file.
//
// For what a gate writes while people wait to log in. The queue is bounded: where the disk is slower than the lines for
// longer than kQueueBytesMax lasts, or the file cannot be written at all (full disk, quota, EIO), the log stops for good.
// What stands in the file is then a true begin of what happened, without a hole; that it stopped is said once, at the
// time, by the function handed in, and again by Close. Nothing is ever written after a loss.
//
// The file is at most kFlushInterval behind. Append: any thread, well below a microsecond, one allocation now and then.
// Create and Close: one owner; Close waits for what is queued. Errors of Create: those of LogFile::Create.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/store/ndjson_log.h"

namespace stockade {

class BackgroundLog {
 public:
  // Some ten seconds of ten thousand logins a second.
  static constexpr size_t kQueueBytesMax = size_t{64} << 20;
  static constexpr std::chrono::milliseconds kFlushInterval{200};

  // `on_stop` is called on the log's thread with what is wrong, at most once.
  static absl::StatusOr<std::unique_ptr<BackgroundLog>> Create(const std::string& path,
                                                               std::function<void(std::string_view)> on_stop);
  ~BackgroundLog();
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;

  // One line, without its newline.
  void Append(std::string_view line);

  // Lines that are not in the file, because it had stopped.
  uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

  // Writes what is queued and closes. The first error there was. Idempotent.
  absl::Status Close();

 private:
  explicit BackgroundLog(std::unique_ptr<LogFile> file, std::function<void(std::string_view)> on_stop);
  void Run();
  void Stop(const absl::Status& why);

  std::unique_ptr<LogFile> file_;  // the thread's, until it has ended
  const std::function<void(std::string_view)> on_stop_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string queue_;  // whole lines
  bool overflown_ = false;
  bool closing_ = false;
  absl::Status status_;  // written by the thread, read after it has ended
  std::atomic<uint64_t> lost_{0};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace stockade
