// A small HTTP/1.1 listener for services of our own: whole requests in, whole answers out, on a thread of its own. Not the
// proxy: nothing streams, and what is large is refused.
//
//   auto service = HttpService::Start(options, [](const ServiceRequest& request) { return ServiceReply{…}; });
//   … service->Stop();
//
// A reply that takes its time may come later: the answer function then asks for where it goes, and gives nothing. The
// connection waits for it, at most request_time, and answers what else was sent on it after that, in its order; others go
// on.
//
// Listens on an address or a unix socket (whose file is replaced if nobody answers there, and removed at the end). Keeps
// connections alive and takes pipelined requests. Slow and idle clients are cut off by their times, and at most
// connections_max are open, so that a service for one proxy cannot be used to drown the process. Where all are taken, the
// oldest gives way that was never answered with a success, of the address that has most of those: whoever holds connections
// and has no key shuts nobody out. Where there is none, the newcomer is closed. Framing is Boost.Beast's: whatever it finds wrong ends the connection with 400.
//
// The answer function is called on the service's thread, one request at a time; it must not block. What it was handed lives
// during the call, also where the reply comes later. Start, Stop and the
// destructor: one owner. Errors of Start name the address and what the system said.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/http/endpoint_address.h"
#include "adapters/http/service_message.h"

namespace stockade {

struct HttpServiceOptions {
  Endpoint at;  // port 0: any free one, see port()
  size_t header_bytes_max = size_t{64} << 10;
  size_t body_bytes_max = size_t{256} << 10;
  int connections_max = 1024;
  // Of all replies that are being sent. Where they are as much, whoever asks next is told to come again (503, Retry-After), so
  // that clients who do not read what they asked for hold no more than this and one reply: a bouncer's first is 210 MB where
  // a million decisions stand.
  size_t reply_bytes_max = size_t{256} << 20;
  absl::Duration request_time =
      absl::Seconds(10);  // from a request's first byte to its last, and for its answer
  absl::Duration idle_time = absl::Seconds(75);  // between requests; nginx keeps its upstreams 60 s
};

class HttpService {
 public:
  using Answer = std::function<ServiceReply(const ServiceRequest&)>;
  // The reply, or nothing: then `later` was called, and its ServiceReplyTo is told.
  using LateAnswer =
      std::function<std::optional<ServiceReply>(const ServiceRequest&, const ServiceLater& later)>;

  static absl::StatusOr<std::unique_ptr<HttpService>> Start(const HttpServiceOptions& options, Answer answer);
  static absl::StatusOr<std::unique_ptr<HttpService>> Start(const HttpServiceOptions& options,
                                                            LateAnswer answer);
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  // Takes no more connections; requests that are here are answered, the connections closed. Idempotent.
  void Stop();
  uint16_t port() const noexcept;  // 0 for a unix socket

 private:
  struct State;
  explicit HttpService(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stockade
