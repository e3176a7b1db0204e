// Certificates that a test judges by hand: logins are held until it says what theirs says, from its own thread.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "adapters/gateway/certificate_finding.h"

namespace stockade {

class JudgingByHand {
 public:
  CertificateFinding Find() {
    return CertificateFinding([this](CertificateDone done) {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(done));
      changed_.notify_all();
    });
  }
  // The n-th that was held, once it is.
  CertificateDone Await(size_t n) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::system_clock::now() + std::chrono::seconds(60);
    while (held_.size() <= n)
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
    REQUIRE(held_.size() > n);
    return held_[n];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CertificateDone> held_;
};

// Holds whoever comes until it is opened.
class Turnstile {
 public:
  ~Turnstile() { Open(); }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++came_;
    changed_.notify_all();
    const auto until = std::chrono::system_clock::now() + std::chrono::seconds(60);
    while (!open_)
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
  }
  void AwaitComer() {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::system_clock::now() + std::chrono::seconds(60);
    while (came_ == 0)
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) break;
    CHECK(came_ > 0);
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int came_ = 0;
  bool open_ = false;
};

}  // namespace stockade
