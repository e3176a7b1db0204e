// Brings alarms to those webhooks that people read, on a thread of its own: an alarm is raised inside the desk's lock, and a
// chat may take seconds.
//
// At most kWaitingMax wait; what comes beyond is counted and dropped, for an alarm that is one of hundreds says nothing new,
// and all of them are in the alerts. One that cannot be sent is said in the log and not tried again.
//
// Post: any thread, takes no time. Stop: the owner, before the webhooks go; gives up what still waits.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/firewall/webhook.h"
#include "engine/decision/alarm.h"
#include "tools/stockade/run_log.h"

namespace stockade {

class AlarmPost {
 public:
  static constexpr size_t kWaitingMax = 64;

  // All outlive it.
  AlarmPost(std::vector<Webhook*> to, RunLog* log);
  ~AlarmPost();
  AlarmPost(const AlarmPost&) = delete;
  AlarmPost& operator=(const AlarmPost&) = delete;

  void Post(const Alarm& alarm);
  void Stop();
  uint64_t dropped() const;

 private:
  void Run();

  const std::vector<Webhook*> to_;
  RunLog& log_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Alarm> waiting_;
  uint64_t dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace stockade
