// A command of the operator's as a firewall: it is run with the orders of a batch, or with one order at a time, and carries
// them out, which its exit code 0 says. How it is run, and what it cannot do to us, is run_command.h's.
//
// On standard input it gets a line for each order: {"order":"enforce","decision":{…}} (webhook_text.h). For each: `order`,
// these variables are set too; for each: `batch` only STOCKADE_ORDERS, their number:
//   STOCKADE_ORDER    enforce | release             STOCKADE_UNTIL    2026-11-23T09:00:00.123Z; empty of a release
//   STOCKADE_ACTION   block, throttle, …            STOCKADE_SECONDS  time left, whole, rounded up; 0 of a release
//   STOCKADE_KIND     of a challenge: human |       STOCKADE_RULE     the rule's name
//                     identity; of a lock:          STOCKADE_ID       the decision's id
//                     unfamiliar | all; else empty
//   STOCKADE_SCOPE    ip, range, asn, …
//   STOCKADE_VALUE    203.0.113.9; of an account: whatever a stranger typed as his name. Quote it: "$STOCKADE_VALUE"
//
// Nothing can be listed: a script that loses what it did loses it. A batch that fails comes again whole, so the command must
// take an order twice. Exit code 65 says that an order can never be carried out; it is left out then. One thread at a time;
// for each: `order` up to `at_once` threads of its own during Apply.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/firewall/firewall.h"

namespace stockade {

struct ExecOptions {
  enum class Each : uint8_t { kOrder, kBatch };
  std::vector<std::string> command;  // command: a list: the program's whole path and its arguments
  Each each = Each::kOrder;          // each: order | batch
  std::vector<std::pair<std::string, std::string>> environment;  // environment: name → value
  absl::Duration timeout = absl::Seconds(5);                     // timeout: of one run, at most 20s
  int at_once = 4;                                               // at_once: runs beside each other, 1 to 16
  std::vector<Action> actions;                                   // actions: a list; empty: all
  std::vector<Scope> scopes;                                     // scopes: a list; empty: all
};

// InvalidArgument, naming the key.
absl::Status CheckExecOptions(const ExecOptions& options);

class ExecCommand final : public Firewall {
 public:
  static constexpr size_t kBatchMax = 500;

  // `options` have passed CheckExecOptions.
  explicit ExecCommand(ExecOptions options);

  Capabilities capabilities() const override;
  absl::Status Apply(std::span<const Order> orders, int64_t now_ms) override;
  absl::StatusOr<std::vector<Enforced>> List(int64_t now_ms) override;

 private:
  absl::Status RunOrder(const Order& order, int64_t now_ms) const;

  ExecOptions options_;
};

}  // namespace stockade
