// The way into an event loop's thread for answers that come from other threads, perhaps after the loop has ended: whoever
// holds the door can always knock, and once the owner has closed it nothing happens.
//
// Post: any thread; true if `work` will run in the loop's thread, unless the loop stops first: then it is let go, in the
// thread that ends the loop. Close: the owner, before the loop goes; when it returns nobody is in Post any more.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <utility>

namespace stockade {

class LoopDoor {
 public:
  explicit LoopDoor(boost::asio::io_context* context) : context_(context) {}

  template <typename Work>
  bool Post(Work work) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) return false;
    boost::asio::post(*context_, std::move(work));
    return true;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* context_;  // under mutex_
};

}  // namespace stockade
