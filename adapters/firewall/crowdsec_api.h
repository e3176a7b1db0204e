// CrowdSec's Local API: what its bouncers ask a CrowdSec server, answered from Stockade's decisions, so that each of them,
// firewall, nginx, Traefik, HAProxy and others, carries them out unchanged.
//
//   CrowdsecView view(now_ms);                     // delivery.h applies decisions to it
//   RETURN_IF_ERROR(view.Open(options.state_file, now_ms));  // where one is set
//   ApiKeys keys(options.keys_file);
//   CrowdsecApi api({&view, &keys});
//   auto service = HttpService::Start(CrowdsecHttpOptions(options), [&](const auto& r) { return api.Reply(r); });
//
//   GET|HEAD /v1/decisions           what stands for an address: a JSON array, or `null` without a newline
//   GET|HEAD /v1/decisions/stream    all (startup=true), or what changed since this bouncer's last pull (crowdsec_view.h)
//   POST     /v1/usage-metrics       what a bouncer dropped and let through: kept for Samples
//   GET|HEAD /health                 {"status":"up"}, without a key
//   POST     /v1/watchers/login      a machine's name and key → a token for an hour; GET /v1/refresh_token, /v1/heartbeat
//   POST     /v1/alerts              decisions of CrowdSec agents and of cscli, handed to `take`; 501 where it is not set
//
// What else a CrowdSec server does for its machines (listing and deleting alerts, deleting decisions, registering machines) is
// answered 501 or 403 with the command of Stockade that does it. Unknown paths are 404, other methods 405, a missing, bad or
// revoked key 403 {"message":"access forbidden"}, a machine's bad token 401. Replies are JSON and not compressed; bodies may
// come as gzip, at most kUnpackedBytesMax once unpacked, and only behind a key. A bouncer's cursor moves once its reply was
// handed over whole; a reply that cannot be made is 500, never a short list.
//
// Where it departs from the real server: one ceiling for bodies, with a key or without (body_bytes, 2 MiB, the real one's for
// those without; a list in one alert of more than some 10,000 decisions must be split); no client certificates and no TLS (it
// belongs on a loopback address, a private network, or behind a TLS proxy); a bouncer's address is the one its connection
// comes from, X-Forwarded-For is not read; decisions carry no `until`.
//
// Reply is called by one thread at a time; it may write a large list, some milliseconds for 10,000 decisions. Samples: any
// thread. The view, the keys and this outlive the service.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "adapters/firewall/api_keys.h"
#include "adapters/firewall/crowdsec_alerts.h"
#include "adapters/firewall/crowdsec_bouncers.h"
#include "adapters/firewall/crowdsec_view.h"
#include "adapters/firewall/machine_sessions.h"
#include "adapters/http/endpoint_address.h"
#include "adapters/http/http_service.h"
#include "adapters/http/query.h"

namespace stockade {

// firewalls.crowdsec:
struct CrowdsecOptions {
  Endpoint at;            // address: no default; the real server's is 127.0.0.1:8080
  std::string keys_file;  // keys_file: made by `stockade bouncers add`
  std::string
      state_file;  // state_file: what bouncers hold, across restarts; empty: forgotten with the process
  // take_alerts: machines may hand in decisions
  bool take_alerts = false;
  size_t body_bytes =
      size_t{2} << 20;    // body_bytes: of one request, compressed or not; strangers may send that much
  int connections = 256;  // connections: a bouncer holds one or two
  // transfer_time: for a whole request, and for a whole reply: 100,000 decisions are 23 MB
  absl::Duration transfer_time = absl::Seconds(60);
};
HttpServiceOptions CrowdsecHttpOptions(const CrowdsecOptions& options);
// Errors: no address, no keys_file, a number that is none.
absl::Status ValidateCrowdsec(const CrowdsecOptions& options);

class CrowdsecApi {
 public:
  static constexpr size_t kUnpackedBytesMax = size_t{16} << 20;

  struct Parts {
    CrowdsecView* view = nullptr;
    ApiKeys* keys = nullptr;
    // Takes decisions of machines: all of them, or says why not. Called on the service's thread; must not wait for long.
    std::function<absl::Status(std::vector<ImportedDecision>)> take = {};
    // Milliseconds since 1970.
    std::function<int64_t()> now_ms = [] { return absl::ToUnixMillis(absl::Now()); };
  };
  explicit CrowdsecApi(Parts parts);

  ServiceReply Reply(const ServiceRequest& request);
  std::vector<CrowdsecSample> Samples();

 private:
  struct Caller;  // who asks
  struct Route;
  static const Route kRoutes[];

  std::optional<Caller> Identify(const ServiceRequest& request, bool by_key, bool by_token);
  ServiceReply Answer(const ServiceRequest& request);
  ServiceReply FindDecisions(const ServiceRequest& request, const Caller& caller);
  ServiceReply StreamDecisions(const ServiceRequest& request, const Caller& caller);
  ServiceReply TakeUsage(const ServiceRequest& request, const Caller& caller);
  ServiceReply LogIn(const ServiceRequest& request, const Caller& caller);
  ServiceReply RefreshToken(const ServiceRequest& request, const Caller& caller);
  ServiceReply Heartbeat(const ServiceRequest& request, const Caller& caller);
  ServiceReply TakeAlerts(const ServiceRequest& request, const Caller& caller);
  ServiceReply Health(const ServiceRequest& request, const Caller& caller);
  ServiceReply Register(const ServiceRequest& request, const Caller& caller);
  ServiceReply NoAllowlists(const ServiceRequest& request, const Caller& caller);
  ServiceReply DoneElsewhere(const ServiceRequest& request, const Caller& caller);

  const Parts parts_;
  CrowdsecBouncers bouncers_;
  MachineSessions sessions_;
  std::atomic<uint64_t> alerts_ = 0;
  std::atomic<uint64_t> imported_ = 0;
  std::atomic<uint64_t> import_skipped_ = 0;
  std::atomic<uint64_t> forbidden_ = 0;
  std::atomic<uint64_t> failed_ = 0;
};

}  // namespace stockade
