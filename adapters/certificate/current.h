// What is in force now of something that is read anew while it is used: swapped whole, and whoever began with the old one
// ends with it.
//
// Any thread at once; a lock for the copy of a pointer.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace stockade {

template <typename Thing>
class Current {
 public:
  explicit Current(std::shared_ptr<const Thing> thing) : thing_(std::move(thing)) {}
  std::shared_ptr<const Thing> Get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return thing_;
  }
  void Put(std::shared_ptr<const Thing> thing) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      thing_.swap(thing);
    }
    // The old one, perhaps of a million entries, ends here and not under the lock.
  }

 private:
  // std::mutex and not std::atomic<std::shared_ptr>: ThreadSanitizer does not see into libstdc++ 12's.
  mutable std::mutex mutex_;
  std::shared_ptr<const Thing> thing_;
};

}  // namespace stockade
