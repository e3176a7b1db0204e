// The sidecar: an HTTP/1.1 reverse proxy that passes everything on as it came, at full speed, but for logins, which it
// holds until the gate has spoken, and whose answers it reads.
//
//   auto proxy = Proxy::Start(settings, parts);        // listens and serves when it returns
//   (*proxy)->SwapSettings(new_settings, new_parts);   // SIGHUP: new requests see the new, no connection is lost
//   (*proxy)->Drain(limits.drain_time);                // no new connections, what is under way ends, then Stop
//
// What passes: bodies in both directions with bounded memory, chunked or not, trailers, 100-continue, 1xx, HEAD,
// pipelined requests in their order, websockets (101, then any bytes). What is refused, and by whose rules:
// head_reader.h, chunk_reader.h. What is taken off and added: forward_head.h. Limits: settings.h, all of them.
//
// Trouble: no upstream can be reached, 502 (logins: answers.unavailable); it is too slow, 504; all its connections are
// busy, 503; it breaks off in the middle, the client's connection breaks too. A kept connection that turns out stale is
// replaced and the request sent once more if it is idempotent, or nothing of it was sent (RFC 9110 §9.2.2).
//
// Threads: settings.workers of its own; every member may be called from any thread, one at a time for those that change
// it. Callbacks of ProxyParts are called by workers. Errors: of Start and SwapSettings a Status with key and file, and
// nothing has changed then.
#pragma once

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/gateway/proxy_counts.h"
#include "adapters/gateway/proxy_state.h"

namespace stockade {

class ConnectionLimits;
class ProxyWorker;

class Proxy {
 public:
  static absl::StatusOr<std::unique_ptr<Proxy>> Start(GatewaySettings settings, ProxyParts parts);
  ~Proxy();  // Stop
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Everything may change but the listeners' addresses, their proxy_protocol, whether they speak TLS, and workers: those
  // are refused, by key. A certificate that cannot be used is refused and the old one stays.
  absl::Status SwapSettings(GatewaySettings settings, ProxyParts parts);

  // Blocks until every connection has ended, or `deadline` has passed; ends what is left. Returns how many those were.
  int Drain(absl::Duration deadline);
  void Stop();

  ProxyCounts counts() const;
  // The port of a TCP listener: the one that was set, or that the kernel chose for 0; 0 for a unix socket.
  uint16_t port(size_t listener) const { return ports_[listener]; }
  struct UpstreamHealth {
    std::string name;
    bool healthy = true;
  };
  std::vector<UpstreamHealth> health() const;

 private:
  Proxy();

  mutable std::mutex mutex_;
  std::shared_ptr<const ProxyState> state_;  // under mutex_
  std::unique_ptr<ConnectionLimits> limits_;
  std::vector<std::unique_ptr<ProxyWorker>> workers_;
  std::vector<std::thread> threads_;
  std::vector<uint16_t> ports_;
  std::vector<std::string> unix_paths_;
};

}  // namespace stockade
