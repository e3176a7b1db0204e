// One firewall of a running gate: its adapter as the configuration names it, the delivery that works it, and of CrowdSec's kind
// what answers bouncers.
//
// Threads: made and stopped by one owner; what is in it says the rest.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adapters/firewall/crowdsec_api.h"
#include "adapters/firewall/delivery.h"
#include "adapters/firewall/standing_orders.h"
#include "adapters/firewall/webhook.h"
#include "adapters/http/http_service.h"
#include "tools/stockade/firewall_settings.h"
#include "tools/stockade/run_log.h"

namespace stockade {

struct Carrier {
  std::string kind;
  std::unique_ptr<Delivery> delivery;
  // Of kind crowdsec: goes before the delivery, which owns the view.
  std::unique_ptr<ApiKeys> keys;
  std::unique_ptr<CrowdsecApi> api;
  std::unique_ptr<HttpService> service;
  HttpServiceOptions service_options;
  Webhook* webhook = nullptr;

  // Its delivery at work. `take`: where decisions go that machines hand in. `standing` and `log` outlive it. Errors: a kind that
  // this build has not, no thread.
  static absl::StatusOr<Carrier> Start(const FirewallSettings& settings, StandingOrders* standing,
                                       std::function<absl::Status(std::vector<ImportedDecision>)> take,
                                       RunLog* log);
  // From then on bouncers are answered; who is answered may order. Errors: an address that cannot be had.
  absl::Status Open();
  void Stop();
};

}  // namespace stockade
