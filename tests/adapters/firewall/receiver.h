// Receivers of posts on loopback: one that answers what it is told to and remembers what came, and one that does what it
// wants with each connection.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "adapters/http/http_service.h"
#include "engine/text.h"
#include "tests/adapters/loopback.h"

namespace stockade {

struct ReceivedPost {
  std::string method;
  std::string target;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

class Receiver {
 public:
  // `answer`: the status of the n-th request, from 0.
  explicit Receiver(std::function<ServiceReply(size_t)> answer = [](size_t) { return ServiceReply(); }) {
    HttpServiceOptions options;
    options.at = {"127.0.0.1", 0, ""};
    options.body_bytes_max = size_t{4} << 20;
    auto started =
        HttpService::Start(options, [this, answer = std::move(answer)](const ServiceRequest& request) {
          const std::lock_guard lock(mutex_);
          ReceivedPost post{std::string(request.head.method),
                            std::string(request.head.target),
                            {},
                            std::string(request.body_text())};
          for (const HeaderField& field : request.head.fields)
            post.fields[absl::AsciiStrToLower(ToAbsl(field.name))] = field.value;
          posts_.push_back(std::move(post));
          return answer(posts_.size() - 1);
        });
    REQUIRE(started.ok());
    service_ = std::move(*started);
  }

  std::string url(std::string_view path = "/hook") const {
    return Concat("http://127.0.0.1:", service_->port(), path);
  }
  std::vector<ReceivedPost> posts() const {
    const std::lock_guard lock(mutex_);
    return posts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ReceivedPost> posts_;
  std::unique_ptr<HttpService> service_;
};

// Does with each connection what `serve` does, one after the other; `serve` ends soon after the other side has gone.
class StrangeReceiver {
 public:
  explicit StrangeReceiver(std::function<void(int fd)> serve) {
    thread_ = std::thread([this, serve = std::move(serve)] {
      while (true) {
        const int fd = accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        serve(fd);
        close(fd);
      }
    });
  }
  ~StrangeReceiver() {
    shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
  }
  std::string url() const { return Concat("http://127.0.0.1:", listener_.port(), "/hook"); }

  static bool Say(int fd, std::string_view text) {
    return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // Reads until the head of a request is here.
  static void ReadHead(int fd) {
    std::string head;
    char byte;
    while (head.find("\r\n\r\n") == std::string::npos && recv(fd, &byte, 1, 0) == 1) head.push_back(byte);
  }
  static void AwaitClose(int fd) {
    char buffer[4096];
    while (recv(fd, buffer, sizeof buffer, 0) > 0) continue;
  }

 private:
  Listener listener_;
  std::thread thread_;
};

}  // namespace stockade
