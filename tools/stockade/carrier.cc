#include "tools/stockade/carrier.h"

#include <utility>
#include <variant>

#include "absl/time/clock.h"
#include "adapters/firewall/crowdsec_view.h"
#include "adapters/firewall/exec_command.h"
#include "adapters/firewall/gateway_lock.h"
#include "adapters/firewall/haproxy_runtime.h"
#include "adapters/firewall/list_file.h"
#include "engine/status.h"
#include "engine/text.h"
#ifdef STOCKADE_HAS_NFTABLES
#include "adapters/firewall/nftables.h"
#endif

namespace stockade {

absl::StatusOr<Carrier> Carrier::Start(const FirewallSettings& settings, StandingOrders* standing,
                                       std::function<absl::Status(std::vector<ImportedDecision>)> take,
                                       RunLog* log) {
  Carrier carrier;
  carrier.kind = KindName(settings);
  std::unique_ptr<Firewall> firewall;
  if (const auto* nftables = std::get_if<NftablesOptions>(&settings.kind)) {
#ifdef STOCKADE_HAS_NFTABLES
    ASSIGN_OR_RETURN(firewall, NftablesFirewall::Create(*nftables));
#else
    return absl::UnimplementedError(Concat("this build has no nftables, which ", nftables->table, " needs"));
#endif
  } else if (const auto* crowdsec = std::get_if<CrowdsecOptions>(&settings.kind)) {
    const int64_t now_ms = absl::ToUnixMillis(absl::Now());
    auto view = std::make_unique<CrowdsecView>(now_ms);
    if (!crowdsec->state_file.empty()) {
      // It spares bouncers a surprise and no more: a full disk must not keep the gate from starting.
      if (const absl::Status status = view->Open(crowdsec->state_file, now_ms); !status.ok())
        log->Error(
            Concat(FromAbsl(status.message()), "; bouncers are told what stands, not what ended meanwhile"));
    }
    carrier.keys = std::make_unique<ApiKeys>(crowdsec->keys_file);
    CrowdsecApi::Parts parts;
    parts.view = view.get();
    parts.keys = carrier.keys.get();
    if (crowdsec->take_alerts) parts.take = std::move(take);
    carrier.api = std::make_unique<CrowdsecApi>(std::move(parts));
    carrier.service_options = CrowdsecHttpOptions(*crowdsec);
    firewall = std::move(view);
  } else if (const auto* haproxy = std::get_if<HaproxyOptions>(&settings.kind)) {
    firewall = std::make_unique<HaproxyRuntime>(*haproxy);
  } else if (const auto* webhook = std::get_if<WebhookOptions>(&settings.kind)) {
    auto made = std::make_unique<Webhook>(*webhook);
    carrier.webhook = made.get();
    firewall = std::move(made);
  } else if (const auto* exec = std::get_if<ExecOptions>(&settings.kind)) {
    firewall = std::make_unique<ExecCommand>(*exec);
  } else if (const auto* list = std::get_if<ListFileOptions>(&settings.kind)) {
    firewall = std::make_unique<ListFile>(*list);
  } else if (const auto* lock = std::get_if<GatewayLockOptions>(&settings.kind)) {
    firewall = std::make_unique<GatewayLock>(*lock);
  }
  ASSIGN_OR_RETURN(carrier.delivery,
                   Delivery::Start(settings.name, std::move(firewall), standing, settings.delivery,
                                   [log](std::string_view text) { log->Warn(text); }));
  return carrier;
}

absl::Status Carrier::Open() {
  if (api == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(service,
                   HttpService::Start(service_options, [api = api.get()](const ServiceRequest& request) {
                     return api->Reply(request);
                   }));
  return absl::OkStatus();
}

void Carrier::Stop() {
  if (service != nullptr) service->Stop();
  delivery->Stop();
}

}  // namespace stockade
