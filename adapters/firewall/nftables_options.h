// What an operator may set about the nftables firewall. Which member is which key of stockade.yaml stands beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stockade {

// Where packets are looked at. prerouting sees everything that arrives, before it is known whether it is for this machine;
// input what is for this machine; forward what is passed on. Either of the last two suffices on a gateway; a machine that
// does both needs both, or prerouting.
enum class NftablesHook : uint8_t { kPrerouting, kInput, kForward };
// What happens to a packet whose source is blocked. reject answers (TCP reset, else ICMP "administratively prohibited"), so
// that it also answers whoever forged the source; mark lets it pass with a mark, for later chains, routing or shaping.
enum class NftablesVerdict : uint8_t { kDrop, kReject, kMark };

// Ports that fit into the comment of a rule, which is how a rule is known again. iptables' multiport takes as many.
inline constexpr size_t kNftablesPortsMax = 15;

struct NftablesOptions {
  // table: in family inet, begins with "stockade": so no setting can name a table that is somebody else's. One instance a
  // table: a second one would lift what the first has ordered.
  std::string table = "stockade";
  std::vector<NftablesHook> hooks = {NftablesHook::kInput};  // hooks: prerouting | input | forward
  // priority: among other chains of the hook, the lower the earlier; -300 (raw) … 300. What is dropped early costs least, and
  // what others accept later cannot undo it.
  int priority = -10;
  NftablesVerdict verdict = NftablesVerdict::kDrop;  // verdict: drop | reject | mark
  uint32_t mark = 0;                                 // mark: with verdict mark, not 0
  // ports: only TCP and UDP to these are looked at; empty: everything from a blocked source, ping too. In prerouting they
  // are those before a port forward.
  std::vector<uint16_t> ports;
  // loopback: false: packets of the machine to itself are looked at too, so that a block of its own address cuts its
  // services from one another.
  bool spare_loopback = true;
  // elements_max: of one set, that is of one length of prefix: some 100 bytes of kernel memory each. More could be enforced,
  // but not be read back in time to be compared (nftables_table.h); on a busy machine that is so from 300,000 on.
  uint32_t elements_max = uint32_t{1} << 19;
  // network_namespace: a name of `ip netns`, or the path of such a file; empty: the process's own. Needs CAP_SYS_ADMIN.
  std::string network_namespace;
};

}  // namespace stockade
