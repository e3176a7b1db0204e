// What one table of the kernel's nf_tables holds, read over netlink: chains with their hooks, rules by their comments, sets
// and their elements.
//
// libnftables would read it too, but it fetches all elements of all sets for nearly every list command (version 1.0.6: 1.1 s
// and 110 MB to show one chain of a table with 100,000 elements), and its JSON gives time left in whole seconds. Here the
// table without its elements takes 0.1 ms, and elements come as they are dumped, to the millisecond.
//
// The kernel begins each part of a dump (some 800 elements) at the front of the set: 100,000 elements take it 0.6 s, 300,000
// 6 s, a million over a minute. kNftablesReadTime ends a read, kNftablesAnswerTime the wait for a kernel that is silent. A dump
// during which somebody changed anything is begun anew, kNftablesReadsMax in all, then taken as it is: an element may then be
// missing or come twice. Not thread-safe.
// Errors: kPermissionDenied without CAP_NET_ADMIN, kFailedPrecondition where the kernel has no nf_tables, kUnavailable for
// everything else, each with what to do.
// Source: linux/netfilter/nf_tables.h; libmnl.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct mnl_socket;
struct nlmsghdr;

namespace stockade {

// Of all that one List or Apply reads: below kCallTimeMax (firewall.h), with time for a transaction.
inline constexpr absl::Duration kNftablesReadTime = absl::Seconds(20);
// It answers at once.
inline constexpr absl::Duration kNftablesAnswerTime = absl::Seconds(5);
inline constexpr int kNftablesReadsMax = 3;

struct NftablesTable {
  struct Chain {
    std::string name;
    std::optional<uint32_t> hook;  // NF_INET_*; none: a chain that others jump to
    int32_t priority = 0;
    bool accepts = true;             // its policy
    std::vector<std::string> rules;  // the comment of each, in order; empty where it has none
  };
  struct Set {
    std::string name;
    uint32_t flags = 0;  // NFT_SET_*
    uint32_t key_bytes = 0;
    uint32_t size = 0;  // 0: no limit
  };
  bool exists = false;
  bool dormant = false;  // there, but its chains are not run
  std::vector<Chain> chains;
  std::vector<Set> sets;
};

struct NftablesSetElement {
  std::span<const uint8_t> key;    // in network order; for the time of the call
  std::optional<int64_t> left_ms;  // none: it stays
};

class NftablesReader {
 public:
  using Clock = std::chrono::steady_clock;
  // In the network namespace of the calling thread, for as long as it lives.
  static absl::StatusOr<NftablesReader> Open();

  // Of family inet. A table that is not there is no error. Elements are not read.
  absl::StatusOr<NftablesTable> Table(const std::string& name, Clock::time_point deadline);
  // Every element that has not expired. `restart` is called before a dump that begins anew: what came is void. kAborted as soon
  // as `gives_way` is true.
  absl::Status Elements(const std::string& table, const std::string& set,
                        const std::function<void(const NftablesSetElement&)>& on_element,
                        const std::function<void()>& restart, const std::atomic<bool>& gives_way,
                        Clock::time_point deadline);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  // Sends one request about `table` (and, with its attribute's number, one more name) and hands on each message that answers.
  // *interrupted: somebody changed something meanwhile.
  absl::Status Ask(uint16_t message, bool dump, uint16_t table_attribute, const std::string& table,
                   uint16_t name_attribute, const std::string& name,
                   const std::function<void(const nlmsghdr*)>& on_message, const std::atomic<bool>& gives_way,
                   Clock::time_point deadline, bool* interrupted);
  absl::StatusOr<NftablesTable> TableOnce(const std::string& name, Clock::time_point deadline,
                                          bool* interrupted);

  std::unique_ptr<mnl_socket, Close> socket_;
  uint32_t sequence_ = 0;
};

}  // namespace stockade
