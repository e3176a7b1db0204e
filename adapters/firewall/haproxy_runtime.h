// HAProxy as a firewall: decisions become entries of its maps and stick tables, over its runtime API (haproxy_socket.h),
// while it runs and without a reload. What they do is HAProxy's configuration:
//
//   global
//     stats socket /run/haproxy/admin.sock mode 660 level admin
//   frontend www
//     http-request deny deny_status 403 if { src,map_ip(/etc/haproxy/stockade_block.map) -m found }
//     http-request set-var(req.ask) src,map_ip(/etc/haproxy/stockade_challenge.map)     # "human:5f0e…", "identity:…"
//     http-request deny if { req.fhdr(x-user),map(/etc/haproxy/stockade_lock.map) -m found }
//
// (fhdr, and not hdr, which takes a name with a comma for two.) A map holds the orders of one action. Key: the address,
// network, ASN, fingerprint or account as the decision spells it. Value: what stands (variants.h) and the decision's id, or its
// rule: "block:5f0e91c2aa034b17". map_ip finds the longest prefix. The map's file must exist, and may be empty: HAProxy loads
// it at its start and never writes it. A table holds single addresses: its counter is 1 where a decision stands, and it
// reaches HAProxy's peers. Maps and tables named here are Stockade's alone: whatever else is in them is listed, and so
// released.
//
// How. HAProxy does not look whether a key is there when it adds one, so this keeps what stands in each map in mind: 150
// bytes an entry, read from HAProxy at first and whenever it is another process, or its map another version or size, than at
// the end of the last call. New keys come as payloads of at most kHaproxyLineBytesMax. A change or removal makes HAProxy walk
// the whole map (about 0.1 µs an entry, in which no traffic moves), so that beyond kHaproxyWalksMax of them the map is built
// anew beside the old one (`prepare map`, `add map @N`, `commit map @N`), which then changes at once. A batch that breaks
// off leaves some of it standing; the map is read again at the next.
//
// HAProxy's maps have no expiry: releases must come (`expires` false). Table entries go by the table's own `expire`, which
// should be longer than any decision; what went too early is listed as missing, and comes back. A restart or reload of
// HAProxy leaves what the map's file holds: the next List shows it, and the next Apply notices.
//
// Where HAProxy runs as several processes on one socket, any of them answers: one process (threads, which is its default).
//
// Keys that no command can carry (control characters, more than kHaproxyKeyBytesMax) make a batch kInvalidArgument, after all
// others of it were carried out. Other errors: Unavailable, DeadlineExceeded; FailedPrecondition for a map or table that
// HAProxy's configuration does not name. Blocks for at most `call_time`. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/firewall/firewall.h"
#include "adapters/http/endpoint_address.h"

namespace stockade {

// maps: a list
struct HaproxyMapOptions {
  enum class Holds : uint8_t { kAddresses, kAsns, kFingerprints, kAccounts };
  Action action = Action::kBlock;   // action: block | throttle | challenge | lock
  Holds holds = Holds::kAddresses;  // holds: addresses (and networks) | asns | fingerprints | accounts
  std::string map;  // map: as HAProxy's configuration names it: /etc/haproxy/stockade_block.map
};
// tables: a list; single addresses of this action then go here, and networks only to its map
struct HaproxyTableOptions {
  Action action = Action::kBlock;  // action
  std::string table;               // table: the section that has the stick-table
  std::string counter = "gpc0";    // counter: one that the table stores: gpc0, gpc1, gpt0
};
struct HaproxyOptions {
  enum class Value : uint8_t { kId, kRule };
  Endpoint socket;                                // socket: unix:/run/haproxy/admin.sock or 127.0.0.1:9999
  std::vector<HaproxyMapOptions> maps;            // maps
  std::vector<HaproxyTableOptions> tables;        // tables
  Value value = Value::kId;                       // value: id | rule, what a map's value names
  absl::Duration answer_time = absl::Seconds(5);  // answer_time: for one exchange, connecting included
  absl::Duration call_time =
      absl::Seconds(25);  // call_time: for a batch or a list; below Firewall::kCallTimeMax
};

// InvalidArgument, naming the key, for what could not work: two carriers of one order, a name HAProxy could misread.
absl::Status CheckHaproxyOptions(const HaproxyOptions& options);

class HaproxyRuntime final : public Firewall {
 public:
  // `options` have passed CheckHaproxyOptions.
  explicit HaproxyRuntime(HaproxyOptions options);
  ~HaproxyRuntime() override;

  Capabilities capabilities() const override;
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockade
