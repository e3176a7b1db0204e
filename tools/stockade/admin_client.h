// Asks a running instance over its admin address (adapters/gateway/admin_service.h): one request a connection, waited for.
//
// This machine only: the token goes in the clear. Not thread-safe. Errors are what a person can do something about: nobody
// listens there, another answers, the token is not the instance's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/http/endpoint_address.h"

namespace CLI {
class App;
}

namespace stockade {

// Where the instance is, and who asks: options that all such commands share.
struct InstanceOptions {
  std::string config_file;  // gateway.admin.address and .token_file
  std::string address;      // instead of it
  std::string token_file;
  std::string by;  // empty: who is logged in
};
void AddInstanceOptions(CLI::App* app, InstanceOptions* options);

class AdminClient {
 public:
  // A change waits for a disk; more is a hang.
  static constexpr absl::Duration kTimeMax = absl::Seconds(60);
  static constexpr size_t kBodyBytesMax = size_t{512} << 20;

  struct Answer {
    int status = 0;
    std::string body;
  };

  // Reads the settings and the token. Nothing is connected yet.
  static absl::StatusOr<AdminClient> Open(const InstanceOptions& options);
  AdminClient(Endpoint at, std::string token, std::string by)
      : at_(std::move(at)), token_(std::move(token)), by_(std::move(by)) {}

  // Unavailable where there was no answer.
  absl::StatusOr<Answer> Exchange(std::string_view method, std::string_view target,
                                  std::string_view body = {}) const;
  // The body of an answer with status 200; any other is an error with what it says.
  absl::StatusOr<std::string> Ask(std::string_view method, std::string_view target,
                                  std::string_view body = {}) const;
  absl::Status Refusal(const Answer& answer) const;

  const Endpoint& at() const noexcept { return at_; }

 private:
  Endpoint at_;
  std::string token_;
  std::string by_;
};

// "a=1&b=x%20y" of names and values.
std::string QueryText(const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace stockade
