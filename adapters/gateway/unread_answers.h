// Answers of the application to logins that fit no row of an endpoint's outcome table (outcome_table.h): how many, and
// what the last one looked like. Whoever runs the gate should hear of them: such outcomes count as unknown, and rules that
// count failures do not see them.
//
// Any thread. Note is a lock and a look-up, on a path that should not be taken; entries are as many as endpoints have names.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace stockade {

class UnreadAnswers {
 public:
  struct OfEndpoint {
    uint64_t count = 0;
    int last_status = 0;
  };
  using ByEndpoint = std::map<std::string, OfEndpoint, std::less<>>;

  void Note(std::string_view endpoint, int status) {
    const std::lock_guard lock(mutex_);
    auto found = by_endpoint_.find(endpoint);
    if (found == by_endpoint_.end()) found = by_endpoint_.try_emplace(std::string(endpoint)).first;
    ++found->second.count;
    found->second.last_status = status;
  }
  ByEndpoint Read() const {
    const std::lock_guard lock(mutex_);
    return by_endpoint_;
  }

 private:
  mutable std::mutex mutex_;
  ByEndpoint by_endpoint_;
};

}  // namespace stockade
