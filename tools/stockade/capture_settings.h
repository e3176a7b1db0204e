// The section `capture` of the settings: logins that `run` sees pass a network interface.
//
//   capture:
//     interface: eth1            # of a mirror port or a TAP; "any" for all
//     filter: tcp port 8080      # pcap-filter(7); without it all packets
//     snaplen: 65791             # bytes of a packet that are kept
//     buffer: 32MiB              # the kernel's ring, for while nobody reads
//     promiscuous: true
//     tunnels: false             # look into GRE, VXLAN and IP in IP: whoever can send such packets past here writes any sender
//     user: stockade             # whom the process becomes once all is open; and, if not his own, the group
//     group: stockade
//
// What a login is says the section `gateway`: endpoints, trusted_proxies, client_address_header, account_case, certificates.
// Load time only; one thread.
#pragma once

#include <string>

#include "adapters/capture/packet_device.h"
#include "engine/rule/yaml_tree.h"
#include "tools/stockade/settings_reader.h"

namespace stockade {

struct CaptureSettings {
  PacketDeviceOptions device;
  bool tunnels = false;
  std::string user, group;  // empty: the process stays who it is
};

CaptureSettings ReadCaptureSettings(const YamlNode& node, const std::string& path, SettingsReader* reader);

}  // namespace stockade
