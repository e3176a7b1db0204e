// Linux's own firewall: blocks of addresses and networks as elements of sets in a table of nftables, which the kernel lets go
// by itself when their time is over, also when Stockade is gone. What the table looks like, and why: nftables_commands.h.
//
//   NftablesOptions options;
//   ASSIGN_OR_RETURN(auto firewall, NftablesFirewall::Create(options));
//
// Each Apply looks at the table first (0.1 ms) and is one transaction of the kernel, seen by packets all at once: where
// somebody has flushed the rules, the table or the whole ruleset, changed a chain or put the table to sleep, it makes the table
// right before it carries out its orders. List shows what is enforced: nothing, unless the chains are hooked in as the options
// say and have our rules, no more and no fewer. So a foreign flush shows as a difference, and what is applied because of it
// restores everything. Other tables are not touched.
//
// Options that changed take effect alike. A table that sleeps, or has a set or chain the options would not make (another
// elements_max, somebody's own), is deleted and made anew in the transaction that finds it; until the next List it holds only
// what is ordered then. List shows nothing of such a table, so one before the first Apply brings all.
//
// Expiry is to the millisecond, and List tells it to some ten. An order whose time is over is a release; one that ends later
// than kNftablesTimeoutMsMax from now is cut to that. Loopback and neighbour discovery are spared; everything else from a
// blocked source is not, established connections included: allowlists belong before the ledger.
//
// libnftables (1.0.6) ends the process if it finds no memory, or no socket for its context, which is made once, after a socket
// of our own has shown that there are some. Its contexts are used by one thread of the process at a time. It prints nothing.
// One adapter is used by one thread at a time, as firewall.h says.
//
// Errors: kInvalidArgument for an order that no table can hold; kPermissionDenied without CAP_NET_ADMIN (or CAP_SYS_ADMIN for
// another namespace); kFailedPrecondition without nf_tables; kResourceExhausted when a set holds elements_max: the batch's
// releases are carried out one by one then, so that there is room some time, and its other orders only if they find it;
// kUnavailable for the rest, with what the kernel said.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/firewall/firewall.h"
#include "adapters/firewall/nftables_commands.h"
#include "adapters/firewall/nftables_options.h"
#include "adapters/firewall/nftables_table.h"

struct nft_ctx;

namespace stockade {

// A thousand take 15 ms. More would not be faster, and without CAP_NET_ADMIN outside its container a process's netlink
// messages are limited to net.core.wmem_max, 208 KiB: a thousand IPv6 elements take 96.
inline constexpr size_t kNftablesBatchMax = 1000;
// Somebody may flush, or an element expire, between the look at the table and the transaction.
inline constexpr int kNftablesTriesMax = 3;

class NftablesFirewall final : public Firewall {
 public:
  // kInvalidArgument: an option, by its key.
  static absl::StatusOr<std::unique_ptr<NftablesFirewall>> Create(NftablesOptions options);
  ~NftablesFirewall() override;

  Capabilities capabilities() const override;
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> ListUnless(const std::atomic<bool>& gives_way,
                                                   int64_t now_ms) override;

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };

  explicit NftablesFirewall(NftablesOptions options);
  // `work` in the network namespace of the options.
  absl::Status InNamespace(const std::function<absl::Status()>& work) const;
  absl::StatusOr<NftablesTable> Look(NftablesReader::Clock::time_point deadline);
  absl::Status Carry(std::vector<NftablesChange> changes);
  // Of a batch that found no room: its releases one by one, which needs none, and leaves what is to be enforced. Whether that
  // is worth another try.
  bool Release(std::vector<NftablesChange>* changes);
  // One transaction. *missing: something it names was not there.
  absl::Status Run(const std::string& commands, bool* missing);
  absl::Status Read(const std::atomic<bool>& gives_way, int64_t now_ms, std::vector<Enforced>* standing);

  const NftablesOptions options_;
  std::optional<NftablesReader> reader_;
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace stockade
