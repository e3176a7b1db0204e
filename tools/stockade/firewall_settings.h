// The list `firewalls` of the settings: who carries decisions out, in the order in which they are named.
//
//   firewalls:
//     - nftables: {hooks: [input], ports: [443]}
//     - name: edge
//       crowdsec: {address: "10.0.0.2:8080", keys_file: bouncers.keys}
//       delivery: {reconcile_interval: 1m}
//
// One kind each: nftables, crowdsec, haproxy, webhook, exec, file, gateway_lock. Which keys a kind has stands beside its options
// in adapters/firewall. `name` is for logs and figures, the kind's own by default; no two may be equal.
//
// Load time only; one thread. Files that are named are not looked at here: an adapter reads them when it needs them.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/firewall/crowdsec_api.h"
#include "adapters/firewall/delivery_settings.h"
#include "adapters/firewall/exec_command.h"
#include "adapters/firewall/gateway_lock.h"
#include "adapters/firewall/haproxy_runtime.h"
#include "adapters/firewall/list_file.h"
#include "adapters/firewall/nftables_options.h"
#include "adapters/firewall/webhook.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

struct FirewallSettings {
  using Kind = std::variant<NftablesOptions, CrowdsecOptions, HaproxyOptions, WebhookOptions, ExecOptions,
                            ListFileOptions, GatewayLockOptions>;
  std::string name;
  Kind kind;
  DeliverySettings delivery;
};
// In the order of the variant.
inline constexpr std::string_view kFirewallKindNames[] = {"nftables", "crowdsec", "haproxy",     "webhook",
                                                          "exec",     "file",     "gateway_lock"};
static_assert(std::size(kFirewallKindNames) == std::variant_size_v<FirewallSettings::Kind>);
inline std::string_view KindName(const FirewallSettings& firewall) noexcept {
  return kFirewallKindNames[firewall.kind.index()];
}

std::vector<FirewallSettings> ReadFirewallSettings(const YamlNode& node, const std::string& path,
                                                   SettingsReader* reader);

}  // namespace stockade
