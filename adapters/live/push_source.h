// Login events that others push: POST of NDJSON over HTTP, with a key.
//
//   POST /v1/events   Authorization: Bearer KEY   [Content-Encoding: gzip]
//   {"@timestamp":"…","source.ip":"203.0.113.9","user.name":"alice","event.reason":"bad_password"}
//   …
//   200 {"accepted":41,"rejected":1,"errors":[{"line":17,"error":"bad_timestamp: …"}]}
//
// Answers once the events are in the queue. A request is taken whole or not at all: where the queue has no room for it,
// 503 with Retry-After, and nothing of it was taken. 401 without the key, 413 above body_bytes or more lines than a queue
// holds, 415 for another encoding, 400 for gzip that is none. What does not end with a newline is a line all the same.
//
// Bodies, connections and times are bounded by HttpService, on whose thread all of this runs; keys are compared in constant
// time. Errors of Open: the address.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "adapters/http/http_service.h"
#include "adapters/live/options.h"
#include "adapters/source/live_queue.h"
#include "adapters/source/live_source.h"
#include "adapters/source/options.h"

namespace stockade {

class PushSource final : public LiveSource {
 public:
  static constexpr std::string_view kPath = "/v1/events";
  static constexpr size_t kErrorsShown = 20;

  static absl::StatusOr<std::unique_ptr<PushSource>> Open(PushOptions options);
  ~PushSource() override;

  absl::Status Start(LiveQueue* queue) override;
  void Stop() override;
  const std::string& name() const override { return name_; }
  LiveCounters counters() const override;
  void UseFields(std::shared_ptr<const FieldTable> fields) override;
  uint16_t port() const noexcept { return service_->port(); }

 private:
  explicit PushSource(PushOptions options);
  ServiceReply Reply(const ServiceRequest& request);
  ServiceReply Take(std::string_view lines);
  void CountRefused();

  const PushOptions options_;
  const std::string name_;
  std::atomic<LiveQueue*> queue_{nullptr};

  mutable std::mutex mutex_;  // of what follows
  LiveCounters counters_;
  std::shared_ptr<const FieldTable> fields_;

  std::unique_ptr<HttpService> service_;  // goes first
};

}  // namespace stockade
